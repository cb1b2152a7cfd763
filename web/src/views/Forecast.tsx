/** How far can AI scale, and what stops it? */

import type { JSX } from "preact";
import * as api from "../api";
import { useAsk } from "../ask";
import { Barrel } from "../charts/Barrel";
import { Binding } from "../charts/Binding";
import { bandsOf, Ceilings } from "../charts/Ceilings";
import { capital, interval, intervalOf, percent, power10, times } from "../format";
import { DataTable, Failure, Lead, Notes } from "../parts/common";
import { Figure } from "../parts/Figure";
import { TopLevers, LeverSwitches } from "../parts/Levers";
import { Controls } from "../parts/Controls";
import { Saved } from "../parts/Saved";
import { answer, dragging, failure, scenario, state, update, versusAnswer, year, yearAnswer } from "../store";
import { sentence } from "../sentence";
import type { ForecastAnswer, ForecastYear } from "../api.gen";

const flop = (x: number): string => power10(x);

export function Forecast(): JSX.Element {
  const settled = dragging.value ? null : JSON.stringify([scenario.value, year.value]);
  const rank = useAsk(settled, (signal) => api.rank(scenario.value, year.value, signal));
  const levers = useAsk("levers", api.levers);
  return (
    <div class="forecast">
      <div class="answer">
        <h1>
          What limits AI in <YearSelect />, and what would help most?
        </h1>
        <Failure words={failure.value} />
        <Lead spoken={false}>
          {failure.value
            ? answer.value
              ? "Below is the last answer."
              : ""
            : answer.value
              ? sentence(answer.value, year.value)
              : "The answer is being worked out."}
        </Lead>
      </div>
      <aside class="side" aria-label="Barrel and levers">
        <BarrelPart />
        <TopLevers rows={rank.value?.levers ?? null} levers={levers.value?.levers ?? []} failure={rank.failure} />
      </aside>
      <div class="chart">
        <CeilingsPart />
        <BindingPart />
        <RunPart />
      </div>
      <div class="controls">
        <Controls />
        <LeverSwitches rows={rank.value?.levers ?? null} levers={levers.value?.levers ?? []} />
        <Failure words={levers.failure} />
        <Saved />
      </div>
    </div>
  );
}

function YearSelect(): JSX.Element {
  const years = answer.value?.years.map((y) => y.year) ?? [year.value];
  return (
    <select
      class="inline"
      aria-label="Year"
      value={String(year.value)}
      onChange={(e) => update({ year: Number(e.currentTarget.value) })}
    >
      {years.map((y) => (
        <option key={y} value={String(y)} selected={y === year.value}>
          {y}
        </option>
      ))}
    </select>
  );
}

function BarrelPart(): JSX.Element {
  const now = yearAnswer.value;
  if (!now) return <div class="barrel-box placeholder" />;
  const share = now.binding_probability[now.binding_limit] ?? 0;
  const heights = now.log10_headroom_where_it_binds;
  const rows = Object.entries(heights).flatMap(([limit, log10_headroom]) =>
    log10_headroom === null
      ? []
      : [{ limit, log10_headroom, binding_probability: now.binding_probability[limit] ?? 0 }],
  );
  const label = rows.map((r) => `${r.limit} ${r.log10_headroom.toFixed(1)}`).join(", ");
  return (
    <div class="barrel-box">
      <Figure
        file="barrel"
        title={`${capital(now.binding_limit)} binds in ${percent(share)} of futures`}
        rows={rows}
        table={
          <DataTable
            caption={`Room above the largest run so far, ${now.year}`}
            rows={rows}
            columns={[
              { title: "limit", cell: (r) => r.limit },
              { title: "room", number: true, cell: (r) => times(10 ** r.log10_headroom) },
              { title: "binds in", number: true, cell: (r) => percent(r.binding_probability) },
            ]}
          />
        }
      >
        {(width) => (
          <>
            <Barrel
              heights={heights}
              binds={now.binding_limit}
              width={Math.min(width, 460)}
              label={`Barrel of ${now.year}: ${label} powers of ten above the largest run so far; ${now.binding_limit} binds`}
            />
            <p class="note">
              Stave: room that a limit leaves above the largest run so far (log scale), in the futures where{" "}
              {now.binding_limit} binds.
            </p>
          </>
        )}
      </Figure>
    </div>
  );
}

function ceilingRows(a: ForecastAnswer): Record<string, unknown>[] {
  const row = (y: ForecastYear, what: string, q: object): Record<string, unknown> => ({
    year: y.year,
    what,
    unit: "FLOP",
    ...q,
  });
  return a.years.flatMap((y) => [
    ...a.limits.flatMap((l) => (y.ceilings[l] ? [row(y, l, y.ceilings[l])] : [])),
    row(y, "minimum", y.minimum),
    row(y, "expected", y.expected),
  ]);
}

/** The finding as a title: what binds when. */
function ceilingTitle(a: ForecastAnswer): string {
  const { p50 } = a.crossing;
  return p50 === null
    ? "The trend of the largest runs stays below every ceiling"
    : `The trend of the largest runs meets the lowest ceiling in ${Math.floor(p50)}`;
}

function CeilingsPart(): JSX.Element {
  const a = answer.value;
  if (!a) return <div class="figure placeholder tall" />;
  const now = yearAnswer.value;
  const bands = bandsOf(state.value.bands, now?.binding_limit);
  const toggle = (limit: string): void =>
    update({ bands: bands.includes(limit) ? bands.filter((b) => b !== limit) : [...bands, limit] });
  const shown = [...a.limits, "expected"];
  return (
    <Figure
      file="ceilings"
      title={ceilingTitle(a)}
      note="Largest feasible training run under each limit, FLOP, log scale. Lines: medians. Bands: p10–p90 and p25–p75. Grey: feasible."
      rows={ceilingRows(a)}
      data={a}
      table={
        <DataTable
          caption="Ceilings in FLOP, p50 (p10–p90)"
          rows={a.years}
          columns={[
            { title: "year", cell: (y) => y.year },
            ...a.limits.map((l) => ({
              title: l,
              number: true,
              cell: (y: ForecastYear) => (y.ceilings[l] ? interval(y.ceilings[l], flop) : "–"),
            })),
            { title: "minimum", number: true, cell: (y) => interval(y.minimum, flop) },
            { title: "expected run", number: true, cell: (y) => interval(y.expected, flop) },
            { title: "binds", cell: (y) => y.binding_limit },
          ]}
        />
      }
    >
      {(width) => (
        <>
          <Ceilings
            width={width}
            forecast={a}
            year={year.value}
            bands={bands}
            versus={versusAnswer.value}
            versusName={state.value.versus?.name ?? ""}
            onYear={(y) => update({ year: y })}
          />
          <div class="chips" role="group" aria-label="Bands shown">
            {shown.map((l) => (
              <button
                key={l}
                type="button"
                class={`chip key-${l}`}
                aria-pressed={bands.includes(l)}
                onClick={() => toggle(l)}
              >
                <span class="swatch" aria-hidden="true" />
                {l}
              </button>
            ))}
          </div>
        </>
      )}
    </Figure>
  );
}

function BindingPart(): JSX.Element | null {
  const a = answer.value;
  const now = yearAnswer.value;
  if (!a || !now) return null;
  const order = a.limits.map((l) => [l, now.binding_probability[l] ?? 0] as const).sort((x, y) => y[1] - x[1]);
  const title = `In ${now.year}: ${order
    .filter(([, p]) => p >= 0.005)
    .slice(0, 3)
    .map(([l, p]) => `${l} ${percent(p)}`)
    .join(", ")}`;
  return (
    <Figure
      file="binding"
      title={title}
      note="Share of the futures in which each limit is the lowest."
      rows={a.years.map((y) => ({ year: y.year, ...y.binding_probability }))}
      table={
        <DataTable
          caption="Share of futures in which each limit binds"
          rows={a.years}
          columns={[
            { title: "year", cell: (y) => y.year },
            ...a.limits.map((l) => ({
              title: l,
              number: true,
              cell: (y: ForecastYear) => percent(y.binding_probability[l] ?? 0),
            })),
          ]}
        />
      }
    >
      {(width) => <Binding width={width} forecast={a} year={year.value} />}
    </Figure>
  );
}

const RUN_NAMES: Record<string, string> = {
  power_w: "Power",
  h100e: "Chips",
  duration_s: "Duration",
  tokens: "Tokens",
  parameters: "Parameters",
  energy_j: "Energy",
  capital_usd: "Hardware and buildings",
  run_usd: "Cost of the run",
  water_m3_per_day: "Water",
};

function RunPart(): JSX.Element | null {
  const now = yearAnswer.value;
  if (!now) return null;
  const rows = Object.entries(now.run_at_ceiling);
  const { crossing } = answer.value ?? {};
  return (
    <section class="figure">
      <h2>A run at the ceiling of {now.year}</h2>
      <DataTable
        caption="What such a run takes, p50 (p10–p90)"
        rows={rows}
        columns={[
          { title: "quantity", cell: ([name]) => RUN_NAMES[name] ?? name },
          { title: "amount", number: true, cell: ([, q]) => intervalOf(q, q.unit.replace("m3/day", "m³/day")) },
        ]}
      />
      {crossing?.p50 ? (
        <p>
          The expected run of {now.year} is {interval(now.expected, flop)} FLOP; the trend has met the ceiling by then
          in {percent(crossing.probability_by[String(now.year)] ?? null)} of futures.
        </p>
      ) : null}
      <Notes of={answer.value?.notes ?? []} />
    </section>
  );
}
