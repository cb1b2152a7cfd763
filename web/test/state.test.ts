import { describe, expect, it } from "vitest";
import {
  decodeState,
  defaultState,
  encodeState,
  fromBase64Url,
  splitLever,
  toBase64Url,
  type State,
} from "../src/state";

const full: State = {
  ...defaultState(),
  view: "levers",
  year: 2034,
  scenario: {
    facts: "epoch-2024",
    set: { "run.duration_s": "60d..180d..270d" },
    pin: { "power.campus_w": "8e9", "run.share": "p90" },
    add: { "power.smr": "10 GW from 2032 over 3 yr" },
    levers: ["fp4-training@2027", "routing"],
    switches: ["text-only"],
  },
  bands: ["power", "data"],
  versus: { name: "Grün & 日本", scenario: { ...defaultState().scenario, levers: ["fusion@2035"] } },
  plan: { model: "405B", chip: "B200", chips: "16384", tokens: "15.6T" },
  countries: ["BRA", "ARG"],
  country: "KEN",
  need: "2 GW",
  exports: "none",
  measure: "share",
  level: "owned",
  query: "a=b&c #%",
  size: 2,
  days: 7,
  digest: "aa0810de97fb",
  program: "0.1.0",
};

describe("the address", () => {
  it("holds the whole state", () => {
    const back = decodeState(encodeState(full));
    expect(back.problems).toEqual([]);
    expect(back.state).toEqual(full);
  });

  it("leaves defaults out and is readable", () => {
    expect(encodeState(defaultState())).toBe("#/forecast?v=1");
    const state = { ...defaultState(), scenario: { ...defaultState().scenario, levers: ["fp4-training@2027"] } };
    expect(encodeState(state)).toBe("#/forecast?v=1&lever=fp4-training@2027");
  });

  it("keeps emptied fields and hidden bands", () => {
    const state = { ...defaultState(), plan: { model: "70B" }, bands: [] };
    expect(decodeState(encodeState(state)).state).toEqual(state);
  });

  it("takes a bare address", () => {
    for (const hash of ["", "#", "#/"]) expect(decodeState(hash)).toEqual({ state: defaultState(), problems: [] });
    expect(decodeState("#/plan").state.view).toBe("plan");
  });

  it("says what it cannot read", () => {
    expect(decodeState("#/nowhere").problems[0]).toContain("nowhere");
    expect(decodeState("#/forecast?v=2").problems[0]).toContain("version 2");
    expect(decodeState("#/forecast?v=1&year=1999").state.year).toBe(2030);
    expect(decodeState("#/forecast?v=1&year=1999").problems[0]).toContain("1999");
    expect(decodeState("#/forecast?v=1&pin=nothing").problems).toHaveLength(1);
    expect(decodeState("#/forecast?v=1&versus=%%%").problems).toHaveLength(1);
    expect(decodeState("#/forecast?v=1&other=1").problems[0]).toContain("other");
  });

  it("never takes names of object internals for values", () => {
    const { state } = decodeState("#/forecast?v=1&pin=__proto__:1&toString=1");
    expect(({} as Record<string, unknown>)["1"]).toBeUndefined();
    expect(Object.keys(state.scenario.pin)).not.toContain("toString");
  });
});

describe("parts of the address", () => {
  it("base64 of any text", () => {
    for (const text of ["", "a", "ab", "×10²⁹ 日本 🙂", "?>~"]) expect(fromBase64Url(toBase64Url(text))).toBe(text);
    expect(toBase64Url("?>~ÿÿ")).toMatch(/^[\w-]*$/);
  });

  it("levers with years", () => {
    expect(splitLever("fp4-training@2027")).toEqual({ name: "fp4-training", year: 2027 });
    expect(splitLever("fp4-training")).toEqual({ name: "fp4-training", year: null });
    expect(splitLever("a@b")).toEqual({ name: "a@b", year: null });
  });
});
