/** Lorenz curve: share of compute held by the poorest share of people. */

import type { JSX } from "preact";
import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { percent } from "../format";
import { XAxis, YAxis, type Box } from "./axes";

/** Share of people, share of compute. */
type Point = readonly [number, number];

export function Lorenz({ points, width }: { points: readonly Point[]; width: number }): JSX.Element {
  const size = Math.min(width, 460);
  const box: Box = { width: size, height: size * 0.86, left: 48, right: 16, top: 10, bottom: 40 };
  const x = scaleLinear([0, 1], [box.left, size - box.right]);
  const y = scaleLinear([0, 1], [box.height - box.bottom, box.top]);
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const place = ([people, compute]: Point): [number, number] => [x(people), y(compute)];
  return (
    <svg
      viewBox={`0 0 ${size} ${box.height}`}
      role="img"
      aria-label="Lorenz curve of compute over people"
      class="lorenz"
    >
      <YAxis box={box} ticks={ticks.map((v) => ({ at: y(v), text: percent(v) }))} />
      <path
        class="gap"
        d={
          area<Point>()
            .x((p) => place(p)[0])
            .y0((p) => y(p[0]))
            .y1((p) => place(p)[1])([...points]) ?? ""
        }
      />
      <line class="neutral" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
      <path
        class="line stroke-accent"
        d={
          line<Point>()
            .x((p) => place(p)[0])
            .y((p) => place(p)[1])([...points]) ?? ""
        }
      />
      <text x={x(0.42)} y={y(0.5)} text-anchor="end">
        equal shares
      </text>
      <XAxis
        box={box}
        ticks={ticks.map((v) => ({ at: x(v), text: percent(v) }))}
        title="people, from least to most compute"
      />
    </svg>
  );
}
