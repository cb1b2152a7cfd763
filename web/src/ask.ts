/** A question to the server as a hook: the answer stays on the page until the next one, or a refusal, has come. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Latest } from "./latest";

export interface Asked<T> {
  value: T | null;
  failure: string;
}

/** Ask again whenever `key` changes; null: do not ask. */
export function useAsk<T>(key: string | null, ask: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const [asked, set] = useState<Asked<T>>({ value: null, failure: "" });
  const latest = useRef<Latest<T> | null>(null);
  latest.current ??= new Latest<T>();
  const asking = useRef(ask);
  asking.current = ask;
  // asked before the browser paints: no one sees the page settled between a change and its question
  useLayoutEffect(() => {
    const current = latest.current;
    if (key === null || !current) return;
    current.ask(
      asking.current,
      (value) => set({ value, failure: "" }),
      (failure) => set({ value: null, failure }),
      false,
    );
    return () => current.stop();
  }, [key]);
  return asked;
}
