/** The barrel: one stave per limit, as high as its log headroom; the water stands at the lowest. */

import type { JSX } from "preact";
import { short } from "../format";
import type { Limit } from "../api.gen";

interface Props {
  /** log10 of ceiling over need; null: no bound, no stave. */
  heights: Readonly<Record<string, number | null>>;
  binds: Limit;
  width: number;
  label: string;
}

export function Barrel({ heights, binds, width, label }: Props): JSX.Element {
  const staves = Object.entries(heights).flatMap(([limit, h]): [string, number][] => (h === null ? [] : [[limit, h]]));
  const height = Math.min(260, Math.max(170, width * 0.62));
  const [top, bottom, side] = [26, 34, 8];
  const values = staves.map(([, h]) => h);
  const high = Math.max(1, ...values);
  const floor = Math.min(0, ...values);
  const y = (v: number): number => top + ((high - v) / (high - floor)) * (height - top - bottom);
  const step = (width - 2 * side) / Math.max(1, staves.length);
  const water = y(heights[binds] ?? 0);
  const ground = height - bottom;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label} class="barrel">
      {staves.map(([limit, h], i) => {
        const at = y(h);
        const x = side + i * step;
        return (
          <g key={limit}>
            <path
              class={`stave fill-${limit}`}
              d={`M${x + 2},${ground}V${at + 3}Q${x + 2},${at} ${x + 5},${at}H${x + step - 5}Q${x + step - 2},${at} ${x + step - 2},${at + 3}V${ground}Z`}
            />
            <text class="value" x={x + step / 2} y={at - 6} text-anchor="middle">
              {staveText(h)}
            </text>
            <text
              class={limit === binds ? "name strong" : "name"}
              x={x + step / 2}
              y={ground + 15}
              text-anchor="middle"
            >
              {limit}
            </text>
            {limit === binds ? (
              <text class="name strong" x={x + step / 2} y={ground + 29} text-anchor="middle">
                binds
              </text>
            ) : null}
          </g>
        );
      })}
      <rect class="water" x={side} width={width - 2 * side} y={water} height={Math.max(0, ground - water)} />
      <line class="waterline" x1={side} x2={width - side} y1={water} y2={water} />
      <line class="hoop" x1={side} x2={width - side} y1={ground} y2={ground} />
    </svg>
  );
}

function staveText(log10: number): string {
  return `${short(10 ** log10)}×`;
}
