/** What routing prompts to the cheapest good-enough model has saved. */

import type { JSX } from "preact";
import * as api from "../api";
import { useAsk } from "../ask";
import { Bars } from "../charts/Bars";
import { flat, interval, percent, short, type Value } from "../format";
import { DataTable, Failure, Lead, Select } from "../parts/common";
import { Figure } from "../parts/Figure";
import { state, update } from "../store";
import type { SavingsReport } from "../api.gen";

const SPANS: [string, string][] = [
  ["1", "a day"],
  ["7", "7 days"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "a year"],
];

const usd = (x: Value): string => `USD ${short(x)}`;

export function Router(): JSX.Element {
  const { days } = state.value;
  const asked = useAsk(`router ${days}`, (signal) => api.router(days, signal));
  const report = asked.value?.report;
  return (
    <div class="single">
      <div class="answer">
        <h1>What has the router saved?</h1>
        <Failure words={asked.failure} />
        <Lead>
          {asked.value
            ? report
              ? words(report)
              : "No gateway is set up here. The router sends each prompt to the cheapest model that is good enough; with a gateway's settings this page shows what that saved."
            : "The report is being read."}
        </Lead>
        {report === null ? (
          <p>
            Set one up with <code>liebig route serve --config gateway.toml</code>, then start the page with the same
            settings.
          </p>
        ) : null}
        {report ? (
          <Select label="Time" value={String(days)} options={SPANS} onChange={(v) => update({ days: Number(v) })} />
        ) : null}
      </div>
      {report ? <Report report={report} /> : null}
    </div>
  );
}

function words({ total, strong }: SavingsReport): string {
  if (!total.calls) return "No calls in this time.";
  const saved =
    total.usd_saved === null ? "" : `, ${percent(total.usd_saved)} less than ${strong ?? "the strongest model"} alone`;
  return `${total.calls.toLocaleString("en-GB")} calls took ${usd(total.usd)}${saved}.`;
}

function Report({ report }: { report: SavingsReport }): JSX.Element {
  const { total } = report;
  const rows = [
    { name: "money", took: usd(total.usd), strong: interval(total.usd_strong, usd) },
    {
      name: "energy",
      took: `${short(total.kwh)} kWh`,
      strong: interval(total.kwh_strong, (x) => `${short(x)} kWh`),
    },
    {
      name: "carbon",
      took: `${short(total.g_co2)} g CO₂e`,
      strong: interval(total.g_co2_strong, (x) => `${short(x)} g CO₂e`),
    },
  ];
  return (
    <>
      {report.warnings.map((w) => (
        <p key={w} class="changed">
          {w}
        </p>
      ))}
      <Figure
        file="router"
        title="Money: taken, and by the strongest model alone"
        rows={[flat({ ...total })]}
        data={report}
        table={
          <DataTable
            caption="Taken, and by the strongest model alone, p50 (p10–p90)"
            rows={rows}
            columns={[
              { title: "quantity", cell: (r) => r.name },
              { title: "taken", number: true, cell: (r) => r.took },
              { title: report.strong ?? "strongest model", number: true, cell: (r) => r.strong },
            ]}
          />
        }
      >
        {(width) => (
          <Bars
            width={width}
            label="Money taken and by the strongest model alone"
            show={usd}
            bars={[
              { label: "taken", parts: [{ name: "taken", value: total.usd, fill: "fill-accent" }] },
              {
                label: "strongest alone",
                parts: [{ name: "strongest alone", value: total.usd_strong.p50 ?? 0, fill: "fill-other" }],
              },
            ]}
          />
        )}
      </Figure>
      {report.items.length > 1 ? (
        <section class="figure">
          <h2>By {report.by}</h2>
          <DataTable
            caption={`Calls by ${report.by}`}
            rows={report.items}
            columns={[
              { title: report.by, cell: (i) => i.group },
              { title: "calls", number: true, cell: (i) => i.calls.toLocaleString("en-GB") },
              { title: "money", number: true, cell: (i) => usd(i.usd) },
              { title: "saved", number: true, cell: (i) => (i.usd_saved === null ? "–" : percent(i.usd_saved)) },
            ]}
          />
        </section>
      ) : null}
    </>
  );
}
