/** Which limit binds: shares of the futures, stacked to one. */

import type { JSX } from "preact";
import { scaleLinear } from "d3-scale";
import { area } from "d3-shape";
import type { ForecastAnswer } from "../api.gen";
import { percent } from "../format";
import { spread, XAxis, YAxis, yearTicks, type Box } from "./axes";

export function Binding({
  width,
  forecast,
  year,
}: {
  width: number;
  forecast: ForecastAnswer;
  year: number;
}): JSX.Element {
  const box: Box = {
    width,
    height: Math.min(340, Math.max(220, width * 0.3)),
    left: 42,
    right: width < 480 ? 84 : 104,
    top: 8,
    bottom: 30,
  };
  const years = forecast.years.map((y) => y.year);
  const x = scaleLinear([years[0] ?? 0, years[years.length - 1] ?? 1], [box.left, width - box.right]);
  const y = scaleLinear([0, 1], [box.height - box.bottom, box.top]);
  const { limits } = forecast;
  const layers = limits.map((limit, i) => ({
    limit,
    points: forecast.years.map((f) => {
      const below = limits.slice(0, i).reduce((sum, l) => sum + (f.binding_probability[l] ?? 0), 0);
      return { year: f.year, low: below, high: below + (f.binding_probability[limit] ?? 0) };
    }),
  }));
  const shape = area<{ year: number; low: number; high: number }>()
    .x((p) => x(p.year))
    .y0((p) => y(p.low))
    .y1((p) => y(p.high));
  const ends = layers.flatMap((l) => {
    const end = l.points[l.points.length - 1];
    return end && end.high - end.low >= 0.005
      ? [{ limit: l.limit, share: end.high - end.low, at: y((end.low + end.high) / 2) }]
      : [];
  });
  const places = spread(
    ends.map((e) => e.at),
    15,
    box.top + 6,
    box.height - box.bottom - 4,
  );
  return (
    <svg
      viewBox={`0 0 ${width} ${box.height}`}
      role="img"
      aria-label="Share of futures in which each limit binds; the numbers stand in the table below"
    >
      {layers.map((l) => (
        <path key={l.limit} class={`layer fill-${l.limit}`} d={shape(l.points) ?? ""} />
      ))}
      <YAxis box={box} ticks={[0, 0.5, 1].map((v) => ({ at: y(v), text: percent(v) }))} />
      <line class="year-line" x1={x(year)} x2={x(year)} y1={box.top} y2={box.height - box.bottom} />
      {ends.map((e, i) => (
        <g key={e.limit}>
          <line
            class={`leader stroke-${e.limit}`}
            x1={width - box.right + 1}
            x2={width - box.right + 9}
            y1={e.at}
            y2={places[i]}
          />
          <text
            class="end"
            x={width - box.right + 12}
            y={places[i]}
            dominant-baseline="middle"
          >{`${e.limit} ${percent(e.share)}`}</text>
        </g>
      ))}
      <XAxis box={box} ticks={yearTicks(years, x, width)} />
    </svg>
  );
}
