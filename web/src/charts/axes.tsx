/** Axes and labels that all charts share. */

import type { JSX } from "preact";
import { power10 } from "../format";

export interface Box {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Tick {
  at: number;
  text: string;
}

export function XAxis({ box, ticks, title }: { box: Box; ticks: Tick[]; title?: string }): JSX.Element {
  const y = box.height - box.bottom;
  return (
    <g class="axis" aria-hidden="true">
      <line x1={box.left} x2={box.width - box.right} y1={y} y2={y} class="rule" />
      {ticks.map((t) => (
        <text key={t.text + t.at} x={t.at} y={y + 16} text-anchor="middle">
          {t.text}
        </text>
      ))}
      {title ? (
        <text x={box.width - box.right} y={box.height - 3} text-anchor="end" class="soft">
          {title}
        </text>
      ) : null}
    </g>
  );
}

export function YAxis({ box, ticks }: { box: Box; ticks: Tick[] }): JSX.Element {
  return (
    <g class="axis" aria-hidden="true">
      {ticks.map((t) => (
        <g key={t.text + t.at}>
          <line x1={box.left} x2={box.width - box.right} y1={t.at} y2={t.at} class="grid" />
          <text x={box.left - 6} y={t.at} text-anchor="end" dominant-baseline="middle">
            {t.text}
          </text>
        </g>
      ))}
    </g>
  );
}

/** Every n-th power of ten of a range, at most `most`. */
export function decades(low: number, high: number, most = 8): number[] {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const out: number[] = [];
  for (let e = first; e <= last; e += step) out.push(Number(`1e${e}`));
  return out;
}

export const decadeText = (x: number): string => power10(x, 1).replace(/^1×/, "");

export function yearTicks(years: readonly number[], x: (year: number) => number, width: number): Tick[] {
  const first = years[0] ?? 0;
  const step = width < 420 ? 5 : width < 700 ? 2 : 1;
  return years.filter((y) => (y - first) % step === 0).map((y) => ({ at: x(y), text: String(y) }));
}

/** Push labels apart so that each has `gap` px; the order by place is kept. */
export function spread(places: readonly number[], gap: number, top: number, bottom: number): number[] {
  const order = places.map((_, i) => i).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const out = [...places];
  let low = top;
  for (const i of order) {
    out[i] = Math.max(out[i] ?? 0, low);
    low = (out[i] ?? 0) + gap;
  }
  let high = bottom;
  for (const i of [...order].reverse()) {
    out[i] = Math.min(out[i] ?? 0, high);
    high = (out[i] ?? 0) - gap;
  }
  return out;
}
