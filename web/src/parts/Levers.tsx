/** Levers on the forecast: the three that help most, and all as switches. */

import type { JSX } from "preact";
import { times, interval } from "../format";
import { splitLever, FIRST_YEAR, LAST_YEAR } from "../state";
import { linkTo, scenario, updateScenario, year } from "../store";
import type { Lever, RankRow } from "../types";
import { Evidence, Failure } from "./common";

export const median = (row: RankRow): number => row.ratio ?? row.p50;

/** Sign of a lever on each limit: "+", "−" or "". */
export function signs(row: RankRow): [string, "+" | "−"][] {
  return Object.entries(row.by_limit).flatMap(([limit, effect]): [string, "+" | "−"][] => {
    if (typeof effect === "string")
      return effect.startsWith("+") ? [[limit, "+"]] : /^[-−]/.test(effect) ? [[limit, "−"]] : [];
    return effect > 1.0005 ? [[limit, "+"]] : effect < 0.9995 && effect >= 0 ? [[limit, "−"]] : [];
  });
}

/** Switch a lever on from a year (null: when it is available) or off. */
function switchLever(name: string, on: boolean, from: number | null): void {
  const rest = scenario.value.levers.filter((l) => splitLever(l).name !== name);
  updateScenario({ levers: on ? [...rest, from === null ? name : `${name}@${from}`] : rest });
}

export function leverState(name: string): { on: boolean; year: number | null } {
  const found = scenario.value.levers.map(splitLever).find((l) => l.name === name);
  return { on: found !== undefined, year: found?.year ?? null };
}

export function TopLevers(props: { rows: RankRow[] | null; levers: Lever[]; failure: string }): JSX.Element {
  const kinds = new Map(props.levers.map((l) => [l.name, l]));
  const top = (props.rows ?? [])
    .filter((r) => kinds.get(r.lever)?.kind !== "package" && !leverState(r.lever).on)
    .sort((a, b) => median(b) - median(a))
    .slice(0, 3);
  return (
    <section class="top-levers">
      <h2>What would help most</h2>
      <Failure words={props.failure} />
      <ol>
        {top.map((r) => (
          <li key={r.lever}>
            <button type="button" class="lever" onClick={() => switchLever(r.lever, true, null)} title="Switch on">
              <span class="ratio">{times(median(r))}</span>
              <span class="name">{r.name ?? kinds.get(r.lever)?.title ?? r.lever}</span>
              <span class="reach">
                80 %: {times(r.p10)}–{times(r.p90)}
              </span>
            </button>
          </li>
        ))}
        {props.rows === null ? [1, 2, 3].map((i) => <li key={i} class="empty" />) : null}
      </ol>
      <p class="note">
        Factor on the largest feasible run of {year.value}; press one to switch it on.{" "}
        <a href={linkTo("levers")}>All levers</a>
      </p>
    </section>
  );
}

export function LeverSwitches({ rows, levers }: { rows: RankRow[] | null; levers: Lever[] }): JSX.Element {
  const place = new Map((rows ?? []).map((r) => [r.lever, r]));
  const effect = (l: Lever): number => {
    const r = place.get(l.name);
    return r ? median(r) : 0;
  };
  const sorted = [...levers].sort((a, b) => effect(b) - effect(a));
  const active = new Set(scenario.value.levers.map((l) => splitLever(l).name));
  const first = sorted.filter((l, i) => i < 6 || active.has(l.name));
  const rest = sorted.filter((l) => !first.includes(l));
  return (
    <section class="switches">
      <h2>
        Levers{" "}
        {active.size ? (
          <button type="button" class="quiet" onClick={() => updateScenario({ levers: [] })}>
            all off
          </button>
        ) : null}
      </h2>
      <ul>
        {first.map((l) => (
          <LeverSwitch key={l.name} lever={l} row={place.get(l.name)} />
        ))}
      </ul>
      {rest.length ? (
        <details>
          <summary>{rest.length} more levers</summary>
          <ul>
            {rest.map((l) => (
              <LeverSwitch key={l.name} lever={l} row={place.get(l.name)} />
            ))}
          </ul>
        </details>
      ) : null}
    </section>
  );
}

function LeverSwitch({ lever, row }: { lever: Lever; row: RankRow | undefined }): JSX.Element {
  const { on, year: from } = leverState(lever.name);
  const id = `lever-${lever.name}`;
  const start = from ?? lever.from_year;
  const years: number[] = [];
  for (let y = FIRST_YEAR; y <= LAST_YEAR; y++) years.push(y);
  return (
    <li class={on ? "on" : ""}>
      <input
        type="checkbox"
        role="switch"
        id={id}
        checked={on}
        onChange={(e) => switchLever(lever.name, e.currentTarget.checked, null)}
      />
      <label for={id}>
        {lever.title}
        {row ? <span class="effect"> {times(median(row))}</span> : null}
      </label>
      {on ? (
        <select
          aria-label={`${lever.title}: from`}
          value={from === null ? "" : String(from)}
          onChange={(e) => switchLever(lever.name, true, e.currentTarget.value ? Number(e.currentTarget.value) : null)}
        >
          <option value="" selected={from === null}>
            {start && from === null ? `from ${Math.floor(start)}` : "when available"}
          </option>
          {years.map((y) => (
            <option key={y} value={String(y)} selected={y === from}>
              from {y}
            </option>
          ))}
        </select>
      ) : null}
      <details>
        <summary>
          claim and check<span class="hidden"> of {lever.title}</span>
        </summary>
        <dl>
          <dt>Claim</dt>
          <dd>{lever.claim || "–"}</dd>
          <dt>Check</dt>
          <dd>{lever.check || "–"}</dd>
          {lever.p50 !== null && lever.p10 !== null && lever.p90 !== null ? (
            <>
              <dt>Range</dt>
              <dd>
                {interval({ p10: lever.p10, p50: lever.p50, p90: lever.p90 })} {lever.unit}
              </dd>
            </>
          ) : null}
          <dt>Limits</dt>
          <dd>{lever.limits || "none"}</dd>
          <dt>Source</dt>
          <dd>
            <Evidence grade={lever.grade} source={lever.source} url={lever.url} />
          </dd>
        </dl>
      </details>
    </li>
  );
}
