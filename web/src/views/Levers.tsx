/** Which remedies lift the limit, alone and together? */

import type { JSX } from "preact";
import * as api from "../api";
import { useAsk } from "../ask";
import { Intervals } from "../charts/Intervals";
import { flat, interval, percent, short, times } from "../format";
import { DataTable, Evidence, Failure, Lead, Notes, Select } from "../parts/common";
import { Figure } from "../parts/Figure";
import { byRatio, signs } from "../parts/Levers";
import { FIRST_YEAR, LAST_YEAR } from "../state";
import { flushAddress, linkTo, scenario, state, update, updateScenario, year } from "../store";
import type { RankedLever } from "../api.gen";

const YEARS: [string, string][] = Array.from({ length: LAST_YEAR - FIRST_YEAR + 1 }, (_, i) => [
  String(FIRST_YEAR + i),
  String(FIRST_YEAR + i),
]);

export function Levers(): JSX.Element {
  const question = JSON.stringify([scenario.value, year.value]);
  const levers = useAsk("levers", api.levers);
  const rank = useAsk(question, (signal) => api.rank(scenario.value, year.value, signal));
  const rows = [...(rank.value?.levers ?? [])].sort(byRatio);
  const known = new Map((levers.value?.levers ?? []).map((l) => [l.name, l]));
  const best = rows.find((r) => known.get(r.lever)?.kind !== "package");
  return (
    <div class="single">
      <div class="answer">
        <h1>Which remedies lift the limit?</h1>
        <Failure words={rank.failure || levers.failure} />
        <Lead>
          {best
            ? `In ${year.value} one lever alone lifts the largest feasible run most: ${best.name}, ${times(best.ratio)} (80 %: ${times(best.p10)}–${times(best.p90)}).`
            : "The levers are being ranked."}
        </Lead>
        <Select label="Year" value={String(year.value)} options={YEARS} onChange={(v) => update({ year: Number(v) })} />
        <p class="note">
          For the scenario of the <a href={linkTo("forecast")}>forecast</a>, at 1,024 futures.
        </p>
        <Notes of={rank.value?.notes ?? []} />
      </div>
      {rows.length ? <Ranking rows={rows} /> : null}
      <Package />
      <ReboundPart />
    </div>
  );
}

function Ranking({ rows }: { rows: RankedLever[] }): JSX.Element {
  return (
    <Figure
      file="levers"
      title="Each lever alone: factor on the largest feasible run"
      note="Dot: factor on the median. Line: p10–p90 over futures; cut off at ×10. Right of ×1 helps."
      rows={rows.map((r) => flat({ ...r }))}
      table={
        <DataTable
          caption="Levers, the strongest first"
          rows={rows}
          columns={[
            { title: "lever", cell: (r) => r.name },
            { title: "factor", number: true, cell: (r) => `${times(r.ratio)} (${times(r.p10)}–${times(r.p90)})` },
            {
              title: "limits",
              cell: (r) =>
                signs(r).map(([l, s]) => (
                  <span key={l} class={`sign key-${l}`}>
                    <span class="swatch" aria-hidden="true" />
                    {l} {s}
                  </span>
                )),
            },
            { title: "check", cell: (r) => r.check },
            { title: "evidence", cell: (r) => <Evidence of={r} /> },
          ]}
        />
      }
    >
      {(width) => (
        <>
          <Intervals
            width={width}
            cap={10}
            label="Factor of each lever with p10 to p90; the numbers stand in the table below"
            rows={rows.slice(0, 16).map((r) => ({ label: r.name, q: { p10: r.p10, p50: r.ratio, p90: r.p90 } }))}
          />
          <ul class="sign-list" aria-label="Sign on each limit of the first eight levers">
            {rows.slice(0, 8).map((r) => (
              <li key={r.lever}>
                {r.name}:{" "}
                {signs(r).length
                  ? signs(r).map(([l, s]) => (
                      <span key={l} class={`sign key-${l}`}>
                        <span class="swatch" aria-hidden="true" />
                        {l} {s}
                      </span>
                    ))
                  : "no limit"}
              </li>
            ))}
          </ul>
        </>
      )}
    </Figure>
  );
}

function Package(): JSX.Element {
  const { size } = state.value;
  const asked = useAsk(JSON.stringify([scenario.value, year.value, size]), (signal) =>
    api.bestPackage(scenario.value, year.value, size, signal),
  );
  const p = asked.value;
  return (
    <section class="figure" data-figure="package">
      <h2>
        {p
          ? `The best ${p.levers.length} together: ${times(p.ratio)} (80 %: ${times(p.p10)}–${times(p.p90)})`
          : "The best package"}
      </h2>
      <Select
        label="Levers in the package"
        value={String(size)}
        options={[1, 2, 3, 4].map((n) => [String(n), String(n)])}
        onChange={(v) => update({ size: Number(v) })}
      />
      <Failure words={asked.failure} />
      {p ? (
        <>
          <ol>
            {p.levers.map((l, i) => (
              <li key={l}>{p.names[i] ?? l}</li>
            ))}
          </ol>
          <p>
            Afterwards the lowest limit is{" "}
            {Object.entries(p.binding_probability_after)
              .filter(([, share]) => share >= 0.005)
              .map(([limit, share]) => `${limit} in ${percent(share)}`)
              .join(", ")}{" "}
            of futures.
            {p.exact
              ? ` All ${p.packages_evaluated.toLocaleString("en-GB")} packages that could be best were evaluated.`
              : ` Found step by step over ${p.packages_evaluated.toLocaleString("en-GB")} packages.`}
          </p>
          <Notes of={p.notes} />
          <button
            type="button"
            onClick={() => {
              updateScenario({ levers: [...new Set([...scenario.value.levers, ...p.levers])] });
              flushAddress();
              location.hash = linkTo("forecast");
            }}
          >
            Switch these on in the forecast
          </button>
        </>
      ) : null}
    </section>
  );
}

function ReboundPart(): JSX.Element | null {
  const asked = useAsk(JSON.stringify(["rebound", scenario.value, year.value]), (signal) =>
    api.rebound(scenario.value, year.value, signal),
  );
  const a = asked.value;
  if (!a) return <Failure words={asked.failure} />;
  const twh = (x: number): string => `${short(x)} TWh`;
  const rise = a.levers.filter((l) => l.probability_use_rises > 0.5).length;
  return (
    <>
      <Figure
        file="rebound"
        title={`With rebound, ${rise} of ${a.levers.length} efficiency levers more likely raise the use of electricity than lower it`}
        note={`Use in ${a.year} after the lever, with rebound, TWh per year; price elasticity of use ${interval(a.elasticity)}.`}
        rows={a.levers.map((l) => flat({ ...l }))}
        data={a}
        table={
          <DataTable
            caption="Electricity use, TWh per year, p50 (p10–p90)"
            rows={a.levers}
            columns={[
              { title: "lever", cell: (l) => l.name },
              { title: "before", number: true, cell: (l) => interval(l.use_before_twh_per_yr) },
              {
                title: "after, no rebound",
                number: true,
                cell: (l) => interval(l.use_after_without_rebound_twh_per_yr),
              },
              {
                title: "after, with rebound",
                number: true,
                cell: (l) => interval(l.use_after_with_rebound_twh_per_yr),
              },
              { title: "use rises in", number: true, cell: (l) => percent(l.probability_use_rises) },
            ]}
          />
        }
      >
        {(width) => (
          <Intervals
            width={width}
            log={false}
            neutral={null}
            show={twh}
            label="Electricity use with rebound"
            rows={a.levers.map((l) => ({ label: l.name, q: l.use_after_with_rebound_twh_per_yr }))}
          />
        )}
      </Figure>
      <Notes of={a.notes} />
    </>
  );
}
