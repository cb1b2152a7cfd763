/** State shared by all views: the state of the address, the version of the facts, the answer. */

import { computed, effect, signal } from "@preact/signals";
import * as api from "./api";
import { Latest } from "./latest";
import { sentence } from "./sentence";
import { begin, settled } from "./settled";
import type { ForecastAnswer, ForecastYear, VersionAnswer } from "./api.gen";
import { decodeState, encodeState, type Scenario, type State, type View } from "./state";

const first = decodeState(location.hash);

export const state = signal<State>(first.state);
export const problems = signal<string[]>(first.problems);
export const version = signal<VersionAnswer | null>(null);
/** What changed since the link was made; empty when nothing did. */
export const changed = signal("");
/** A hand is on a slider: answers come from few simulations meanwhile. */
export const dragging = signal(false);
export const answer = signal<ForecastAnswer | null>(null);
export const versusAnswer = signal<ForecastAnswer | null>(null);
export const failure = signal("");
/** Spoken by screen readers when an answer has come to rest. */
export const spoken = signal("");

export const scenario = computed(() => state.value.scenario);
export const view = computed(() => state.value.view);
const versus = computed(() => state.value.versus);
/** The answer that is shown is of few simulations; the one of all follows. */
const provisional = computed(() => (answer.value?.inputs.samples ?? api.RESTING) < api.RESTING);
/** Once settled, what is shown is what a link to it gives, however busy the server was. */
export const condition = computed(() =>
  settled.value && !dragging.value ? "settled" : provisional.value ? "provisional" : "working",
);
export const year = computed(() => state.value.year);
export const yearAnswer = computed<ForecastYear | null>(
  () => answer.value?.years.find((y) => y.year === year.value) ?? null,
);

/** The address of the same state in another view, or with other fields. */
export function linkTo(view: View, change: Partial<State> = {}): string {
  return encodeState({ ...state.value, ...change, view });
}

/** Change the state and the address with it; edits of a scenario drop what the old link was stamped with. */
export function update(change: Partial<State>): void {
  const stamp = version.value ? { digest: version.value.facts, program: version.value.version } : {};
  state.value = { ...state.value, ...stamp, ...change };
  changed.value = "";
  if (problems.value.length) problems.value = [];
  writeAddress();
}

export function updateScenario(change: Partial<Scenario>): void {
  update({ scenario: { ...state.value.scenario, ...change } });
}

/** Set or clear one entry of pin, set or add; pin and set of one parameter exclude each other. */
export function updateEntry(kind: "pin" | "set", id: string, value: string | null): void {
  const { pin, set } = state.value.scenario;
  const without = (all: Record<string, string>): Record<string, string> => {
    const { [id]: _, ...rest } = all;
    return rest;
  };
  const next = { pin: without(pin), set: without(set) };
  if (value !== null && value !== "") next[kind][id] = value;
  updateScenario(next);
}

let pending = 0;
let written = (): void => undefined;

/** Browsers limit how often an address may change, so it is written when the hand rests. */
function writeAddress(): void {
  clearTimeout(pending);
  written();
  written = begin();
  pending = window.setTimeout(flushAddress, dragging.value ? 250 : 0);
}

export function flushAddress(): void {
  clearTimeout(pending);
  written();
  const hash = encodeState(state.value);
  if (hash !== location.hash) history.replaceState(null, "", hash);
}

const RELEASES = ["pointerup", "pointercancel", "keyup", "blur"] as const;

/** A hand takes hold of a slider; wherever it lets go, the answer of all simulations is asked for. */
export function drag(): void {
  if (dragging.value) return;
  dragging.value = true;
  for (const name of RELEASES) window.addEventListener(name, release, true);
}

export function release(): void {
  for (const name of RELEASES) window.removeEventListener(name, release, true);
  dragging.value = false;
  flushAddress();
}

function readAddress(): void {
  if (dragging.value) release();
  if (location.hash === encodeState(state.value)) return;
  const read = decodeState(location.hash);
  state.value = read.state;
  problems.value = read.problems;
  compareStamp();
}

function compareStamp(): void {
  const now = version.value;
  if (!now) return;
  const { digest, program } = state.value;
  const lines: string[] = [];
  if (digest && digest !== now.facts) lines.push(`the facts have changed since (${digest} then, ${now.facts} now)`);
  if (program && program !== now.version) lines.push(`liebig has changed since (${program} then, ${now.version} now)`);
  changed.value = lines.length
    ? `This link was made earlier: ${lines.join("; ")}. The answer may differ from what was seen then.`
    : "";
  if (!digest && !program) {
    state.value = { ...state.value, digest: now.facts, program: now.version };
    flushAddress();
  }
}

const runs = new Latest<ForecastAnswer>();
const others = new Latest<ForecastAnswer>();

function watchForecast(): void {
  effect(() => {
    const [s, y, held] = [scenario.value, year.value, dragging.value];
    if (view.value !== "forecast") return;
    runs.ask(
      (signal) => api.forecast(s, y, held ? api.DRAGGING : api.RESTING, signal),
      (result) => {
        answer.value = result;
        failure.value = "";
        if (!held) spoken.value = sentence(result, y);
      },
      (words) => {
        failure.value = words;
      },
      held,
    );
  });
  effect(() => {
    const [other, y] = [versus.value, year.value];
    if (!other) {
      versusAnswer.value = null;
      return;
    }
    others.ask(
      (signal) => api.forecast(other.scenario, y, api.RESTING, signal),
      (result) => {
        versusAnswer.value = result;
      },
      (words) => {
        failure.value = words;
      },
      false,
    );
  });
}

/** Begin: listen to the address, ask for the version, watch the state. */
export function start(): void {
  window.addEventListener("hashchange", readAddress);
  watchForecast();
  const known = begin();
  void api
    .version()
    .then(
      (v) => {
        version.value = v;
        compareStamp();
      },
      () => undefined,
    )
    .finally(known);
}
