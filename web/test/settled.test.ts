import { describe, expect, it } from "vitest";
import { Latest } from "../src/latest";
import { begin, settled } from "../src/settled";
import { holder, settle } from "./holder";

describe("the page is settled", () => {
  it("once the newest question is answered, refused or stopped", async () => {
    const [latest, other, { asked, ask }] = [new Latest<string>(150, () => 0), new Latest<string>(), holder()];
    const nothing = (): void => undefined;
    expect(settled.value).toBe(true);
    for (const patient of [true, true, true]) latest.ask(ask, nothing, nothing, patient);
    asked[0]?.resolve("of few");
    await settle();
    expect(settled.value).toBe(false); // the one that waited runs
    other.ask(ask, nothing, nothing, false);
    asked[1]?.resolve("of all");
    await settle();
    expect(settled.value).toBe(false);
    asked[2]?.reject(new Error("refused"));
    await settle();
    expect(settled.value).toBe(true);
    latest.ask(ask, nothing, nothing, false);
    expect(settled.value).toBe(false);
    latest.stop();
    expect(settled.value).toBe(true);
  });

  it("when all is over, and over twice is over once", () => {
    const [first, second] = [begin(), begin()];
    first();
    first();
    expect(settled.value).toBe(false);
    second();
    expect(settled.value).toBe(true);
  });
});
