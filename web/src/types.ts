/** What the server sends; names and units are its own. */

export const LIMITS = ["power", "chips", "data", "latency", "capital", "water"] as const;
export type Limit = (typeof LIMITS)[number];

export interface Quantiles {
  p10: number;
  p50: number;
  p90: number;
  p25?: number;
  p75?: number;
}

export interface Version {
  version: string;
  facts: string;
  state: number;
}

export interface ForecastYear {
  year: number;
  ceilings: Partial<Record<Limit, Quantiles>>;
  minimum: Quantiles;
  expected: Quantiles;
  binding_probability: Partial<Record<Limit, number>>;
  binding_limit: Limit;
  log10_headroom_where_it_binds: Partial<Record<Limit, number | null>>;
  run_at_ceiling: Record<string, Quantiles & { unit: string }>;
}

export interface Forecast {
  summary: string;
  limits: Limit[];
  crossing: { p10: number | null; p50: number | null; p90: number | null; probability_by: Record<string, number> };
  years: ForecastYear[];
  notes: string[];
  inputs: { samples: number; facts: string };
}

export interface Parameter {
  id: string;
  name: string;
  unit: string;
  p10: number;
  p50: number;
  p90: number;
  shown: Partial<Record<"p10" | "p50" | "p90", string>>;
  low: number;
  high: number;
  log: boolean;
  source: string;
  url: string;
  as_of: string;
  grade: string;
  influence: number | null;
}

export interface ParameterGroup {
  title: string;
  limits: string[];
  items: Parameter[];
}

export interface Lever {
  name: string;
  title: string;
  kind: string;
  limits: string;
  p10: number | null;
  p50: number | null;
  p90: number | null;
  from_year: number | null;
  claim: string;
  check: string;
  source: string;
  url: string;
  grade: string;
  unit: string;
}

export interface RankRow {
  lever: string;
  name?: string;
  ratio?: number;
  p10: number;
  p50: number;
  p90: number;
  probability_negative?: number;
  by_limit: Record<string, number | string>;
}

export interface PackageAnswer {
  year: number;
  levers: string[];
  names: string[];
  ratio: number;
  p10: number;
  p50: number;
  p90: number;
  exact: boolean;
  probability_negative: number;
  binding_probability_after: Partial<Record<Limit, number>>;
  steps: { lever: string; ratio: number }[];
  packages_evaluated: number;
}

export interface ReboundRow {
  lever: string;
  name: string;
  gain: Quantiles;
  use_before_twh_per_yr: Quantiles;
  use_after_without_rebound_twh_per_yr: Quantiles;
  use_after_with_rebound_twh_per_yr: Quantiles;
  probability_use_rises: number;
}

export interface Rebound {
  year: number;
  elasticity: Quantiles;
  levers: ReboundRow[];
}

export interface Catalogue {
  models: string[];
  chips: string[];
  sites: string[];
  software: string[];
}

export type Cell = string | number | boolean | null;

export interface Plan {
  summary: string;
  chip: string;
  chips: number;
  step_s: Quantiles;
  mfu: Record<string, number>;
  breakdown: { part: string; seconds: number; share: number }[];
  memory_at_hand_bytes: number;
  memory_total_bytes: number;
  goodput: Quantiles;
  run: Record<string, Quantiles | string>;
  layout: Record<string, Cell>;
  layouts_considered: number;
}

export interface PlanHeadroom {
  year: number;
  limits: Partial<Record<Limit, Quantiles>>;
  minimum: Quantiles;
  first_limit: Limit;
  share_of_futures_within_all_limits: number;
  levers: { lever: string; ratio: number }[];
}

export interface Span {
  stage: number;
  kind: string;
  micro_batch: number;
  start_s: number;
  end_s: number;
}

export interface PlanAnswer {
  plan: Plan;
  timeline: Span[];
  layouts: Record<string, unknown>[];
  memory_by_stage: Record<string, number>[];
  headroom: PlanHeadroom | null;
}

export interface Measure {
  id: string;
  title: string;
  unit: string;
  /** What the figures see and what a gap means. */
  note?: string;
  coverage?: string;
}

/** A country or a club of countries held against the need. */
export interface Place {
  code: string;
  name: string;
  members: string[];
  limit: string | null;
  can_host_probability: number | null;
  ratio: Quantiles | null;
  ratios: Record<string, Quantiles>;
  growth_years: Quantiles | null;
  demand_share: Quantiles | null;
  gdp_share: Quantiles | null;
  carbon_mt_per_yr: Quantiles | null;
}

export interface AccessAnswer {
  rows: Record<string, unknown>[];
  measures: Measure[];
  summary: string;
  /** The countries and clubs that were named. */
  places?: Place[];
  /** All of them together. */
  club?: { summary: string; gain_over_best_member: number | null; together: Place } | null;
}

export interface Lorenz {
  /** hosted, owned or vendor. */
  level: string;
  lorenz: { population: number; compute: number }[];
  gini: number;
  /** Share of the first two, and who they are where that is told. */
  top2_share: number;
  top2: string[];
  coverage: string;
}

export interface FactRow {
  table: string;
  id: string;
  name: string;
  /** The column that the value stands in. */
  column: string;
  value: string | number | null;
  unit: string;
  low: number | null;
  high: number | null;
  /** What the value is held against: what a claim says. */
  against: number | null;
  /** Why there is no value. */
  reason: string;
  source: string;
  url: string;
  as_of: string;
  licence: string;
  grade: string;
  used_in: string[];
}

export interface Facts {
  rows: FactRow[];
  total: number;
}

export interface Saving {
  group: string;
  calls: number;
  errors: number;
  usd: number;
  kwh: number;
  g_co2: number;
  usd_strong: [number, number, number];
  kwh_strong: [number, number, number];
  g_co2_strong: [number, number, number];
  calls_saved: number | null;
  usd_saved: number | null;
}

export interface RouterReport {
  by: string;
  from: string | null;
  to: string | null;
  strong: string | null;
  total: Saving;
  items: Saving[];
  warnings: string[];
}

export type RouterAnswer = { configured: false } | { configured: true; report: RouterReport };
