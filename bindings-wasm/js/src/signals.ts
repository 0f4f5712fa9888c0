/** What waits until a signal is aborted. */

/** What is to be done when a signal is aborted. Each signal has one listener, however many wait: Node warns of more than ten. */
interface Waiting {
  readonly acts: Set<() => void>;
  readonly listener: () => void;
}

const waiting = new WeakMap<AbortSignal, Waiting>();

/** Acts when the signal, which is not aborted yet, is; unless what comes back is called before. */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  const { acts, listener } = waiting.get(signal) ?? listenTo(signal);
  acts.add(act);
  return () => {
    if (!acts.delete(act) || acts.size > 0) return;
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

function listenTo(signal: AbortSignal): Waiting {
  const acts = new Set<() => void>();
  const listener = (): void => {
    waiting.delete(signal);
    const all = [...acts];
    acts.clear();
    for (const act of all) act();
  };
  const found = { acts, listener };
  signal.addEventListener("abort", listener, { once: true });
  waiting.set(signal, found);
  return found;
}

/** Waits, until the signal is aborted: then it fails with the signal's reason. */
export function abortable<T>(wait: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return wait;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    const forget = signal.aborted ? abort() : onAbort(signal, abort);
    void wait.then(resolve, reject).finally(() => forget?.());
  });
}
