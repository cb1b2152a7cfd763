import { describe, expect, it } from "vitest";
import * as f from "../src/format";
import { planRequest } from "../src/api";
import { spread, decades } from "../src/charts/axes";
import { bounds, classOf, limitOf, numberOf, showInterval, showMeasure } from "../src/measure";
import { sentence } from "../src/sentence";
import { iso3 } from "../src/iso";
import type { ForecastAnswer } from "../src/api.gen";

describe("numbers", () => {
  it("powers of ten", () => {
    expect(f.power10(2.1e29)).toBe("2.1×10²⁹");
    expect(f.power10(9.96e28)).toBe("1.0×10²⁹");
    expect(f.power10(3e-7)).toBe("3.0×10⁻⁷");
    expect(f.power10(0)).toBe("0");
    expect(f.power10(NaN)).toBe("–");
  });

  it("short ones", () => {
    expect([0, 7, 0.036, 1234, 12345, 999_600, 1.4e6, 2.5e9, 3.9e13].map((x) => f.short(x))).toEqual([
      "0",
      "7",
      "0.036",
      "1,200",
      "12k",
      "1M",
      "1.4M",
      "2.5B",
      "39T",
    ]);
    expect(f.short(-20_000)).toBe("−20k");
    expect(f.short(1e20)).toBe("1.0×10²⁰");
  });

  it("with units", () => {
    expect(f.quantity(7.2e9, "W")).toBe("7.2 GW");
    expect(f.quantity(1.56e7, "s")).toBe("181 days");
    expect(f.quantity(4.21, "s")).toBe("4.21 s");
    expect(f.quantity(0.0021, "s")).toBe("2.1 ms");
    expect(f.quantity(1.4e6, "USD")).toBe("USD 1.4M");
    expect(f.quantity(8.06e10, "bytes")).toBe("81 GB");
    expect(f.quantity(2e29, "FLOP")).toBe("2.0×10²⁹ FLOP");
  });

  it("shares, ratios, intervals", () => {
    expect([0, 0.001, 0.355, 1].map(f.percent)).toEqual(["0 %", "<1 %", "36 %", "100 %"]);
    expect([1.3636, 44016, 0.5].map(f.times)).toEqual(["×1.36", "×44k", "×0.5"]);
    expect(f.interval({ p10: 1, p50: 2, p90: 3 })).toBe("2 (1–3)");
    expect([f.over(3, 2), f.over(null, 2)]).toEqual([1.5, null]);
  });

  it("what a fact says", () => {
    const none = { value: null, unit: "", low: null, high: null, against: null, reason: "" };
    expect(f.factText({ ...none, value: 5e9, unit: "W", low: 2e9, high: 8e9 })).toBe("5 GW (2 GW–8 GW)");
    expect(f.factText({ ...none, unit: "FLOP", low: 1e28, high: 3e29 })).toBe("(1.00×10²⁸ FLOP–3.00×10²⁹ FLOP)");
    expect(f.factText({ ...none, value: 2.3, unit: "x", against: 10 })).toBe("2.3 x, claimed 10 x");
    expect(f.factText({ ...none, value: "holds" })).toBe("holds");
    expect(f.factText({ ...none, reason: "no figure is published" })).toBe("no figure is published");
  });

  it("reads counts", () => {
    expect(f.count("15.6T")).toBe(15.6e12);
    expect(f.count("16,384")).toBe(16384);
    expect(f.count("1e13")).toBe(1e13);
    expect(f.count("70B tokens")).toBeNull();
    expect(planRequest({ model: "70B", chips: "1,024", tokens: "2T", site: " " })).toEqual({
      model: "70B",
      chips: 1024,
      tokens: 2e12,
    });
  });

  it("sliders go there and back", () => {
    for (const [low, high, log] of [
      [1, 1e6, true],
      [0, 1, false],
    ] as const)
      for (const at of [0, 0.25, 1])
        expect(f.toSlider(f.fromSlider(at, low, high, log), low, high, log)).toBeCloseTo(at, 3);
    expect(f.toSlider(5, 10, 20, true)).toBe(0);
  });
});

describe("files and links", () => {
  it("quotes cells and defuses formulas", () => {
    expect(
      f.csv([
        { a: 'x,"y"', b: -1.5 },
        { a: "=1+1", c: null },
      ]),
    ).toBe('a,b,c\r\n"x,""y""",-1.5,\r\n\'=1+1,,\r\n');
  });

  it("links web addresses only", () => {
    expect(f.safeUrl("https://epoch.ai/a")).toBe("https://epoch.ai/a");
    for (const bad of ["javascript:alert(1)", " https://x", "data:text/html,x", ""]) expect(f.safeUrl(bad)).toBeNull();
  });

  it("flattens", () => {
    expect(f.flat({ a: { p10: 1, b: { c: 2 } }, d: [1, 2] })).toEqual({ "a.p10": 1, "a.b.c": 2, d: "1 2" });
  });
});

describe("charts", () => {
  it("pushes labels apart within the picture", () => {
    const out = spread([10, 10, 11, 95], 12, 0, 100);
    const sorted = [...out].sort((a, b) => a - b);
    for (let i = 1; i < sorted.length; i++)
      expect((sorted[i] ?? 0) - (sorted[i - 1] ?? 0)).toBeGreaterThanOrEqual(12 - 1e-9);
    expect(Math.max(...out)).toBeLessThanOrEqual(100);
  });

  it("ticks at decades", () => {
    expect(decades(2e26, 3e29)).toEqual([1e27, 1e28, 1e29]);
  });

  it("classes of a map", () => {
    const cuts = bounds([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(cuts).toEqual([3, 5, 7, 9, 11]);
    expect([1, 3, 12].map((v) => classOf(v, cuts))).toEqual([0, 1, 5]);
    expect(bounds([0, 0, 0])).toEqual([]);
    expect([2, "power", null, undefined].map(numberOf)).toEqual([2, null, null, null]);
    expect([2, "power", null, undefined].map(limitOf)).toEqual([null, "power", null, null]);
    expect(showMeasure(undefined, "W")).toBe("no figure");
    expect(showMeasure("power", "")).toBe("power");
    expect(showMeasure(0.002, "fraction")).toBe("0.2 %");
    expect(showInterval({ p10: 0.5, p50: 1.2, p90: null }, "x")).toBe("×1.2 (×0.5–∞)");
    expect(showInterval({ p10: null, p50: null, p90: null }, "x")).toBe("no figure");
    expect(iso3("076", "Brazil")).toBe("BRA");
    expect(iso3(4, "Afghanistan")).toBe("AFG");
  });
});

describe("the sentence", () => {
  const q = { p10: 1e28, p50: 2e29, p90: 8e29 };
  const forecast = {
    summary: "In 2030 the largest feasible run is …",
    limits: ["power", "data"],
    years: [{ year: 2030 }, { year: 2034, minimum: q, binding_probability: { power: 0.3, data: 0.7 } }],
  } as unknown as ForecastAnswer;

  it("is the server's own for its year", () => {
    expect(sentence(forecast, 2030)).toBe(forecast.summary);
  });

  it("speaks of the year asked for", () => {
    expect(sentence(forecast, 2034)).toBe(
      "In 2034 the largest feasible run is 2.0×10²⁹ FLOP (80 %: 1.0×10²⁸ – 8.0×10²⁹). Data binds in 70 % of futures, power in 30 %.",
    );
  });
});
