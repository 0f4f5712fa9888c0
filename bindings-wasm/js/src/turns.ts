/** One after the other. */
import { abortable } from "./signals.js";

export class Turns {
  /** Settled when the turns before have ended. */
  #last: Promise<void> = Promise.resolve();

  /** Waits for the turns before, then runs. A signal ends the wait. */
  async take<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let done = (): void => {};
    const mine = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#last = before.then(() => mine);
    try {
      await abortable(before, signal);
      return await work();
    } finally {
      done();
    }
  }

  /** Waits for all turns that were taken so far. */
  async ended(): Promise<void> {
    await this.#last;
  }
}
