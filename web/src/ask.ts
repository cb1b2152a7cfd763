/** A question to the server as a hook: the answer stays on the page until the next one, or a refusal, has come. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Latest } from "./latest";

export interface Asked<T> {
  value: T | null;
  failure: string;
  busy: boolean;
}

/** Ask again whenever `key` changes; null: do not ask. */
export function useAsk<T>(key: string | null, ask: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const [asked, set] = useState<Asked<T>>({ value: null, failure: "", busy: key !== null });
  const latest = useRef<Latest<T> | null>(null);
  latest.current ??= new Latest<T>();
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    const current = latest.current;
    if (key === null || !current) return;
    set((old) => ({ ...old, busy: true }));
    current.ask(
      asking.current,
      (value) => set({ value, failure: "", busy: false }),
      (failure) => set({ value: null, failure, busy: false }),
      false,
    );
    return () => current.stop();
  }, [key]);
  return asked;
}
