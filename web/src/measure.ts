/** Measures of countries: plain numbers or intervals, and their classes on the map. */

import { interval, percent, quantity, times } from "./format";
import { LIMITS, type Limit, type Measure, type Quantiles } from "./types";

export function isQuantiles(value: unknown): value is Quantiles {
  return typeof value === "object" && value !== null && typeof (value as Quantiles).p50 === "number";
}

/** The number that is drawn: the value itself or its median; null: no figure. */
export function middle(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  return isQuantiles(value) ? value.p50 : null;
}

export function showMeasure(value: unknown, unit: string): string {
  const one = (x: number): string =>
    unit === "share" || unit === "fraction" || unit === "%"
      ? unit === "%"
        ? `${Number(x.toPrecision(2))} %`
        : x >= 0.1 || x === 0
          ? percent(x)
          : `${Number((x * 100).toPrecision(2))} %`
      : unit === "ratio" || unit === "x" || unit === "×"
        ? times(x)
        : quantity(x, unit);
  if (isQuantiles(value)) return interval(value, one);
  if (typeof value === "number") return one(value);
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return "no figure";
}

/** Bounds between six classes with about as many countries in each; equal bounds fall together. */
export function bounds(values: readonly number[], classes = 6): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  if (!sorted.length) return [];
  const out: number[] = [];
  for (let i = 1; i < classes; i++) {
    const at = sorted[Math.min(sorted.length - 1, Math.floor((i * sorted.length) / classes))] ?? 0;
    const round = Number(at.toPrecision(2));
    if (round > (out[out.length - 1] ?? sorted[0] ?? -Infinity)) out.push(round);
  }
  return out;
}

/** Class of a value, 0…classes − 1, spread over the six colours. */
export function classOf(value: number, cuts: readonly number[]): number {
  const k = cuts.filter((c) => value >= c).length;
  return cuts.length === 0 ? 3 : Math.round((k * 5) / cuts.length);
}

export const noteOf = (m: Measure): string => m.note ?? m.coverage ?? "";

/** The limit that a cell names, for maps of the scarcest limit; null: none. */
export const limitOf = (value: unknown): Limit | null =>
  typeof value === "string" && (LIMITS as readonly string[]).includes(value) ? (value as Limit) : null;

/** Measures that a map can show: numbers, or names of limits. */
export const drawable = (measures: readonly Measure[], rows: readonly Record<string, unknown>[]): Measure[] =>
  measures.filter((m) => rows.some((r) => middle(r[m.id]) !== null || limitOf(r[m.id]) !== null));
