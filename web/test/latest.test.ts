import { describe, expect, it } from "vitest";
import { Latest } from "../src/latest";
import { holder, settle } from "./holder";

describe("only the newest question counts", () => {
  it("aborts the older one", async () => {
    const [latest, seen, { asked, ask }] = [new Latest<string>(), [] as string[], holder()];
    latest.ask(
      ask,
      (v) => seen.push(v),
      () => undefined,
      false,
    );
    latest.ask(
      ask,
      (v) => seen.push(v),
      () => undefined,
      false,
    );
    expect(asked[0]?.signal.aborted).toBe(true);
    asked[1]?.resolve("new");
    asked[0]?.resolve("old");
    await settle();
    expect(seen).toEqual(["new"]);
  });

  it("a patient one waits, and only the last of them is asked", async () => {
    const [latest, seen, { asked, ask }] = [new Latest<string>(150, () => 0), [] as string[], holder()];
    for (let i = 0; i < 4; i++)
      latest.ask(
        ask,
        (v) => seen.push(v),
        () => undefined,
        true,
      );
    expect(asked).toHaveLength(1);
    asked[0]?.resolve("first");
    await settle();
    expect(asked).toHaveLength(2);
    asked[1]?.resolve("last");
    await settle();
    expect(seen).toEqual(["first", "last"]);
  });

  it("a patient one does not wait for a slow answer", () => {
    let now = 0;
    const [latest, { asked, ask }] = [new Latest<string>(150, () => now), holder()];
    latest.ask(
      ask,
      () => undefined,
      () => undefined,
      true,
    );
    now = 200;
    latest.ask(
      ask,
      () => undefined,
      () => undefined,
      true,
    );
    expect(asked[0]?.signal.aborted).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it("tells failures, and goes on", async () => {
    const [latest, words, { asked, ask }] = [new Latest<string>(), [] as string[], holder()];
    latest.ask(
      ask,
      () => undefined,
      (w) => words.push(w),
      false,
    );
    asked[0]?.reject(new Error("no such lever"));
    await settle();
    expect(words).toEqual(["no such lever"]);
  });
});
