/** Measures of countries: plain numbers or intervals, and their classes on the map. */

import { interval, percent, quantity, times, type Value } from "./format";
import type { MapRow, Measure, Quantiles } from "./api.gen";

/** What a cell of the map holds: a number, the name of a limit, or nothing. */
export type Cell = MapRow["values"][string] | undefined;

/** The number that is drawn; null: no figure. */
export const numberOf = (value: Cell): Value => (typeof value === "number" ? value : null);

/** The limit that a cell names, for maps of the scarcest limit; null: none. */
export const limitOf = (value: Cell): string | null => (typeof value === "string" ? value : null);

function showNumber(x: number, unit: string): string {
  if (unit === "fraction") return x >= 0.1 || x === 0 ? percent(x) : `${Number((x * 100).toPrecision(2))} %`;
  return unit === "x" ? times(x) : quantity(x, unit);
}

export function showMeasure(value: Cell, unit: string): string {
  return typeof value === "number" ? showNumber(value, unit) : (limitOf(value) ?? "no figure");
}

/** An interval of a measure; without a median there is no figure. */
export function showInterval(q: Quantiles, unit: string): string {
  return q.p50 === null ? "no figure" : interval(q, (x) => showNumber(x, unit));
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

/** Measures that a map can show: those with a figure for some country. */
export const drawable = (measures: readonly Measure[], rows: readonly MapRow[]): Measure[] =>
  measures.filter((m) => rows.some((r) => (r.values[m.id] ?? null) !== null));
