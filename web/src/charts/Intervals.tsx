/** Rows of p10–p90 with the median as a dot, on a log axis about a line of no effect. */

import type { JSX } from "preact";
import { scaleLinear, scaleLog } from "d3-scale";
import { interval, times } from "../format";
import type { Quantiles } from "../api.gen";
import { XAxis, type Box } from "./axes";

interface Row {
  label: string;
  q: Quantiles;
  note?: string;
}

interface Props {
  rows: readonly Row[];
  width: number;
  label: string;
  /** Where nothing changes; null: none. */
  neutral?: number | null;
  log?: boolean;
  unit?: string;
  show?: (x: number) => string;
  cap?: number;
}

export function Intervals({
  rows,
  width,
  label,
  neutral = 1,
  log = true,
  unit = "",
  show = times,
  cap = Infinity,
}: Props): JSX.Element {
  const line = 26;
  const stacked = width < 520;
  const left = stacked ? 10 : Math.min(320, width * 0.4);
  const step = stacked ? 42 : line;
  const box: Box = { width, height: rows.length * step + 44, left, right: 20, top: 8, bottom: 34 };
  const values = rows
    .flatMap((r) => [r.q.p10, r.q.p90, r.q.p50])
    .flatMap((v) => (v !== null && (!log || v > 0) ? [v] : []));
  const low = Math.min(neutral ?? Infinity, ...values) * (log ? 0.95 : 1);
  const high = Math.min(cap, Math.max(neutral ?? -Infinity, ...values) * (log ? 1.05 : 1));
  const ends: [number, number] = log ? [low, Math.max(high, low * 1.2)] : [Math.min(0, low), high || 1];
  const x = (
    log ? scaleLog(ends, [box.left, width - box.right]) : scaleLinear(ends, [box.left, width - box.right])
  ).clamp(true);
  const ticks = ticksOf(ends, log, width - left, x.ticks(5));
  return (
    <svg viewBox={`0 0 ${width} ${box.height}`} role="img" aria-label={label} class="intervals">
      {neutral === null ? null : (
        <line class="neutral" x1={x(neutral)} x2={x(neutral)} y1={box.top} y2={box.height - box.bottom} />
      )}
      {rows.map((r, i) => {
        const y = box.top + i * step + (stacked ? 28 : step / 2);
        return (
          <g key={r.label}>
            <title>{`${r.label}: ${interval(r.q, show)}`}</title>
            <text
              x={stacked ? left : left - 10}
              y={stacked ? y - 15 : y}
              text-anchor={stacked ? "start" : "end"}
              dominant-baseline="middle"
            >
              {shorten(r.label, (stacked ? width : left) / 6.8)}
            </text>
            <line class="reach" x1={x(r.q.p10 ?? ends[0])} x2={x(r.q.p90 ?? ends[1])} y1={y} y2={y} />
            {r.q.p50 === null ? null : <circle class="dot" cx={x(r.q.p50)} cy={y} r="4.5" />}
          </g>
        );
      })}
      <XAxis box={box} ticks={ticks.map((v) => ({ at: x(v), text: show(v) }))} title={unit} />
    </svg>
  );
}

/** Ticks of a short log range are 1, 1.5, 2, 3, 5 … */
function ticksOf([low, high]: [number, number], log: boolean, room: number, usual: number[]): number[] {
  if (!log) return usual;
  const steps = high / low > 1000 ? [1] : high / low > 30 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
  const out: number[] = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
    for (const s of steps) {
      const v = Number((s * 10 ** e).toPrecision(3));
      if (v >= low && v <= high) out.push(v);
    }
  const most = Math.max(2, Math.floor(room / 52));
  const skip = Math.ceil(out.length / most);
  return out.filter((_, i) => i % skip === 0);
}

export function shorten(text: string, characters: number): string {
  return text.length <= characters ? text : text.slice(0, Math.max(1, Math.floor(characters) - 1)) + "…";
}
