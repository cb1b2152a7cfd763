/** What does a training run take, and which limit does it hit first? */

import type { JSX } from "preact";
import * as api from "../api";
import { useAsk } from "../ask";
import { Barrel } from "../charts/Barrel";
import { Bars } from "../charts/Bars";
import { partClass, Timeline } from "../charts/Timeline";
import { capital, interval, intervalOf, percent, quantity, times, type Value } from "../format";
import { AnyTable, DataTable, Failure, Lead, Field, Notes } from "../parts/common";
import { Figure, useWidth } from "../parts/Figure";
import { state, update } from "../store";
import type { CatalogueAnswer, Headroom as PlanHeadroom, PlanAnswer, RunAmounts, StageMemory } from "../api.gen";

export function Plan(): JSX.Element {
  const fields = state.value.plan;
  const catalogue = useAsk("catalogue", api.catalogue);
  const asked = useAsk(JSON.stringify(fields), (signal) => api.plan(fields, signal));
  return (
    <div class="two">
      <div class="answer">
        <h1>What does this training run take, and what stops it first?</h1>
        <Failure words={asked.failure} />
        <Lead>{asked.value?.plan.summary ?? (asked.failure ? "" : "The plan is being worked out.")}</Lead>
      </div>
      <Form fields={fields} catalogue={catalogue.value} />
      <div class="chart">{asked.value ? <Result answer={asked.value} /> : null}</div>
    </div>
  );
}

const FIELDS: [string, string, keyof CatalogueAnswer | null, string][] = [
  ["model", "Model", "models", "A name or a size: 70B"],
  ["chip", "Chip", "chips", ""],
  ["chips", "Number of chips", null, ""],
  ["tokens", "Tokens", null, "15.6T; empty: 20 per active parameter"],
  ["seq_len", "Sequence length", null, "Tokens; empty: 8,192"],
  ["batch", "Batch", null, "Sequences of a step; empty: the usual"],
  ["precision", "Precision", null, "bf16, fp8, mxfp8, nvfp4"],
  ["software", "Software", "software", ""],
  ["site", "Site", "sites", "Empty: us-average"],
  ["date", "Date", null, "2027 or 2027-06"],
];

function Form({
  fields,
  catalogue,
}: {
  fields: Record<string, string>;
  catalogue: CatalogueAnswer | null;
}): JSX.Element {
  const set = (key: string, value: string): void => {
    const { [key]: _, ...rest } = fields;
    update({ plan: value.trim() ? { ...rest, [key]: value.trim() } : rest });
  };
  return (
    <form class="controls" aria-label="The run" onSubmit={(e) => e.preventDefault()}>
      <h2>The run</h2>
      {FIELDS.map(([key, label, list, hint]) => (
        <Field
          key={key}
          label={label}
          value={fields[key] ?? ""}
          list={list && catalogue ? catalogue[list] : undefined}
          hint={hint}
          onChange={(v) => set(key, v)}
        />
      ))}
    </form>
  );
}

const AMOUNTS: [Exclude<keyof RunAmounts, "price_note">, string, string][] = [
  ["days", "Time", "days"],
  ["usd", "Money", "USD"],
  ["energy_mwh", "Energy", "MWh"],
  ["site_power_w", "Power of the site", "W"],
  ["water_m3", "Water", "m³"],
  ["tco2e", "Carbon", "t CO₂e"],
  ["chip_hours", "Chip-hours", "h"],
  ["electricity_usd", "Electricity", "USD"],
];

function Result({ answer }: { answer: PlanAnswer }): JSX.Element {
  const { plan } = answer;
  const amounts = AMOUNTS.map(([key, name, unit]) => ({ name, unit, q: plan.run[key] }));
  return (
    <>
      <section class="figure">
        <h2>Money, energy, water, carbon</h2>
        <DataTable
          caption="What the run takes, p50 (p10–p90)"
          rows={amounts}
          columns={[
            { title: "quantity", cell: (a) => a.name },
            { title: "amount", number: true, cell: (a) => intervalOf(a.q, a.unit) },
          ]}
        />
        <Notes of={[plan.run.price_note, ...plan.notes]} />
      </section>
      <Headroom over={answer.headroom} />
      <Step answer={answer} />
      <Memory answer={answer} />
      {answer.layouts.length ? (
        <section class="figure">
          <h2>The best layouts of {(plan.layouts_considered ?? 1).toLocaleString("en-GB")}</h2>
          <AnyTable caption="Best layouts, fastest first" rows={answer.layouts.map((l) => ({ ...l }))} />
        </section>
      ) : null}
    </>
  );
}

function Headroom({ over }: { over: PlanHeadroom }): JSX.Element {
  const [hold, width] = useWidth();
  const heights = Object.fromEntries(
    Object.entries(over.limits).map(([l, q]) => [l, q.p50 === null ? null : Math.log10(Math.max(1e-9, q.p50))]),
  );
  return (
    <section class="figure" ref={hold}>
      <h2>{`${capital(over.first_limit)} is the first limit; the largest run of ${over.date} is ${times(over.minimum.p50)} of this one`}</h2>
      <Barrel
        heights={heights}
        binds={over.first_limit}
        width={Math.min(width, 520)}
        label={`Headroom of the plan under each limit; ${over.first_limit} is lowest`}
      />
      <p>The plan fits within all limits in {percent(over.share_of_simulations_within_all_limits)} of futures.</p>
      <Notes of={over.notes} />
      <DataTable
        caption="Headroom: ceiling over plan, p50 (p10–p90)"
        rows={Object.entries(over.limits)}
        columns={[
          { title: "limit", cell: ([l]) => l },
          { title: "headroom", number: true, cell: ([, q]) => interval(q, times) },
        ]}
      />
    </section>
  );
}

function Step({ answer }: { answer: PlanAnswer }): JSX.Element {
  const { plan, timeline } = answer;
  const parts = plan.breakdown.filter((b) => b.seconds > 0);
  const first = [...parts].sort((a, b) => b.seconds - a.seconds)[0];
  const seconds = (x: Value): string => quantity(x, "s");
  return (
    <>
      <Figure
        file="step"
        title={`A step takes ${seconds(plan.step_s.p50)}; ${first ? `${percent(first.share)} of it is ${first.part}` : ""}`}
        rows={parts}
        table={
          <DataTable
            caption="Parts of a step"
            rows={parts}
            columns={[
              { title: "part", cell: (b) => b.part },
              { title: "time", number: true, cell: (b) => seconds(b.seconds) },
              { title: "share", number: true, cell: (b) => percent(b.share) },
            ]}
          />
        }
      >
        {(width) => (
          <Bars
            width={width}
            label="Seconds of a step by part"
            show={seconds}
            bars={parts.map((b) => ({
              label: b.part,
              text: percent(b.share),
              parts: [{ name: b.part, value: b.seconds, fill: `part-${partClass(b.part)}` }],
            }))}
          />
        )}
      </Figure>
      {timeline.length ? (
        <Figure
          file="timeline"
          level={3}
          title="The step in time"
          rows={timeline.map((s) => ({ ...s }))}
          table={<AnyTable caption="Pieces of work, seconds" rows={timeline.slice(0, 200).map((s) => ({ ...s }))} />}
        >
          {(width) => (
            <>
              <Timeline spans={timeline} width={width} label="What each stage does when" />
              <p class="legend">
                {[...new Set(timeline.map((s) => s.kind))].map((k) => (
                  <span key={k}>
                    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
                      <rect width="12" height="12" class={`part-${partClass(k)}`} />
                    </svg>{" "}
                    {k}
                  </span>
                ))}
              </p>
            </>
          )}
        </Figure>
      ) : null}
    </>
  );
}

const KINDS: Exclude<keyof StageMemory, "stage">[] = ["states", "activations", "logits", "buffers"];

function Memory({ answer }: { answer: PlanAnswer }): JSX.Element {
  const { plan } = answer;
  const stages = plan.memory_by_stage;
  const bytes = (x: number): string => quantity(x, "bytes");
  const share = plan.memory_total_bytes / plan.memory_at_hand_bytes;
  return (
    <Figure
      file="memory"
      title={`The fullest chip uses ${percent(share)} of its ${bytes(plan.memory_at_hand_bytes)}`}
      rows={stages.map((s) => ({ ...s }))}
      table={
        <DataTable
          caption="Memory of a chip by stage"
          rows={stages}
          columns={[
            { title: "stage", cell: (s) => s.stage },
            ...KINDS.map((k) => ({ title: k, number: true, cell: (s: StageMemory) => bytes(s[k]) })),
          ]}
        />
      }
    >
      {(width) => (
        <>
          <Bars
            width={width}
            label="Memory by stage"
            show={bytes}
            bound={{ value: plan.memory_at_hand_bytes, label: `${bytes(plan.memory_at_hand_bytes)} at hand` }}
            bars={stages.map((s) => ({
              label: `stage ${s.stage}`,
              parts: KINDS.map((k, i) => ({ name: k, value: s[k], fill: `shade-${i % 6}` })),
            }))}
          />
          <p class="legend">
            {KINDS.map((k, i) => (
              <span key={k}>
                <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
                  <rect width="12" height="12" class={`shade-${i % 6}`} />
                </svg>{" "}
                {k}
              </span>
            ))}
          </p>
        </>
      )}
    </Figure>
  );
}
