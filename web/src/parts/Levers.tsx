/** Levers on the forecast: the three that help most, and all as switches. */

import type { JSX } from "preact";
import { times, interval } from "../format";
import { splitLever, FIRST_YEAR, LAST_YEAR } from "../state";
import { linkTo, scenario, updateScenario, year } from "../store";
import type { Lever, RankedLever } from "../api.gen";
import { Evidence, Failure } from "./common";

/** Order by ratio, the largest first. */
export const byRatio = (a: RankedLever, b: RankedLever): number => (b.ratio ?? 0) - (a.ratio ?? 0);

/** Limits that a lever lifts or lowers, with the sign. */
export function signs(row: RankedLever): [string, "+" | "−"][] {
  return Object.entries(row.on_limits).flatMap(([limit, effect]): [string, "+" | "−"][] => {
    if (effect === null) return [];
    return effect > 1.0005 ? [[limit, "+"]] : effect < 0.9995 ? [[limit, "−"]] : [];
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

export function TopLevers(props: {
  rows: readonly RankedLever[] | null;
  levers: readonly Lever[];
  failure: string;
}): JSX.Element {
  const kinds = new Map(props.levers.map((l) => [l.name, l]));
  const top = (props.rows ?? [])
    .filter((r) => kinds.get(r.lever)?.kind !== "package" && !leverState(r.lever).on)
    .sort(byRatio)
    .slice(0, 3);
  return (
    <section class="top-levers">
      <h2>What would help most</h2>
      <Failure words={props.failure} />
      <ol>
        {top.map((r) => (
          <li key={r.lever}>
            <button type="button" class="lever" onClick={() => switchLever(r.lever, true, null)} title="Switch on">
              <span class="ratio">{times(r.ratio)}</span>
              <span class="name">{r.name}</span>
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

export function LeverSwitches(props: { rows: readonly RankedLever[] | null; levers: readonly Lever[] }): JSX.Element {
  const place = new Map((props.rows ?? []).map((r) => [r.lever, r]));
  const effect = (l: Lever): number => place.get(l.name)?.ratio ?? 0;
  const sorted = [...props.levers].sort((a, b) => effect(b) - effect(a));
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

function LeverSwitch({ lever, row }: { lever: Lever; row: RankedLever | undefined }): JSX.Element {
  const { on, year: from } = leverState(lever.name);
  const id = `lever-${lever.name}`;
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
        {row ? <span class="effect"> {times(row.ratio)}</span> : null}
      </label>
      {on ? (
        <select
          aria-label={`${lever.title}: from`}
          value={from === null ? "" : String(from)}
          onChange={(e) => switchLever(lever.name, true, e.currentTarget.value ? Number(e.currentTarget.value) : null)}
        >
          <option value="" selected={from === null}>
            {from === null ? `from ${Math.floor(lever.from_year)}` : "when available"}
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
          {lever.mid !== null ? (
            <>
              <dt>Range</dt>
              <dd>
                {interval({ p10: lever.low, p50: lever.mid, p90: lever.high })} {lever.unit}
              </dd>
            </>
          ) : null}
          <dt>Limits</dt>
          <dd>{lever.limits || "none"}</dd>
          <dt>Source</dt>
          <dd>
            <Evidence of={lever} />
          </dd>
        </dl>
      </details>
    </li>
  );
}
