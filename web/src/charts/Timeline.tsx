/** What each stage of a pipeline does when, in one step. */

import type { JSX } from "preact";
import { scaleLinear } from "d3-scale";
import { quantity } from "../format";
import type { Span } from "../api.gen";
import { XAxis, type Box } from "./axes";

export function Timeline({
  spans,
  width,
  label,
}: {
  spans: readonly Span[];
  width: number;
  label: string;
}): JSX.Element {
  const stages = [...new Set(spans.map((s) => s.stage))].sort((a, b) => a - b);
  const row = 22;
  const box: Box = { width, height: stages.length * row + 40, left: 66, right: 14, top: 4, bottom: 34 };
  const end = Math.max(1e-9, ...spans.map((s) => s.end_s));
  const x = scaleLinear([0, end], [box.left, width - box.right]);
  return (
    <svg viewBox={`0 0 ${width} ${box.height}`} role="img" aria-label={label}>
      {stages.map((s, i) => (
        <text key={s} x={box.left - 8} y={box.top + i * row + 10} text-anchor="end" dominant-baseline="middle">
          stage {s}
        </text>
      ))}
      {spans.map((s, i) => (
        <rect
          key={i}
          class={`span part-${partClass(s.kind)}`}
          x={x(s.start_s)}
          width={Math.max(0.5, x(s.end_s) - x(s.start_s))}
          y={box.top + stages.indexOf(s.stage) * row}
          height={row - 4}
        >
          <title>{`stage ${s.stage}, ${s.kind}: ${quantity(s.start_s, "s")} to ${quantity(s.end_s, "s")}`}</title>
        </rect>
      ))}
      <XAxis box={box} ticks={x.ticks(width < 480 ? 3 : 6).map((v) => ({ at: x(v), text: quantity(v, "s") }))} />
    </svg>
  );
}

/** Names that the style sheet may use. */
export const partClass = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
