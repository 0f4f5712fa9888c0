/** One after the other. */

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
      await (signal === undefined ? before : abortable(before, signal));
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

function abortable(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    void wait.then(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}
