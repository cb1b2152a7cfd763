/** Who can afford it: countries and clubs of countries. */

import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import * as api from "../api";
import { useAsk } from "../ask";
import type { WorldMap } from "../charts/Map";
import { Lorenz } from "../charts/Lorenz";
import { saveCsv, saveJson } from "../download";
import { capital, flat, percent, times } from "../format";
import { bounds, classOf, drawable, limitOf, numberOf, showInterval, showMeasure, type Cell } from "../measure";
import { DataTable, Failure, Lead, Field, Select } from "../parts/common";
import { Figure } from "../parts/Figure";
import { FIRST_YEAR, LAST_YEAR } from "../state";
import { begin } from "../settled";
import { state, update } from "../store";
import type { AccessAnswer, MapRow, Place, Quantiles } from "../api.gen";

const EXPORTS: [string, string][] = [
  ["2026-case-by-case", "2026: case by case"],
  ["2025-diffusion", "2025: diffusion framework"],
  ["2023-rule", "2023 rule"],
  ["none", "no controls"],
];
const YEARS: [string, string][] = Array.from({ length: LAST_YEAR - FIRST_YEAR + 1 }, (_, i) => [
  String(FIRST_YEAR + i),
  String(FIRST_YEAR + i),
]);
const CLUBS = ["EU", "AU", "G20", "OECD", "ASEAN"];

const cellsOf = ({ values, ...row }: MapRow): Record<string, unknown> => ({ ...row, ...values });

export function Access(): JSX.Element {
  const s = state.value;
  const question = JSON.stringify([s.need, s.year, s.exports]);
  const all = useAsk(question, (signal) => api.access(s, [], signal));
  const club = useAsk(s.countries.length ? question + s.countries.join() : null, (signal) =>
    api.access(s, s.countries, signal),
  );
  const answer = all.value;
  const summary =
    (s.countries.length ? (club.value?.club?.summary ?? club.value?.summary) : undefined) ?? answer?.summary;
  return (
    <div class="two">
      <div class="answer">
        <h1>Who can afford it?</h1>
        <Failure words={all.failure} />
        {s.countries.length ? <Failure words={club.failure} /> : null}
        <Lead>{summary ?? (all.failure ? "" : "The answer is being worked out.")}</Lead>
      </div>
      <form class="controls" aria-label="The question" onSubmit={(e) => e.preventDefault()}>
        <h2>The question</h2>
        <Field
          label="Need"
          value={s.need}
          hint="1 GW, or frontier"
          onChange={(v) => update({ need: v.trim() || "1GW" })}
        />
        <Select label="Year" value={String(s.year)} options={YEARS} onChange={(v) => update({ year: Number(v) })} />
        <Select label="Export controls" value={s.exports} options={EXPORTS} onChange={(v) => update({ exports: v })} />
        <Club rows={answer?.rows ?? []} />
      </form>
      <div class="chart">
        {answer ? <MapPart answer={answer} club={membersOf(s.countries, club.value)} /> : null}
        {answer ? <Country answer={answer} /> : null}
        {s.countries.length && club.value ? <Members answer={club.value} /> : null}
        <Shares />
      </div>
    </div>
  );
}

function Club({ rows }: { rows: readonly MapRow[] }): JSX.Element {
  const { countries } = state.value;
  const names = rows.map((r) => r.name);
  const code = (name: string): string => rows.find((r) => r.name.toLowerCase() === name.toLowerCase())?.iso3 ?? name;
  const add = (name: string): void => {
    if (name.trim() && !countries.includes(code(name.trim()))) update({ countries: [...countries, code(name.trim())] });
  };
  return (
    <fieldset>
      <legend>A club of countries</legend>
      <Field label="Add a country" value="" list={names} hint="A name or its three letters" onChange={add} />
      <p class="chips">
        {CLUBS.map((c) => (
          <button
            key={c}
            type="button"
            class="chip"
            aria-pressed={countries.includes(c)}
            onClick={() =>
              update({ countries: countries.includes(c) ? countries.filter((x) => x !== c) : [...countries, c] })
            }
          >
            {c}
          </button>
        ))}
      </p>
      <ul class="plain">
        {countries.map((c) => (
          <li key={c}>
            {rows.find((r) => r.iso3 === c)?.name ?? c}{" "}
            <button type="button" class="quiet" onClick={() => update({ countries: countries.filter((x) => x !== c) })}>
              remove<span class="hidden"> {c}</span>
            </button>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

/** Countries of the clubs that are named. */
function membersOf(named: readonly string[], answer: AccessAnswer | null): string[] {
  return named.length ? [...new Set([...named, ...(answer?.places ?? []).flatMap((p) => p.members)])] : [];
}

function MapPart({ answer, club }: { answer: AccessAnswer; club: readonly string[] }): JSX.Element | null {
  const [World, setWorld] = useState<{ Map: typeof WorldMap } | null>(null);
  useLayoutEffect(() => {
    let gone = false;
    const end = begin();
    void import("../charts/Map")
      .then((m) => {
        if (!gone) setWorld({ Map: m.WorldMap });
      })
      .finally(end);
    return () => {
      gone = true;
    };
  }, []);
  const { rows } = answer;
  const choices = drawable(answer.measures, rows);
  const measure = choices.find((m) => m.id === state.value.measure) ?? choices[0];
  if (!measure) return null;
  const cell = (r: MapRow | undefined): Cell => r?.values[measure.id];
  const values = rows.flatMap((r) => numberOf(cell(r)) ?? []);
  const cuts = bounds(values);
  const byCode = new Map(rows.map((r) => [r.iso3, r]));
  const fill = (code: string): string => {
    const [value, limit] = [numberOf(cell(byCode.get(code))), limitOf(cell(byCode.get(code)))];
    return limit ? `fill-${limit}` : value === null ? "unknown" : `level-${classOf(value, cuts)}`;
  };
  const limits = [...new Set(rows.flatMap((r) => limitOf(cell(r)) ?? []))].sort();
  const say = (code: string, name: string): string =>
    `${byCode.get(code)?.name ?? name}: ${showMeasure(cell(byCode.get(code)), measure.unit)}`;
  const known = rows.filter((r) => (cell(r) ?? null) !== null).length;
  const ordered = [...rows].sort((a, b) => (numberOf(cell(b)) ?? -Infinity) - (numberOf(cell(a)) ?? -Infinity));
  return (
    <>
      <Select
        label="Shown on the map"
        value={measure.id}
        options={choices.map((m) => [m.id, m.title])}
        onChange={(v) => update({ measure: v })}
      />
      <Figure
        file="access"
        title={measure.title}
        note={`${capital(measure.coverage)}. Figures for ${known} of ${rows.length} countries and territories.`}
        rows={rows.map(cellsOf)}
        data={answer}
        table={
          <DataTable
            caption={`${measure.title}, highest first`}
            rows={ordered}
            columns={[
              {
                title: "country",
                cell: (r) => (
                  <button type="button" class="quiet" onClick={() => update({ country: r.iso3 })}>
                    {r.name}
                  </button>
                ),
              },
              { title: measure.title, number: true, cell: (r) => showMeasure(cell(r), measure.unit) },
            ]}
          />
        }
      >
        {() => (
          <>
            {World ? (
              <World.Map
                fillOf={fill}
                textOf={say}
                chosen={state.value.country}
                club={club}
                label={`World map: ${measure.title}; the numbers stand in the table below`}
                onChoose={(code) => update({ country: code })}
              />
            ) : (
              <div class="placeholder map-room" />
            )}
            {limits.length ? <LimitLegend limits={limits} /> : null}
            {limits.length ? null : (
              <Legend cuts={cuts} unit={measure.unit} low={Math.min(...values)} high={Math.max(...values)} />
            )}
          </>
        )}
      </Figure>
    </>
  );
}

function Legend({ cuts, unit, low, high }: { cuts: number[]; unit: string; low: number; high: number }): JSX.Element {
  const edges = [low, ...cuts, high];
  return (
    <ul class="legend map-legend" aria-label="Legend">
      {edges.slice(0, -1).map((from, i) => (
        <li key={i}>
          <svg viewBox="0 0 16 12" width="16" height="12" aria-hidden="true">
            <rect width="16" height="12" class={`level-${classOf(from, cuts)}`} />
          </svg>{" "}
          {showMeasure(from, unit)} – {showMeasure(edges[i + 1], unit)}
        </li>
      ))}
      <li>
        <svg viewBox="0 0 16 12" width="16" height="12" aria-hidden="true">
          <rect width="16" height="12" class="unknown" />
        </svg>{" "}
        no figure
      </li>
    </ul>
  );
}

function LimitLegend({ limits }: { limits: readonly string[] }): JSX.Element {
  return (
    <ul class="legend" aria-label="Legend">
      {[...limits, "no figure"].map((l) => (
        <li key={l}>
          <svg viewBox="0 0 16 12" width="16" height="12" aria-hidden="true">
            <rect width="16" height="12" class={l === "no figure" ? "unknown" : `fill-${l}`} />
          </svg>{" "}
          {l}
        </li>
      ))}
    </ul>
  );
}

function Country({ answer }: { answer: AccessAnswer }): JSX.Element {
  const sorted = [...answer.rows].sort((a, b) => a.name.localeCompare(b.name));
  const row = answer.rows.find((r) => r.iso3 === state.value.country);
  return (
    <section class="figure">
      <h2>{row ? row.name : "One country"}</h2>
      <Select
        label="Country"
        value={state.value.country}
        options={[["", "choose, or press one on the map"], ...sorted.map((r): [string, string] => [r.iso3, r.name])]}
        onChange={(v) => update({ country: v })}
      />
      {row ? (
        <>
          <DataTable
            caption={`${row.name} and ${state.value.need} in ${state.value.year}`}
            rows={answer.measures}
            columns={[
              { title: "measure", cell: (m) => m.title },
              { title: "value", number: true, cell: (m) => showMeasure(row.values[m.id], m.unit) },
              { title: "note", cell: (m) => m.coverage },
            ]}
          />
          <button
            type="button"
            onClick={() => {
              const { countries } = state.value;
              if (!countries.includes(row.iso3)) update({ countries: [...countries, row.iso3] });
            }}
          >
            Add to the club
          </button>
        </>
      ) : null}
    </section>
  );
}

function Members({ answer }: { answer: AccessAnswer }): JSX.Element | null {
  const places = [...(answer.club ? [answer.club.together] : []), ...answer.places];
  if (!places.length) return null;
  const show =
    (unit: string, pick: (p: Place) => Quantiles) =>
    (p: Place): string =>
      showInterval(pick(p), unit);
  return (
    <section class="figure" data-figure="club">
      <h2>
        {answer.club?.gain_over_best_member
          ? `Together ${times(answer.club.gain_over_best_member)} of what the best can alone`
          : "The countries named"}
      </h2>
      <DataTable
        caption={`Supply over need, and what ${state.value.need} takes, p50 (p10–p90)`}
        rows={places}
        columns={[
          { title: "country or club", cell: (p) => p.name },
          {
            title: "can host in",
            number: true,
            cell: (p) =>
              p.can_host_probability === null ? "no figure" : `${percent(p.can_host_probability)} of futures`,
          },
          { title: "supply over need", number: true, cell: show("x", (p) => p.ratio) },
          { title: "scarcest", cell: (p) => p.limit ?? "–" },
          { title: "years of its growth", number: true, cell: show("", (p) => p.growth_years) },
          { title: "of a year's electricity", number: true, cell: show("fraction", (p) => p.demand_share) },
          { title: "of a year's product", number: true, cell: show("fraction", (p) => p.gdp_share) },
          { title: "carbon, Mt a year", number: true, cell: show("", (p) => p.carbon_mt_per_yr) },
        ]}
      />
      <p class="files">
        <button
          type="button"
          onClick={() =>
            saveCsv(
              "club.csv",
              places.map((p) => flat({ ...p })),
            )
          }
        >
          CSV
        </button>
        <button type="button" onClick={() => saveJson("club.json", answer.club ?? places)}>
          JSON
        </button>
      </p>
    </section>
  );
}

const LEVELS: Record<string, string> = {
  hosted: "where chips stand",
  owned: "who owns chips",
  vendor: "who makes chips",
};

function Shares(): JSX.Element | null {
  const asked = useAsk("inequality", api.inequality);
  const all = Object.values(asked.value?.levels ?? {});
  const a = all.find((l) => l.level === state.value.level) ?? all[0];
  if (!a) return <Failure words={asked.failure} />;
  return (
    <>
      <Select
        label="Shares of compute by"
        value={a.level}
        options={all.map((l): [string, string] => [l.level, LEVELS[l.level] ?? l.level])}
        onChange={(v) => update({ level: v })}
      />
      <Figure
        file="lorenz"
        title={`${a.top2.join(" and ")}: ${percent(a.top2_share)} of compute; Gini ${a.gini.toFixed(2)}`}
        note={`${capital(a.coverage)}.`}
        rows={a.lorenz.map(([population, compute]) => ({ population, compute }))}
        data={a}
        table={
          <DataTable
            caption="Lorenz curve"
            rows={a.lorenz}
            columns={[
              { title: "share of people", cell: ([people]) => percent(people) },
              { title: "share of compute", number: true, cell: ([, compute]) => percent(compute) },
            ]}
          />
        }
      >
        {(width) => <Lorenz points={a.lorenz} width={width} />}
      </Figure>
    </>
  );
}
