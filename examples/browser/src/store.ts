/** The page's way to the store: each operation is a message to the worker that owns it, so that nothing long ever runs on the page itself. */
import workerUrl from "./worker/main.ts?worker&url";
import type { Change, FromWorker, OperationName, Operations, Progress, ToWorker } from "./protocol.ts";

/** A failed operation: the code is the store's own, see its documentation. */
export class StoreError extends Error {
  readonly code: string;
  /** The session that it is about, if it is about one. */
  readonly session: string | null;
  constructor(code: string, message: string, session: string | null = null) {
    super(message);
    this.code = code;
    this.session = session;
  }
}

export interface CallOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** The page's policy on trusted types lets one script be started: the worker that was built with the page. */
function trusted(url: string): string {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (types === undefined) return url;
  const rules = {
    createScriptURL: (asked: string): string => {
      if (asked !== workerUrl) throw new TypeError("not the worker of this page");
      return asked;
    },
  };
  return types.createPolicy("history-page", rules).createScriptURL(url);
}

export class StoreClient {
  readonly #worker = new Worker(trusted(workerUrl), { type: "module", name: "store" });
  readonly #pending = new Map<number, Pending>();
  #last = 0;
  /** Told of every change to the store, by this tab and by others. */
  onChange: (change: Change) => void = () => {};

  constructor() {
    this.#worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
    this.#worker.onerror = () => this.#fail(new StoreError("worker", "The part of the page that keeps your conversations could not start. Load the page again."));
  }

  call<N extends OperationName>(name: N, args: Parameters<Operations[N]>, options: CallOptions = {}): Promise<ReturnType<Operations[N]>> {
    const call = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#pending.set(call, { resolve, reject, onProgress: options.onProgress });
      this.#send({ call, name, args });
      options.signal?.addEventListener("abort", () => this.#send({ abort: call }), { once: true });
    });
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if ("change" in message) return this.onChange(message.change);
    const pending = this.#pending.get(message.call);
    if (pending === undefined) return;
    if ("progress" in message) return pending.onProgress?.(message.progress);
    this.#pending.delete(message.call);
    if ("error" in message) pending.reject(new StoreError(message.error.code, message.error.message, message.error.session));
    else pending.resolve(message.value as never);
  }

  #fail(error: StoreError): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}
