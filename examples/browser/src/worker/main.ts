/** The worker: owns the store, does what the page asks, tells it what has changed. */
import { ConvostoreError } from "convostore";
import type { FromWorker, OperationName, Progress, ToWorker, WireError } from "../protocol.ts";
import { type Call, Desk } from "./desk.ts";

interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
}

const page = globalThis as unknown as Scope;
const desk = new Desk((change) => page.postMessage({ change }));
const controllers = new Map<number, AbortController>();

page.onmessage = ({ data }) => {
  if ("abort" in data) controllers.get(data.abort)?.abort();
  else void answer(data.call, data.name, data.args);
};

async function answer(call: number, name: OperationName, args: readonly unknown[]): Promise<void> {
  const controller = new AbortController();
  controllers.set(call, controller);
  const context: Call = { signal: controller.signal, progress: (progress: Progress) => page.postMessage({ call, progress }) };
  try {
    const value: unknown = await (desk[name] as (call: Call, ...args: readonly unknown[]) => Promise<unknown>).call(desk, context, ...args);
    page.postMessage({ call, value }, buffers(value));
  } catch (error) {
    page.postMessage({ call, error: told(error, controller.signal) });
  } finally {
    controllers.delete(call);
  }
}

function told(error: unknown, signal: AbortSignal): WireError {
  if (error instanceof ConvostoreError) {
    const { session_id: session } = error.details;
    return { code: error.code, message: error.message, session: typeof session === "string" ? session : null };
  }
  if (signal.aborted) return { code: "aborted", message: "stopped", session: null };
  return { code: "unexpected", message: error instanceof Error ? error.message : String(error), session: null };
}

/** Large memory is handed over, not copied. */
function buffers(value: unknown): ArrayBuffer[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((member: unknown) => (member instanceof ArrayBuffer ? [member] : ArrayBuffer.isView(member) && member.buffer instanceof ArrayBuffer ? [member.buffer] : []));
}
