/** The state of the page and its form in the address: readable, versioned, defaults left out. */

export const STATE_VERSION = 1;
export const VIEWS = ["forecast", "plan", "access", "levers", "facts", "router"] as const;
export type View = (typeof VIEWS)[number];

export interface Scenario {
  facts: string;
  set: Record<string, string>;
  pin: Record<string, string>;
  add: Record<string, string>;
  levers: string[];
  switches: string[];
}

export interface State {
  view: View;
  scenario: Scenario;
  year: number;
  /** Limits whose bands are drawn; null: those of the binding limit. */
  bands: string[] | null;
  /** A saved scenario to hold this one against. */
  versus: { name: string; scenario: Scenario } | null;
  plan: Record<string, string>;
  countries: string[];
  country: string;
  need: string;
  exports: string;
  measure: string;
  level: string;
  query: string;
  size: number;
  days: number;
  /** Digest of the facts and version of the program that the link was made with. */
  digest: string;
  program: string;
}

export const FIRST_YEAR = 2025;
export const LAST_YEAR = 2040;

export function emptyScenario(): Scenario {
  return { facts: "2026", set: {}, pin: {}, add: {}, levers: [], switches: [] };
}

export function defaultState(): State {
  return {
    view: "forecast",
    scenario: emptyScenario(),
    year: 2030,
    bands: null,
    versus: null,
    plan: { model: "70B", chip: "H100-SXM", chips: "1024" },
    countries: [],
    country: "",
    need: "1GW",
    exports: "2026-case-by-case",
    measure: "",
    level: "hosted",
    query: "",
    size: 3,
    days: 30,
    digest: "",
    program: "",
  };
}

export interface Decoded {
  state: State;
  problems: string[];
}

function escape(text: string): string {
  return encodeURIComponent(text).replace(/%(3A|40|2C|2F)/g, (code) => decodeURIComponent(code));
}

/** Base64 of UTF-8, safe in an address. */
export function toBase64Url(text: string): string {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export function fromBase64Url(text: string): string {
  const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));
}

/** The address of a state, beginning with "#/". */
export function encodeState(state: State): string {
  const base = defaultState();
  const parts: [string, string][] = [["v", String(STATE_VERSION)]];
  const put = (key: string, value: string, usual: string): void => {
    if (value !== usual) parts.push([key, value]);
  };
  const { scenario } = state;
  put("facts", scenario.facts, base.scenario.facts);
  put("year", String(state.year), String(base.year));
  for (const kind of ["set", "pin", "add"] as const)
    for (const id of Object.keys(scenario[kind]).sort()) parts.push([kind, `${id}:${scenario[kind][id] ?? ""}`]);
  for (const lever of scenario.levers) parts.push(["lever", lever]);
  for (const name of scenario.switches) parts.push(["switch", name]);
  if (state.bands) parts.push(["bands", state.bands.join(",") || "none"]);
  if (state.versus) parts.push(["versus", toBase64Url(JSON.stringify(state.versus))]);
  for (const key of Object.keys(state.plan).sort()) put(`plan.${key}`, state.plan[key] ?? "", base.plan[key] ?? "");
  for (const key of Object.keys(base.plan)) if (!(key in state.plan)) parts.push([`plan.${key}`, ""]);
  put("countries", state.countries.join(","), "");
  for (const key of ["country", "need", "exports", "measure", "level", "query", "size", "days"] as const)
    put(key, String(state[key]), String(base[key]));
  put("digest", state.digest, "");
  put("program", state.program, "");
  return `#/${state.view}?${parts.map(([k, v]) => `${k}=${escape(v)}`).join("&")}`;
}

function strings(value: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  if (value && typeof value === "object" && !Array.isArray(value))
    for (const [key, item] of Object.entries(value)) if (typeof item === "string") out[key] = item;
  return out;
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((x): x is string => typeof x === "string") : [];
}

/** A scenario from anything; what is not of the right kind is left out. */
export function scenarioOf(value: unknown): Scenario {
  const x = (value && typeof value === "object" ? value : {}) as Record<string, unknown>;
  return {
    facts: typeof x.facts === "string" ? x.facts : "2026",
    set: strings(x.set),
    pin: strings(x.pin),
    add: strings(x.add),
    levers: list(x.levers),
    switches: list(x.switches),
  };
}

function whole(text: string, low: number, high: number): number | null {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= low && value <= high ? value : null;
}

const RANGES: Record<string, [number, number]> = { year: [FIRST_YEAR, LAST_YEAR], size: [1, 4], days: [1, 3650] };

function takeNumber(out: Decoded, key: "year" | "size" | "days", text: string): void {
  const [low, high] = RANGES[key] ?? [0, 0];
  const value = whole(text, low, high);
  if (value === null)
    out.problems.push(`${key} “${text}”: expected a whole number from ${low} to ${high}; ${out.state[key]} is shown.`);
  else out.state[key] = value;
}

function takeVersus(out: Decoded, text: string): void {
  try {
    const read = JSON.parse(fromBase64Url(text)) as Record<string, unknown>;
    out.state.versus = {
      name: typeof read.name === "string" ? read.name : "saved",
      scenario: scenarioOf(read.scenario),
    };
  } catch {
    out.problems.push("The scenario to compare with could not be read from the link; it is left out.");
  }
}

function take(out: Decoded, key: string, value: string): void {
  const { state } = out;
  if (key === "v") {
    if (value !== String(STATE_VERSION))
      out.problems.push(
        `This link is of version ${value} of the page's state, this page reads version ${STATE_VERSION}; what it understood is shown.`,
      );
  } else if (key === "year" || key === "size" || key === "days") takeNumber(out, key, value);
  else if (key === "set" || key === "pin" || key === "add") {
    const cut = value.indexOf(":");
    if (cut < 1) out.problems.push(`${key} “${value}”: expected name:value; it is left out.`);
    else state.scenario[key][value.slice(0, cut)] = value.slice(cut + 1);
  } else if (key === "facts") state.scenario.facts = value;
  else if (key === "lever") state.scenario.levers.push(value);
  else if (key === "switch") state.scenario.switches.push(value);
  else if (key === "bands") state.bands = value === "none" ? [] : value.split(",");
  else if (key === "versus") takeVersus(out, value);
  else if (key === "countries") state.countries = value.split(",").filter(Boolean);
  else if (key.startsWith("plan.")) {
    const { [key.slice(5)]: _, ...rest } = state.plan;
    state.plan = value === "" ? rest : { ...rest, [key.slice(5)]: value };
  } else if (
    key === "country" ||
    key === "need" ||
    key === "exports" ||
    key === "measure" ||
    key === "level" ||
    key === "query"
  )
    state[key] = value;
  else if (key === "digest" || key === "program") state[key] = value;
  else out.problems.push(`“${key}” is not known to this page; it is left out.`);
}

/** The state of an address; never fails, says what it could not read. */
export function decodeState(hash: string): Decoded {
  const out: Decoded = { state: defaultState(), problems: [] };
  const text = hash.replace(/^#\/?/, "");
  const mark = text.indexOf("?");
  const name = mark < 0 ? text : text.slice(0, mark);
  if ((VIEWS as readonly string[]).includes(name)) out.state.view = name as View;
  else if (name) out.problems.push(`There is no view “${name}”; the forecast is shown.`);
  if (mark >= 0) for (const [key, value] of new URLSearchParams(text.slice(mark + 1))) take(out, key, value);
  return out;
}

/** "fp4-training@2027" → name and year; null: when it is available. */
export function splitLever(text: string): { name: string; year: number | null } {
  const cut = text.lastIndexOf("@");
  if (cut < 1) return { name: text, year: null };
  const year = whole(text.slice(cut + 1), 1900, 2100);
  return year === null ? { name: text, year: null } : { name: text.slice(0, cut), year };
}
