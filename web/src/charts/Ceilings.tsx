/** Ceilings of the limits over the years on a log scale, with bands and the expected run. */

import type { JSX } from "preact";
import { scaleLinear, scaleLog } from "d3-scale";
import { area, line } from "d3-shape";
import type { ForecastAnswer, ForecastYear, Levels, Limit } from "../api.gen";
import { decades, decadeText, spread, XAxis, YAxis, yearTicks, type Box } from "./axes";

interface Props {
  width: number;
  forecast: ForecastAnswer;
  year: number;
  bands: readonly string[];
  versus: ForecastAnswer | null;
  versusName: string;
  onYear: (year: number) => void;
}

interface Point {
  year: number;
  q: Levels;
  p50: number;
}

interface Line {
  id: string;
  label: string;
  points: Point[];
}

/** One point per year in which the median has a bound. */
const pointsOf = (forecast: ForecastAnswer, pick: (y: ForecastYear) => Levels | undefined): Point[] =>
  forecast.years.flatMap((y) => {
    const q = pick(y);
    return q?.p50 ? [{ year: y.year, q, p50: q.p50 }] : [];
  });

function lines(forecast: ForecastAnswer): Line[] {
  const limits = forecast.limits.map((l) => ({ id: l, label: l, points: pointsOf(forecast, (y) => y.ceilings[l]) }));
  return [...limits, { id: "expected", label: "expected run", points: pointsOf(forecast, (y) => y.expected) }];
}

const numbers = (values: readonly (number | null)[]): number[] => values.filter((v) => v !== null);

/** Range of the picture: what is near the expected run and the lowest ceilings; far ceilings run out at the top. */
function range({ years }: ForecastAnswer): [number, number] {
  const low = Math.min(...years.flatMap((y) => numbers([y.expected.p10, y.minimum.p10])));
  const high = Math.max(
    ...years.flatMap((y) => [
      ...numbers([y.minimum.p90, y.expected.p90]),
      ...numbers(Object.values(y.ceilings).map((c) => c.p50))
        .sort((a, b) => a - b)
        .slice(0, -1),
    ]),
  );
  return [low / 1.5, high * 2];
}

export function Ceilings(props: Props): JSX.Element {
  const { width, forecast, year, bands, versus } = props;
  const narrow = width < 480;
  const box: Box = {
    width,
    height: narrow ? 320 : Math.min(620, Math.max(380, width * 0.52)),
    left: 42,
    right: narrow ? 84 : 104,
    top: 12,
    bottom: 34,
  };
  const years = forecast.years.map((y) => y.year);
  const [first, last] = [years[0] ?? 2025, years[years.length - 1] ?? 2040];
  const x = scaleLinear([first, last], [box.left, width - box.right]);
  const bounds = range(forecast);
  const y = scaleLog(bounds, [box.height - box.bottom, box.top]).clamp(true);
  const path = line<Point>()
    .x((p) => x(p.year))
    .y((p) => y(p.p50));
  const band = (a: "p10" | "p25", b: "p90" | "p75"): ReturnType<typeof area<Point>> =>
    area<Point>()
      .x((p) => x(p.year))
      .y0((p) => y(p.q[a] ?? p.p50))
      .y1((p) => y(p.q[b] ?? bounds[1]));
  const all = lines(forecast);
  const feasible = pointsOf(forecast, (f) => f.minimum);
  const other = versus ? pointsOf(versus, (f) => f.minimum) : [];
  const ends = all.map((l) => ({ ...l, at: y(l.points[l.points.length - 1]?.p50 ?? bounds[1]) }));
  if (other.length)
    ends.push({
      id: "versus",
      label: props.versusName.slice(0, 14),
      points: [],
      at: y(other[other.length - 1]?.p50 ?? bounds[1]),
    });
  const places = spread(
    ends.map((e) => e.at),
    15,
    box.top + 4,
    box.height - box.bottom,
  );
  const binding = forecast.years.find((f) => f.year === year)?.binding_limit;
  const crossing = forecast.crossing;
  return (
    <svg
      viewBox={`0 0 ${width} ${box.height}`}
      role="img"
      aria-label={`Ceilings in FLOP from ${first} to ${last}; the numbers stand in the table below`}
    >
      <YAxis box={box} ticks={decades(bounds[0], bounds[1]).map((v) => ({ at: y(v), text: decadeText(v) }))} />
      <path
        class="feasible"
        d={
          area<Point>()
            .x((p) => x(p.year))
            .y0(box.height - box.bottom)
            .y1((p) => y(p.p50))(feasible) ?? ""
        }
      />
      {all
        .filter((l) => bands.includes(l.id))
        .map((l) => (
          <g key={l.id}>
            <path class={`band fill-${l.id}`} d={band("p10", "p90")(l.points) ?? ""} />
            <path class={`band inner fill-${l.id}`} d={band("p25", "p75")(l.points) ?? ""} />
          </g>
        ))}
      <line class="year-line" x1={x(year)} x2={x(year)} y1={box.top} y2={box.height - box.bottom} />
      {all.map((l) => (
        <path key={l.id} class={`line stroke-${l.id}`} d={path(l.points) ?? ""} />
      ))}
      {other.length ? <path class="line stroke-versus" d={path(other) ?? ""} /> : null}
      {ends.map((e, i) => (
        <g key={e.id}>
          <line
            class={`leader stroke-${e.id}`}
            x1={width - box.right + 1}
            x2={width - box.right + 9}
            y1={e.at}
            y2={places[i]}
          />
          <text
            class={`end${e.id === binding ? " strong" : ""}`}
            x={width - box.right + 12}
            y={places[i]}
            dominant-baseline="middle"
          >
            {e.label}
            {e.id === binding ? " ◄" : ""}
          </text>
        </g>
      ))}
      {crossing.p50 !== null && crossing.p50 >= first && crossing.p50 <= last ? (
        <Crossing box={box} x={x} at={[crossing.p10, crossing.p50, crossing.p90]} />
      ) : null}
      <XAxis box={box} ticks={yearTicks(years, x, width)} />
      {years.map((v) => (
        <rect
          key={v}
          class="hit"
          x={x(v - 0.5)}
          width={Math.max(0, x(v + 0.5) - x(v - 0.5))}
          y={box.top}
          height={box.height - box.top - box.bottom}
          onClick={() => props.onYear(v)}
        >
          <title>{v}</title>
        </rect>
      ))}
    </svg>
  );
}

function Crossing({
  box,
  x,
  at,
}: {
  box: Box;
  x: (v: number) => number;
  at: [number | null, number, number | null];
}): JSX.Element {
  const y = box.height - box.bottom - 12;
  const [low, mid, high] = at;
  const inside = (v: number): number => Math.min(box.width - box.right, Math.max(box.left, x(v)));
  return (
    <g class="crossing">
      <line x1={inside(low ?? mid)} x2={inside(high ?? mid)} y1={y} y2={y} />
      <circle cx={x(mid)} cy={y} r="4" />
      <text x={inside(high ?? mid) + 6} y={y} dominant-baseline="middle">
        trend meets ceiling
      </text>
    </g>
  );
}

export function bandsOf(bands: readonly string[] | null, binding: Limit | undefined): string[] {
  return bands ? [...bands] : binding ? [binding] : [];
}
