/** Sliders for the parameters, the most influential first, and assumptions as switches. */

import type { JSX } from "preact";
import { batch } from "@preact/signals";
import { useState } from "preact/hooks";
import * as api from "../api";
import { useAsk } from "../ask";
import { capital, fromSlider, quantity, toSlider } from "../format";
import { emptyScenario } from "../state";
import { drag, release, scenario, update, updateEntry, updateScenario } from "../store";
import type { Parameter } from "../api.gen";
import { Evidence, Failure, Select } from "./common";

type Switch = readonly [name: string, words: string];

const STRONGEST = 5;
const STEPS = 400;
/** Switches of the equations: name and words; those that leave a limit out come with the limits. */
const SWITCHES: readonly Switch[] = [
  ["single-campus", "The run stays on one campus"],
  ["text-only", "Only text teaches"],
];

export function Controls(): JSX.Element {
  const { facts } = scenario.value;
  const asked = useAsk(facts, (signal) => api.parameters(facts, signal));
  const groups = asked.value?.groups ?? [];
  const all = groups.flatMap((g) => g.items);
  const strongest = [...all].sort((a, b) => b.influence - a.influence).slice(0, STRONGEST);
  const limits = asked.value?.limits ?? [];
  const switches = [...SWITCHES, ...limits.map((l): Switch => [l.switch, capital(l.without)])];
  const s = scenario.value;
  const moved =
    Object.keys(s.pin).length +
    Object.keys(s.set).length +
    Object.keys(s.add).length +
    s.switches.length +
    s.levers.length;
  return (
    <section class="sliders">
      <h2>
        Your assumptions{" "}
        {moved ? (
          <button type="button" class="quiet" onClick={() => update({ scenario: emptyScenario() })}>
            reset all
          </button>
        ) : null}
      </h2>
      <Failure words={asked.failure} />
      {strongest.map((p) => (
        <Slider key={p.id} parameter={p} place="top" />
      ))}
      <details>
        <summary>All parameters</summary>
        <Select
          label="Set of facts"
          value={facts}
          options={[
            ["2026", "2026"],
            ["epoch-2024", "Epoch AI 2024"],
          ]}
          onChange={(v) => updateScenario({ facts: v })}
        />
        {groups.map((g) => (
          <details key={g.title} class="group">
            <summary>{g.title}</summary>
            {g.items.map((p) => (
              <Slider key={p.id} parameter={p} place="all" />
            ))}
          </details>
        ))}
      </details>
      <details>
        <summary>Other assumptions</summary>
        <ul class="plain">
          {switches.map(([name, text]) => (
            <li key={name}>
              <input
                type="checkbox"
                id={`switch-${name}`}
                checked={s.switches.includes(name)}
                onChange={(e) =>
                  updateScenario({
                    switches: e.currentTarget.checked ? [...s.switches, name] : s.switches.filter((x) => x !== name),
                  })
                }
              />
              <label for={`switch-${name}`}>{text}</label>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

function Slider({ parameter: p, place }: { parameter: Parameter; place: string }): JSX.Element {
  const id = `p-${place}-${p.id}`;
  const pinned = scenario.value.pin[p.id];
  const written = scenario.value.set[p.id];
  const value = pinned === undefined ? p.p50 : Number(pinned);
  const shown =
    written ?? (pinned === undefined ? p.shown.p50 : Number.isFinite(value) ? quantity(value, p.unit) : pinned);
  const changed = pinned !== undefined || written !== undefined;
  const at = Math.round(toSlider(Number.isFinite(value) ? value : p.p50, p.low, p.high, p.log) * STEPS);
  const move = (text: string): void => {
    batch(() => {
      drag();
      updateEntry("pin", p.id, String(fromSlider(Number(text) / STEPS, p.low, p.high, p.log)));
    });
  };
  return (
    <div class={`slider${changed ? " changed" : ""}`}>
      <label for={id}>{p.name}</label>
      <output for={id}>{shown}</output>
      <input
        id={id}
        type="range"
        min="0"
        max={STEPS}
        value={at}
        aria-valuetext={shown}
        onInput={(e) => move(e.currentTarget.value)}
        onChange={release}
      />
      <div class="under">
        <span>{changed ? "held, without uncertainty" : `80 %: ${p.shown.p10} – ${p.shown.p90}`}</span>
        {changed ? (
          <button type="button" class="quiet" onClick={() => updateEntry("pin", p.id, null)}>
            reset<span class="hidden"> {p.name}</span>
          </button>
        ) : null}
      </div>
      <Own parameter={p} place={place} written={written} />
    </div>
  );
}

/** A value of one's own as text, with units and an interval; the server reads it. */
function Own({
  parameter: p,
  place,
  written,
}: {
  parameter: Parameter;
  place: string;
  written: string | undefined;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const id = `own-${place}-${p.id}`;
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>
        source, own value<span class="hidden"> of {p.name}</span>
      </summary>
      {open ? (
        <>
          <p>
            <Evidence of={p} />
          </p>
          <label for={id}>Own value or p10..p50..p90, with unit</label>
          <input
            id={id}
            type="text"
            value={written ?? ""}
            spellcheck={false}
            autocomplete="off"
            onChange={(e) => updateEntry("set", p.id, e.currentTarget.value.trim() || null)}
          />
        </>
      ) : null}
    </details>
  );
}
