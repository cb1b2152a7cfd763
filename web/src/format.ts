/** Numbers as a reader sees them: two significant digits, powers of ten as 2.3×10²⁹, units with a space. */

import type { Fact, Quantiles } from "./api.gen";

/** A number, or null where it is not known or has no bound. */
export type Value = number | null;

const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function superscript(n: number): string {
  return (n < 0 ? "⁻" : "") + Array.from(String(Math.abs(n)), (d) => SUPERSCRIPT[Number(d)] ?? "").join("");
}

/** 2.1e29 → "2.1×10²⁹". */
export function power10(x: Value, digits = 2): string {
  if (x === null || !Number.isFinite(x)) return "–";
  if (x === 0) return "0";
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e") as [string, string];
  return `${mantissa.replace("-", "−")}×10${superscript(Number(exponent))}`;
}

const STEPS: [number, string][] = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Two significant digits, thousands as k, M, B, T. */
export function short(x: Value, digits = 2): string {
  if (x === null || !Number.isFinite(x)) return "–";
  if (x === 0) return "0";
  const size = Math.abs(Number(x.toPrecision(digits)));
  const sign = x < 0 ? "−" : "";
  if (size >= 1e15 || size < 1e-3) return power10(x, digits);
  if (size >= 1e4)
    for (const [step, mark] of STEPS) if (size >= step) return sign + trimmed(size / step, digits) + mark;
  return sign + trimmed(size, digits);
}

function trimmed(x: number, digits: number): string {
  const whole = Number(x.toPrecision(digits));
  return whole >= 1000 ? whole.toLocaleString("en-GB") : String(whole);
}

const PREFIXED = new Set(["W", "J", "B", "bytes", "FLOP/s", "bit/s", "Wh"]);
const PREFIXES: [number, string][] = [
  [1e18, "E"],
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** A number with its unit; W, Wh, J, B, FLOP/s get prefixes, seconds become days or years. */
export function quantity(x: Value, unit: string, digits = 2): string {
  if (x === null || !Number.isFinite(x)) return "–";
  if (unit === "s") return duration(x, digits);
  if (unit === "FLOP") return `${power10(x, digits)} FLOP`;
  if (unit === "USD") return `USD ${short(x, digits)}`;
  if (unit === "" || unit === "1" || unit === "share" || unit === "fraction") return short(x, digits);
  if (PREFIXED.has(unit)) {
    const base = unit === "bytes" ? "B" : unit;
    for (const [step, mark] of PREFIXES) if (Math.abs(x) >= step) return `${trimmed(x / step, digits)} ${mark}${base}`;
    return `${short(x, digits)} ${base}`;
  }
  return `${short(x, digits)} ${unit}`;
}

function duration(x: number, digits: number): string {
  const size = Math.abs(x);
  if (size >= 2 * 365.25 * 86400) return `${trimmed(x / (365.25 * 86400), digits)} years`;
  if (size >= 2 * 86400) return `${trimmed(x / 86400, Math.max(digits, 3))} days`;
  if (size >= 2 * 3600) return `${trimmed(x / 3600, digits)} h`;
  if (size >= 1) return `${trimmed(x, Math.max(digits, 3))} s`;
  if (size >= 1e-3) return `${trimmed(x * 1e3, digits)} ms`;
  if (size >= 1e-6) return `${trimmed(x * 1e6, digits)} µs`;
  return `${short(x, digits)} s`;
}

/** p50 (p10–p90); ∞ where a known median has no upper quantile. */
export function interval(q: Quantiles, show: (x: number) => string = short): string {
  const one = (x: Value): string => (x === null ? "–" : show(x));
  return `${one(q.p50)} (${one(q.p10)}–${q.p90 === null && q.p50 !== null ? "∞" : one(q.p90)})`;
}

/** "15.6T" → 15.6e12; null: no number. */
export function count(text: string): number | null {
  const found = /^([\d.]+(?:e[+-]?\d+)?)([kKMBGT]?)$/.exec(text.replace(/[,\s]/g, ""));
  if (!found) return null;
  const power = { k: 3, K: 3, M: 6, B: 9, G: 9, T: 12 }[found[2] ?? ""] ?? 0;
  const value = Number(`${found[1]}${found[1]?.includes("e") ? "" : `e${power}`}`);
  return Number.isFinite(value) ? value : null;
}

/** p50 (p10–p90) with the unit once; units with prefixes stand at each number, for each may have another. */
export function intervalOf(q: Quantiles, unit: string): string {
  if (unit === "USD") return `USD ${interval(q)}`;
  if (unit === "" || unit === "s" || quantity(1, unit) !== `1 ${unit}` || PREFIXED.has(unit))
    return interval(q, (x) => quantity(x, unit));
  return `${interval(q)} ${unit}`;
}

/** What a fact says: a value with its interval, an interval alone, a text, or why there is none. */
export function factText(row: Pick<Fact, "value" | "unit" | "low" | "high" | "against" | "reason">): string {
  const show = (x: number): string => (row.unit ? quantity(x, row.unit, 3) : short(x, 3));
  const parts: string[] = [];
  if (row.value !== null) parts.push(typeof row.value === "number" ? show(row.value) : row.value);
  if (row.low !== null && row.high !== null) parts.push(`(${show(row.low)}–${show(row.high)})`);
  const text = parts.join(" ") || row.reason;
  return row.against === null ? text : `${text}, claimed ${show(row.against)}`;
}

/** A value over another; null where one of them is. */
export const over = (a: Value, b: Value): Value => (a === null || b === null ? null : a / b);

/** A share as a whole per cent; small ones as "<1 %". */
export function percent(share: Value): string {
  if (share === null || !Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.005) return "<1 %";
  return `${Math.round(share * 100)} %`;
}

/** A ratio as ×1.36. */
export function times(x: Value): string {
  if (x === null || !Number.isFinite(x)) return "–";
  if (x >= 100) return `×${short(x)}`;
  return `×${Number(x.toPrecision(x < 0.01 ? 2 : 3))}`;
}

/** Only http and https addresses are linked. */
export function safeUrl(url: string): string | null {
  return /^https?:\/\/[^\s]+$/i.test(url) ? url : null;
}

/** One cell of a CSV file (RFC 4180); cells that a spreadsheet would run as a formula get an apostrophe. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  let text = typeof value === "string" ? value : typeof value === "number" ? String(value) : JSON.stringify(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** Rows with the same keys as CSV. */
export function csv(rows: readonly Record<string, unknown>[]): string {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    [keys.map(csvCell).join(","), ...rows.map((row) => keys.map((k) => csvCell(row[k])).join(","))].join("\r\n") +
    "\r\n"
  );
}

/** Nested objects as one level: {a: {p10: 1}} → {"a.p10": 1}. */
export function flat(row: Record<string, unknown>, prefix = ""): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(row)) {
    if (value && typeof value === "object" && !Array.isArray(value))
      Object.assign(out, flat(value as Record<string, unknown>, `${prefix}${key}.`));
    else out[prefix + key] = Array.isArray(value) ? value.join(" ") : value;
  }
  return out;
}

/** Position 0…1 of a value on a slider, and back. */
export function toSlider(x: number, low: number, high: number, log: boolean): number {
  const at = log ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low);
  return Math.min(1, Math.max(0, Number.isFinite(at) ? at : 0));
}

export function fromSlider(at: number, low: number, high: number, log: boolean): number {
  const x = log ? low * (high / low) ** at : low + at * (high - low);
  return Number(Math.min(high, Math.max(low, x)).toPrecision(4));
}

/** The words with a capital letter first, as at the start of a sentence. */
export const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
