/** Questions whose answers a test gives when it likes. */

export interface Held {
  resolve: (value: string) => void;
  reject: (error: Error) => void;
  signal: AbortSignal;
}

export function holder(): { asked: Held[]; ask: (signal: AbortSignal) => Promise<string> } {
  const asked: Held[] = [];
  return { asked, ask: (signal) => new Promise((resolve, reject) => asked.push({ resolve, reject, signal })) };
}

/** All that has been answered is handed on. */
export const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 0));
