/**
 * The page in a real browser against a running server.
 *
 *   node e2e/run.mjs http://localhost:8765/ [folder for pictures]
 *
 * Prints one line per check; exit status 1 when one fails.
 */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const base = new URL(process.argv[2] ?? "http://localhost:8765/").href;
const pictures = process.argv[3];
const executablePath =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = ["forecast", "plan", "access", "levers", "facts", "router"];
/** Milliseconds after which only a hang explains that the page has not settled, however busy the machine is. */
const HANGS = 1_200_000;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"], timeout: HANGS });
let failed = 0;

function assert(truth, words) {
  if (!truth) throw new Error(words);
}

async function open(hash, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1366, height: 768 },
    acceptDownloads: true,
    ...options,
  });
  context.setDefaultTimeout(HANGS);
  const page = await context.newPage();
  const trouble = [];
  page.on("pageerror", (e) => trouble.push(`error: ${e.message}`));
  page.on("console", (m) => {
    if (m.type() === "error" && !/status of 4\d\d/.test(m.text())) trouble.push(`console: ${m.text()}`);
  });
  page.on("request", (r) => {
    const url = new URL(r.url());
    if (/^https?:$/.test(url.protocol) && url.origin !== new URL(base).origin)
      trouble.push(`left the server: ${r.url()}`);
  });
  await page.goto(base + hash);
  await settled(page);
  return { page, trouble, close: () => context.close() };
}

async function check(name, hash, options, body) {
  const { page, trouble, close } = await open(hash, options);
  try {
    await body(page);
    assert(trouble.length === 0, trouble.join("; "));
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${error.message.split("\n").slice(0, 6).join(" | ")}`);
  } finally {
    await close();
  }
}

const answerOf = (page) => page.locator("[data-answer]").innerText();

const stateOf = (page) => page.locator("main").getAttribute("data-state");

/** The page has the answer of its address, from all simulations. */
async function settled(page) {
  await page.locator('main[data-state="settled"]').waitFor({ state: "attached" });
}

/** Serious findings of axe; the tool is injected past the content policy by the debugger's own world. */
async function audit(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    awaitPromise: true,
    returnByValue: true,
    expression:
      "axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => ({ id: v.id, impact: v.impact, at: v.nodes.slice(0, 3).map((n) => n.target.join(' ')) })))",
  });
  assert(!exceptionDetails, `axe did not run: ${exceptionDetails?.text}`);
  return result.value.filter((v) => v.impact === "serious" || v.impact === "critical");
}

for (const view of VIEWS)
  for (const [scheme, width] of [
    ["light", 1366],
    ["dark", 360],
  ])
    await check(
      `${view}, ${scheme}, ${width} px: answer, no overflow, axe`,
      `#/${view}`,
      { colorScheme: scheme, viewport: { width, height: 768 } },
      async (page) => {
        assert(/\d|gateway|No calls/.test(await answerOf(page)), "no answer");
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert(over <= 0, `wider than the screen by ${over} px`);
        const found = await audit(page);
        assert(found.length === 0, JSON.stringify(found));
        assert((await page.locator("h1").count()) === 1, "expected one h1");
        if (pictures) await page.screenshot({ path: `${pictures}/e2e-${view}-${scheme}.png`, fullPage: true });
      },
    );

await check("axe sees a fault that is there", "#/router", {}, async (page) => {
  await page.evaluate(() => {
    const button = document.createElement("button");
    document.querySelector("main").append(button);
  });
  assert(
    (await audit(page)).some((v) => v.id === "button-name"),
    "a button without a name was not found",
  );
});

await check("the first screen answers both halves of the question", "", {}, async (page) => {
  for (const what of ["[data-answer]", "svg.barrel", ".top-levers li:nth-child(3)"]) {
    const box = await page.locator(what).first().boundingBox();
    assert(box && box.y + box.height <= 768, `${what} is not on the first screen`);
  }
  assert(/In 2030 the largest feasible run is/.test(await answerOf(page)), "no sentence");
  assert(
    (await page.locator(".top-levers .ratio").allInnerTexts()).every((t) => /^×\d/.test(t)),
    "no factors",
  );
});

await check(
  "a slider moves the answer, few futures first, many on release; reset takes it back",
  "",
  {},
  async (page) => {
    const before = await answerOf(page);
    const asked = [];
    page.on("request", (r) => {
      if (r.url().endsWith("api/forecast")) asked.push(r.postDataJSON());
    });
    const slider = page.locator(".slider input[type=range]").first();
    const box = await slider.boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
    await page.mouse.down();
    for (let i = 1; i <= 8; i++) await page.mouse.move(box.x + box.width * (0.5 - 0.05 * i), box.y + box.height / 2);
    await page.waitForFunction((b) => document.querySelector("[data-answer]").textContent !== b, before);
    assert(asked.length > 0 && asked.every((a) => a.samples === 256), "while dragging: expected 256 futures");
    assert((await stateOf(page)) === "provisional", `while dragging the page is ${await stateOf(page)}`);
    assert((await page.locator("[data-answer]").getAttribute("aria-busy")) === "true", "while dragging: not busy");
    await page.mouse.up();
    await settled(page);
    assert(asked.at(-1).samples === 4096, "on release: expected 4096 futures");
    assert(asked.length <= 10, `${asked.length} requests for 8 moves`);
    const moved = await answerOf(page);
    assert(moved !== before, "the answer stayed");
    assert(/pin=/.test(page.url()), "the address does not hold the slider");
    await page.locator(".slider.changed button.quiet").first().click();
    await settled(page);
    assert((await answerOf(page)) === before, "reset did not take the answer back");
  },
);

await check("an answer of few futures is never taken for the answer, however slow the server", "", {}, async (page) => {
  let answer = () => {};
  const held = new Promise((done) => (answer = done));
  await page.route("**/api/forecast", async (route) => {
    if (route.request().postDataJSON().samples > 256) await held;
    await route.continue();
  });
  const before = await answerOf(page);
  const slider = page.locator(".slider input[type=range]").first();
  const box = await slider.boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2);
  await page.waitForFunction((b) => document.querySelector("[data-answer]").textContent !== b, before);
  // let go beside the slider, which then hears nothing of it
  await page.mouse.move(box.x + box.width * 0.2, box.y + 300);
  await page.mouse.up();
  const few = await answerOf(page);
  assert((await stateOf(page)) === "provisional", `with the answer of few futures the page is ${await stateOf(page)}`);
  answer();
  await settled(page);
  const all = await answerOf(page);
  assert(all !== few, "the answer of all futures did not come");
  const again = await open(page.url().slice(base.length));
  assert((await answerOf(again.page)) === all, "the link gives another answer");
  await again.close();
});

await check("a link opened again gives the same answer and says what changed", "", {}, async (page) => {
  await page.locator(".top-levers .lever").first().click();
  await page.locator("select.inline").selectOption("2034");
  await page.locator(".slider input[type=range]").nth(1).focus();
  await page.keyboard.press("ArrowRight");
  await settled(page);
  const [url, answer] = [page.url(), await answerOf(page)];
  assert(/In 2034/.test(answer), `expected 2034 in: ${answer}`);
  assert(/v=1/.test(url) && /lever=/.test(url) && /digest=/.test(url), `the address is not whole: ${url}`);
  const again = await open(url.slice(base.length));
  assert((await answerOf(again.page)) === answer, "another answer");
  assert(again.page.url() === url, "another address");
  assert((await again.page.locator("p.changed").count()) === 0, "nothing has changed, yet a line says so");
  await again.close();
  const old = await open(url.slice(base.length).replace(/digest=\w+/, "digest=000000000000"));
  assert(/facts have changed/.test(await old.page.locator("p.changed").innerText()), "no line about changed facts");
  await old.close();
});

await check(
  "bad links say what is wrong",
  "#/forecast?v=9&year=1800&pin=run.duration_s:nonsense&lever=no-such-lever",
  {},
  async (page) => {
    const words = (await page.locator(".failure").allInnerTexts()).join(" ");
    assert(/version 9/.test(words) && /1800/.test(words) && /lever|nonsense/.test(words), words);
  },
);

await check(
  "nothing in a link is taken for HTML",
  `#/facts?v=1&query=${encodeURIComponent("<img src=x onerror=alert(1)>")}`,
  {},
  async (page) => {
    assert((await page.locator("main img").count()) === 0, "an element was made");
    assert((await answerOf(page)).includes("<img"), "the text is not shown");
  },
);

await check("files: CSV, JSON, SVG, PNG, TOML", "", {}, async (page) => {
  const figure = page.locator("[data-figure=ceilings]");
  await figure.locator("summary").click();
  const get = async (button) => {
    const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
    return readFileSync(await file.path());
  };
  const of = (name) => get(figure.getByRole("button", { name, exact: true }));
  assert((await of("CSV")).toString().startsWith("year,what,unit,p10"), "CSV");
  assert(JSON.parse((await of("JSON")).toString()).years.length === 16, "JSON");
  const svg = (await of("SVG")).toString();
  assert(svg.startsWith("<svg") && svg.includes("rgb(230, 159, 0)") && !svg.includes("style="), "SVG");
  assert((await of("PNG")).subarray(1, 4).toString() === "PNG", "PNG");
  await page.locator("#lever-synthetic-data").check();
  const toml = (await get(page.getByRole("button", { name: "Scenario as TOML" }))).toString();
  assert(/levers = \["synthetic-data"\]/.test(toml), toml);
});

await check("by keyboard alone: skip link, tabs, a lever", "", {}, async (page) => {
  await page.keyboard.press("Tab");
  assert((await page.evaluate(() => document.activeElement.className)) === "skip", "the skip link is not first");
  await page.keyboard.press("Enter");
  assert((await page.evaluate(() => document.activeElement.id)) === "main", "the skip link does not skip");
  await page.locator("nav a", { hasText: "Levers" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.title.startsWith("Levers"));
  await page.goBack();
  await page.waitForFunction(() => document.title.startsWith("Forecast"));
  await settled(page);
  await page.locator("#lever-synthetic-data").focus();
  await page.keyboard.press("Space");
  await settled(page);
  assert(/lever=synthetic-data/.test(page.url()), "the lever is not on");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert(outline !== "none", "focus cannot be seen");
  assert((await page.locator("[data-spoken]").innerText()).includes("largest feasible run"), "nothing is spoken");
});

await check("save and compare with a scenario", "#/forecast?v=1&lever=fp4-training", {}, async (page) => {
  await page.fill("#save-name", "mine");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator("#lever-fp4-training").uncheck();
  await page.getByRole("button", { name: "compare with mine" }).click();
  await page.locator(".difference").waitFor();
  assert((await page.locator("path.stroke-versus").count()) === 1, "no second line");
  await page.reload();
  await page.locator(".difference").waitFor();
});

await check("plan: a wrong chip is told, a right one answered", "#/plan", {}, async (page) => {
  await page.fill("#f-chip", "H1000");
  await page.locator("#f-chip").blur();
  await page.locator(".failure").waitFor();
  await page.fill("#f-chip", "B200");
  await page.locator("#f-chip").blur();
  await page.waitForFunction(() => /B200/.test(document.querySelector("[data-answer]").textContent));
  assert((await page.locator("[data-figure=memory] svg, [data-figure=step] svg").count()) >= 2, "no charts");
});

await check("access: choose a country on the map, build a club", "#/access", {}, async (page) => {
  await page.locator("svg.map path").first().waitFor();
  assert((await page.locator("svg.map path").count()) > 170, "countries are missing");
  await page.getByLabel("Country", { exact: true }).selectOption("BRA");
  await page.getByRole("button", { name: "Add to the club" }).click();
  await settled(page);
  assert(/country=BRA/.test(page.url()) && /countries=BRA/.test(page.url()), page.url());
  assert((await page.locator("path.chosen.club").count()) === 1, "the map does not show it");
  await page.fill("#f-add-a-country", "KEN");
  await page.locator("#f-add-a-country").blur();
  await settled(page);
  assert((await page.locator("path.mark").count()) === 2, "the map does not show the club");
  assert((await page.locator("[data-figure=club] tbody tr").count()) >= 2, "the members are not told of");
});

await check("levers: a package switched on in the forecast", "#/levers", {}, async (page) => {
  await page.getByRole("button", { name: "Switch these on in the forecast" }).click();
  await page.waitForFunction(() => document.title.startsWith("Forecast"));
  await settled(page);
  assert((page.url().match(/lever=/g) ?? []).length === 3, page.url());
  assert((await page.locator(".switches li.on").count()) === 3, "the levers are not on");
});

await check(
  "a refused scenario is told and takes no old answer for its own",
  "#/forecast?v=1&set=run.duration_s:soon",
  {},
  async (page) => {
    await page.locator(".failure").first().waitFor();
    assert(!/largest feasible/.test(await answerOf(page)), "an answer stands beside the refusal");
    await page.getByRole("button", { name: "reset all" }).click();
    await page.waitForFunction(() => /largest feasible/.test(document.querySelector("[data-answer]").textContent));
    assert((await page.locator(".answer .failure").count()) === 0, "the refusal stays");
  },
);

await check("router: savings where a gateway is set up", "#/facts", {}, async (page) => {
  const answer = readFileSync(new URL("router.json", import.meta.url), "utf8");
  await page.route("**/api/router*", (route) => route.fulfill({ body: answer, contentType: "application/json" }));
  await page.locator("nav a", { hasText: "Router" }).click();
  await page.waitForFunction(() =>
    /1,200 calls took USD 13/.test(document.querySelector("[data-answer]")?.textContent ?? ""),
  );
  assert(/50 % less than large alone/.test(await answerOf(page)), await answerOf(page));
  assert((await page.locator("[data-figure=router] svg").count()) === 1, "no chart");
  assert((await audit(page)).length === 0, "axe finds faults");
  if (pictures) await page.screenshot({ path: `${pictures}/e2e-router-set-up.png`, fullPage: true });
});

await check("colours: the switch holds over a reload", "", {}, async (page) => {
  await page.locator("button.theme").click();
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.reload();
  assert((await ground()) === dark && dark !== "rgb(255, 255, 255)", `ground ${dark}`);
});

await check("4K: a chart fills its column", "", { viewport: { width: 3840, height: 2160 } }, async (page) => {
  const [column, svg] = [
    await page.locator(".chart").boundingBox(),
    await page.locator("[data-figure=ceilings] svg").boundingBox(),
  ];
  assert(svg.width > 0.98 * column.width, `${svg.width} of ${column.width}`);
  if (pictures) await page.screenshot({ path: `${pictures}/e2e-4k.png` });
});

await browser.close();
console.log(failed ? `${failed} failed` : "all checks passed");
process.exit(failed ? 1 : 0);
