/**
 * From a slider that moves to the chart painted anew, next to an empty round trip of the same server.
 *
 *   node e2e/speed.mjs http://localhost:8765/ [moves]
 *
 * Prints one line of JSON, milliseconds: {"moves", "paint": {"p50", "p90"}, "trip": {"p50"}}.
 */

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const base = new URL(process.argv[2] ?? "http://localhost:8765/").href;
const moves = Number(process.argv[3] ?? 60);
const executablePath =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1366, height: 768 } });
await page.goto(base);
await page.locator('main[data-state="settled"]').waitFor({ state: "attached" });

const trips = await page.evaluate(async () => {
  const taken = [];
  for (let i = 0; i < 40; i++) {
    const begun = performance.now();
    await (await fetch("api/router")).arrayBuffer();
    taken.push(performance.now() - begun);
  }
  return taken;
});

/** Watches the lines of the charts: they change when an answer is drawn, and not when the slider itself moves. */
await page.evaluate(() => {
  const slider = document.querySelector(".slider input[type=range]");
  const taken = (window.taken = []);
  let begun = 0;
  slider.addEventListener(
    "input",
    () => {
      begun = performance.now();
    },
    { capture: true },
  );
  new MutationObserver((changes) => {
    if (!begun || !changes.some((c) => c.attributeName === "d" || c.type === "childList")) return;
    const from = begun;
    begun = 0;
    requestAnimationFrame(() => setTimeout(() => taken.push(performance.now() - from)));
  }).observe(document.querySelector("main"), { subtree: true, attributes: true, attributeFilter: ["d"] });
});

const box = await page.locator(".slider input[type=range]").first().boundingBox();
const at = (i) => box.x + box.width * (0.5 + 0.4 * Math.sin(i / 3));
await page.mouse.move(at(0), box.y + box.height / 2);
await page.mouse.down();
for (let i = 1; i <= moves; i++) {
  await page.mouse.move(at(i), box.y + box.height / 2);
  await page.waitForTimeout(250);
}
await page.mouse.up();
const paints = await page.evaluate(() => window.taken);
await browser.close();

const share = (values, part) => [...values].sort((a, b) => a - b)[Math.floor(part * (values.length - 1))];
console.log(
  JSON.stringify({
    moves,
    painted: paints.length,
    paint: { p50: share(paints, 0.5), p90: share(paints, 0.9) },
    trip: { p50: share(trips, 0.5) },
  }),
);
