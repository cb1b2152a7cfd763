/** Only the newest question counts. */

import { begin } from "./settled";

type Ask<T> = (signal: AbortSignal) => Promise<T>;

interface Question<T> {
  ask: Ask<T>;
  done: (value: T) => void;
  failed: (words: string) => void;
}

/**
 * Runs one question at a time and throws away answers to older ones.
 *
 * A patient question waits for the one that runs, unless that one is slow: so a slider that moves faster than the
 * server answers still gets answers. An impatient one aborts it. The page is not settled before the newest question
 * has its answer or its refusal.
 */
export class Latest<T> {
  private running: { controller: AbortController; since: number } | null = null;
  private waiting: Question<T> | null = null;
  private end: (() => void) | null = null;

  constructor(
    private readonly patience = 150,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  ask(ask: Ask<T>, done: (value: T) => void, failed: (words: string) => void, patient: boolean): void {
    const question = { ask, done, failed };
    this.end ??= begin();
    if (this.running && patient && this.clock() - this.running.since < this.patience) {
      this.waiting = question;
      return;
    }
    this.waiting = null;
    this.run(question);
  }

  stop(): void {
    this.waiting = null;
    this.running?.controller.abort();
    this.running = null;
    this.rest();
  }

  private rest(): void {
    this.end?.();
    this.end = null;
  }

  private run(question: Question<T>): void {
    this.running?.controller.abort();
    const controller = new AbortController();
    this.running = { controller, since: this.clock() };
    const answered = (then: () => void): void => {
      if (controller.signal.aborted || this.running?.controller !== controller) return;
      this.running = null;
      then();
      const next = this.waiting;
      this.waiting = null;
      if (next) this.run(next);
      else this.rest();
    };
    question.ask(controller.signal).then(
      (value) => answered(() => question.done(value)),
      (error: unknown) => answered(() => question.failed(error instanceof Error ? error.message : String(error))),
    );
  }
}
