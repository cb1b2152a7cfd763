/** Calls of the own server; every answer or a Problem with words for the reader. */

import type * as t from "./types";
import { count } from "./format";
import type { Scenario, State } from "./state";

export class Problem extends Error {}

async function send(path: string, signal: AbortSignal | undefined, body?: unknown): Promise<Response> {
  const init: RequestInit = { headers: { Accept: "application/json" } };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    init.method = "POST";
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json", Accept: "application/json, text/plain" };
  }
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem("The server does not answer. Is liebig app still running? Start it again and reload this page.");
  }
  if (!answer.ok) throw new Problem(await words(answer));
  return answer;
}

async function words(answer: Response): Promise<string> {
  try {
    const read = (await answer.json()) as { error?: { message?: unknown }; detail?: unknown };
    if (typeof read.error?.message === "string") return read.error.message;
    if (typeof read.detail === "string") return read.detail;
  } catch {
    /* not JSON: the status says it */
  }
  return `The server answered ${answer.status} ${answer.statusText}`.trim() + ".";
}

async function json<T>(path: string, signal?: AbortSignal, body?: unknown): Promise<T> {
  return (await (await send(path, signal, body)).json()) as T;
}

export const DRAGGING = 256;
export const RESTING = 4096;
/** Futures for rankings, which run the model once per lever. */
export const RANKING = 1024;
/** Futures for packages, which run it for thousands of them. */
export const PACKAGE = 512;

export function scenarioBody(scenario: Scenario, samples: number, year: number): Record<string, unknown> {
  return { ...scenario, samples, year };
}

export const version = (signal?: AbortSignal): Promise<t.Version> => json("api/version", signal);

export const forecast = (s: Scenario, year: number, samples: number, signal?: AbortSignal): Promise<t.Forecast> =>
  json("api/forecast", signal, scenarioBody(s, samples, year));

export const parameters = (facts: string, signal?: AbortSignal): Promise<{ groups: t.ParameterGroup[] }> =>
  json(`api/parameters?facts=${encodeURIComponent(facts)}`, signal);

export const levers = (signal?: AbortSignal): Promise<{ levers: t.Lever[] }> => json("api/levers", signal);

/** Rankings come as `levers` with ratios on each limit, or as `rows` with signs. */
interface RankAnswer {
  rows?: t.RankRow[];
  levers?: (Omit<t.RankRow, "by_limit"> & { on_limits: Record<string, number> })[];
}

export async function rank(s: Scenario, year: number, signal?: AbortSignal): Promise<{ rows: t.RankRow[] }> {
  const found = await json<RankAnswer>("api/levers/rank", signal, scenarioBody(s, RANKING, year));
  return {
    rows: found.rows ?? (found.levers ?? []).map(({ on_limits, ...rest }) => ({ ...rest, by_limit: on_limits })),
  };
}

export const bestPackage = (s: Scenario, year: number, size: number, signal?: AbortSignal): Promise<t.PackageAnswer> =>
  json("api/levers/package", signal, { ...scenarioBody(s, PACKAGE, year), size });

export const rebound = (s: Scenario, year: number, signal?: AbortSignal): Promise<t.Rebound> =>
  json("api/levers/rebound", signal, scenarioBody(s, RANKING, year));

export const catalogue = (signal?: AbortSignal): Promise<t.Catalogue> => json("api/catalogue", signal);

const COUNTS = new Set(["chips", "seq_len", "batch", "tokens"]);

/** Fields of the form as the server wants them; counts as numbers, empty ones left out. */
export function planBody(fields: Record<string, string>): Record<string, string | number> {
  const out: Record<string, string | number> = {};
  for (const [key, text] of Object.entries(fields)) {
    if (text.trim() !== "") out[key] = (COUNTS.has(key) ? count(text) : null) ?? text.trim();
  }
  return out;
}

export const plan = (fields: Record<string, string>, signal?: AbortSignal): Promise<t.PlanAnswer> =>
  json("api/plan", signal, planBody(fields));

export const access = (s: State, countries: string[], signal?: AbortSignal): Promise<t.AccessAnswer> =>
  json("api/access", signal, { countries, need: s.need, year: s.year, scenario: s.exports });

interface Level {
  lorenz: ([number, number] | { population: number; compute: number })[];
  gini: number;
  top2: number | string[];
  top2_share?: number;
  coverage?: unknown;
}

function curve(level: string, from: Level): t.Lorenz {
  const names = Array.isArray(from.top2) ? from.top2 : [];
  return {
    level,
    gini: from.gini,
    top2: names,
    top2_share: from.top2_share ?? (typeof from.top2 === "number" ? from.top2 : NaN),
    coverage: typeof from.coverage === "string" ? from.coverage : "",
    lorenz: from.lorenz.map((p) => (Array.isArray(p) ? { population: p[0], compute: p[1] } : p)),
  };
}

/** One curve, or one for each level. */
export async function inequality(signal?: AbortSignal): Promise<t.Lorenz[]> {
  const found = await json<Level & { levels?: Record<string, Level> }>("api/access/inequality", signal);
  return found.levels
    ? Object.entries(found.levels).map(([name, level]) => curve(name, level))
    : [curve("hosted", found)];
}

export const facts = (q: string, limit: number, signal?: AbortSignal): Promise<t.Facts> =>
  json(`api/facts?q=${encodeURIComponent(q)}&limit=${limit}`, signal);

export const router = (days: number, signal?: AbortSignal): Promise<t.RouterAnswer> =>
  json(`api/router?days=${days}`, signal);

export const toml = async (s: Scenario, year: number): Promise<string> =>
  (await send("api/scenario.toml", undefined, scenarioBody(s, RESTING, year))).text();
