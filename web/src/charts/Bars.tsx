/** Horizontal bars, each of one or more parts, with an optional line at a bound. */

import type { JSX } from "preact";
import { scaleLinear } from "d3-scale";
import { XAxis, type Box } from "./axes";
import { shorten } from "./Intervals";

export interface Bar {
  label: string;
  parts: { name: string; value: number; fill: string }[];
  text?: string;
}

interface Props {
  bars: readonly Bar[];
  width: number;
  label: string;
  show: (x: number) => string;
  bound?: { value: number; label: string };
}

export function Bars({ bars, width, label, show, bound }: Props): JSX.Element {
  const left = Math.min(150, width * 0.28);
  const box: Box = {
    width,
    height: bars.length * 24 + 44 + (bound ? 14 : 0),
    left,
    right: 64,
    top: bound ? 20 : 6,
    bottom: 34,
  };
  const totals = bars.map((b) => b.parts.reduce((sum, p) => sum + p.value, 0));
  const high = Math.max(1e-12, bound?.value ?? 0, ...totals);
  const x = scaleLinear([0, high], [left, width - box.right]);
  return (
    <svg viewBox={`0 0 ${width} ${box.height}`} role="img" aria-label={label} class="bars">
      {bars.map((bar, i) => {
        const y = box.top + i * 24;
        let from = 0;
        return (
          <g key={bar.label}>
            <text x={left - 8} y={y + 11} text-anchor="end" dominant-baseline="middle">
              {shorten(bar.label, left / 6.5)}
            </text>
            {bar.parts.map((p) => {
              const start = from;
              from += p.value;
              return (
                <rect
                  key={p.name}
                  class={p.fill}
                  x={x(start)}
                  y={y + 2}
                  width={Math.max(0, x(from) - x(start))}
                  height="18"
                >
                  <title>{`${bar.label}, ${p.name}: ${show(p.value)}`}</title>
                </rect>
              );
            })}
            <text class="value" x={x(totals[i] ?? 0) + 6} y={y + 11} dominant-baseline="middle">
              {bar.text ?? show(totals[i] ?? 0)}
            </text>
          </g>
        );
      })}
      {bound ? (
        <g class="bound">
          <line x1={x(bound.value)} x2={x(bound.value)} y1={box.top - 4} y2={box.height - box.bottom} />
          <text x={x(bound.value)} y={box.top - 9} text-anchor="end">
            {bound.label}
          </text>
        </g>
      ) : null}
      <XAxis box={box} ticks={x.ticks(width < 480 ? 3 : 5).map((v) => ({ at: x(v), text: show(v) }))} />
    </svg>
  );
}
