/** Questions to the server: what may be asked and what comes back is generated from its OpenAPI document. */

import type {
  AccessAnswer,
  CatalogueAnswer,
  FactsAnswer,
  ForecastAnswer,
  InequalityAnswer,
  LeversAnswer,
  PackageAnswer,
  ParametersAnswer,
  paths,
  PlanAnswer,
  PlanRequest,
  Problem,
  RankAnswer,
  ReboundAnswer,
  RouterAnswer,
  ScenarioRequest,
  VersionAnswer,
} from "./api.gen";
import { count } from "./format";
import type { Scenario, State } from "./state";

/** A question that was refused or not answered, with words for the reader. */
export class Refused extends Error {}

interface Json<T> {
  content: { "application/json": T };
}
interface Answers<T> {
  responses: { 200: Json<T> };
}
type Asking<P extends keyof paths> = paths[P] extends { get: Answers<infer T> } ? T : never;
type Query<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } }
  ? Q | undefined
  : never;
type Sending<P extends keyof paths> = paths[P] extends { post: Answers<infer T> } ? T : never;
type Body<P extends keyof paths> = paths[P] extends { post: { requestBody: Json<infer B> } } ? B : never;

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
    answer = await fetch(path.slice(1), init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("The server does not answer. Is liebig app still running? Start it again and reload this page.");
  }
  if (!answer.ok) throw new Refused(await words(answer));
  return answer;
}

async function words(answer: Response): Promise<string> {
  try {
    return ((await answer.json()) as Problem).error.message;
  } catch {
    // what stands between page and server may answer in its own way
    return `The server answered ${answer.status} ${answer.statusText}`.trim() + ".";
  }
}

async function get<P extends keyof paths>(path: P, query: Query<P>, signal?: AbortSignal): Promise<Asking<P>> {
  const words = Object.entries(query ?? {}).map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`);
  return (await (await send(words.length ? `${path}?${words.join("&")}` : path, signal)).json()) as Asking<P>;
}

async function post<P extends keyof paths>(path: P, body: Body<P>, signal?: AbortSignal): Promise<Sending<P>> {
  return (await (await send(path, signal, body)).json()) as Sending<P>;
}

export const DRAGGING = 256;
export const RESTING = 4096;
/** Futures for rankings, which run the model once per lever. */
export const RANKING = 1024;
/** Futures for packages, which run it for thousands of them. */
export const PACKAGE = 512;

const asked = (s: Scenario, samples: number, year: number): ScenarioRequest => ({ ...s, samples, year });

export const version = (signal?: AbortSignal): Promise<VersionAnswer> => get("/api/version", undefined, signal);

export const forecast = (s: Scenario, year: number, samples: number, signal?: AbortSignal): Promise<ForecastAnswer> =>
  post("/api/forecast", asked(s, samples, year), signal);

export const parameters = (facts: string, signal?: AbortSignal): Promise<ParametersAnswer> =>
  get("/api/parameters", { facts }, signal);

export const levers = (signal?: AbortSignal): Promise<LeversAnswer> => get("/api/levers", undefined, signal);

export const rank = (s: Scenario, year: number, signal?: AbortSignal): Promise<RankAnswer> =>
  post("/api/levers/rank", asked(s, RANKING, year), signal);

export const bestPackage = (s: Scenario, year: number, size: number, signal?: AbortSignal): Promise<PackageAnswer> =>
  post("/api/levers/package", { ...asked(s, PACKAGE, year), size }, signal);

export const rebound = (s: Scenario, year: number, signal?: AbortSignal): Promise<ReboundAnswer> =>
  post("/api/levers/rebound", asked(s, RANKING, year), signal);

export const catalogue = (signal?: AbortSignal): Promise<CatalogueAnswer> => get("/api/catalogue", undefined, signal);

const COUNTS = new Set(["chips", "seq_len", "batch", "tokens"]);

/** Fields of the form as the server wants them; counts as numbers, empty ones left out. */
export function planRequest({ model = "", ...fields }: Record<string, string>): PlanRequest {
  const rest: Record<string, string | number> = {};
  for (const [key, text] of Object.entries(fields)) {
    if (text.trim() !== "") rest[key] = (COUNTS.has(key) ? count(text) : null) ?? text.trim();
  }
  return { model: model.trim(), ...rest };
}

export const plan = (fields: Record<string, string>, signal?: AbortSignal): Promise<PlanAnswer> =>
  post("/api/plan", planRequest(fields), signal);

export const access = (s: State, countries: string[], signal?: AbortSignal): Promise<AccessAnswer> =>
  post("/api/access", { countries, need: s.need, year: s.year, scenario: s.exports }, signal);

export const inequality = (signal?: AbortSignal): Promise<InequalityAnswer> =>
  get("/api/access/inequality", undefined, signal);

export const facts = (q: string, limit: number, signal?: AbortSignal): Promise<FactsAnswer> =>
  get("/api/facts", { q, limit }, signal);

export const router = (days: number, signal?: AbortSignal): Promise<RouterAnswer> =>
  get("/api/router", { days }, signal);

export const toml = async (s: Scenario, year: number): Promise<string> =>
  (await send("/api/scenario.toml", undefined, asked(s, RESTING, year))).text();
