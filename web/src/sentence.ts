/** The answer in one sentence, for the year that is looked at. */

import { capital, percent, power10 } from "./format";
import type { ForecastAnswer } from "./api.gen";

/** The server's own sentence where it speaks of this year; else the same from the server's figures. */
export function sentence(forecast: ForecastAnswer, year: number): string {
  const now = forecast.years.find((y) => y.year === year);
  if (!now || forecast.summary.includes(`In ${year} `)) return forecast.summary;
  const { p10, p50, p90 } = now.minimum;
  const binds = forecast.limits
    .map((l) => [l, now.binding_probability[l] ?? 0] as const)
    .filter(([, p]) => p >= 0.05)
    .sort((a, b) => b[1] - a[1])
    .map(([l, p], i) => (i === 0 ? `${capital(l)} binds in ${percent(p)} of futures` : `${l} in ${percent(p)}`));
  return `In ${year} the largest feasible run is ${power10(p50)} FLOP (80 %: ${power10(p10)} – ${power10(p90)}). ${binds.join(", ")}.`;
}
