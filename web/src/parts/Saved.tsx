/** Scenarios kept in this browser, comparison with one, and the scenario as a file and a link. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import * as api from "../api";
import { saveText } from "../download";
import { over, power10, times } from "../format";
import { scenarioOf, type Scenario } from "../state";
import { answer, flushAddress, scenario, state, update, versusAnswer, year, yearAnswer } from "../store";
import { Failure } from "./common";

const KEY = "liebig.scenarios";

interface Kept {
  name: string;
  scenario: Scenario;
}

function read(): Kept[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(list)
      ? list.flatMap((x: Record<string, unknown> | null) =>
          typeof x?.name === "string" ? [{ name: x.name, scenario: scenarioOf(x.scenario) }] : [],
        )
      : [];
  } catch {
    return [];
  }
}

export function Saved(): JSX.Element {
  const [kept, setKept] = useState(read);
  const [name, setName] = useState("");
  const [words, setWords] = useState("");
  const keep = (list: Kept[]): void => {
    setKept(list);
    try {
      localStorage.setItem(KEY, JSON.stringify(list));
    } catch {
      setWords("This browser keeps nothing for this page; copy the link instead.");
    }
  };
  const saveFile = (): void => {
    api.toml(scenario.value, year.value).then(
      (text) => saveText("scenario.toml", text, "application/toml"),
      (error: unknown) => setWords(String(error instanceof Error ? error.message : error)),
    );
  };
  const copy = (): void => {
    flushAddress();
    const clipboard = navigator.clipboard as Clipboard | undefined; // none where the page did not come over TLS
    const refused = (): void => setWords("Copy the address of this page; it holds the whole state.");
    if (clipboard)
      clipboard.writeText(location.href).then(() => setWords("The link is copied; it holds the whole state."), refused);
    else refused();
  };
  const versus = state.value.versus;
  return (
    <section class="saved">
      <h2>Keep and compare</h2>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const label = name.trim() || `scenario ${kept.length + 1}`;
          keep([...kept.filter((k) => k.name !== label), { name: label, scenario: scenario.value }]);
          setName("");
        }}
      >
        <label for="save-name">Name</label>
        <input
          id="save-name"
          type="text"
          value={name}
          autocomplete="off"
          maxLength={40}
          onInput={(e) => setName(e.currentTarget.value)}
        />
        <button type="submit">Save</button>
      </form>
      <ul class="plain">
        {[{ name: "built-in", scenario: scenarioOf({ facts: scenario.value.facts }) }, ...kept].map((k, i) => (
          <li key={k.name}>
            <span>{k.name}</span>{" "}
            <button type="button" class="quiet" onClick={() => update({ scenario: k.scenario })}>
              open<span class="hidden"> {k.name}</span>
            </button>
            <button
              type="button"
              class="quiet"
              aria-pressed={versus?.name === k.name}
              onClick={() => update({ versus: versus?.name === k.name ? null : k })}
            >
              compare<span class="hidden"> with {k.name}</span>
            </button>
            {i > 0 ? (
              <button type="button" class="quiet" onClick={() => keep(kept.filter((x) => x.name !== k.name))}>
                delete<span class="hidden"> {k.name}</span>
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      <Difference />
      <p class="files">
        <button type="button" onClick={copy}>
          Copy link
        </button>
        <button type="button" onClick={saveFile}>
          Scenario as TOML
        </button>
      </p>
      <Failure words={words} />
    </section>
  );
}

function Difference(): JSX.Element | null {
  const versus = state.value.versus;
  const other = versusAnswer.value?.years.find((y) => y.year === year.value);
  const mine = yearAnswer.value;
  if (!versus || !other || !mine || !answer.value) return null;
  return (
    <p class="difference">
      In {year.value} the largest feasible run is {power10(mine.minimum.p50)} FLOP here and {power10(other.minimum.p50)}{" "}
      FLOP in “{versus.name}” ({times(over(mine.minimum.p50, other.minimum.p50))}); {mine.binding_limit} binds here,{" "}
      {other.binding_limit} there.
    </p>
  );
}
