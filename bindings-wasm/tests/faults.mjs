// Lets operations on files fail, as a disk would.
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";

const handle = await open(tmpdir(), "r");
const prototype = Object.getPrototypeOf(handle);
await handle.close();

/** The error that the system gives. */
export const systemError = (code) => Object.assign(new Error(`${code}: injected`), { code });

/**
 * Runs `work` while the file operations in `faults` are replaced; each gets the original, already bound to its handle, and the arguments. Says how often each was
 * called.
 */
export async function withFaults(faults, work) {
  const originals = {};
  const calls = {};
  for (const [name, fault] of Object.entries(faults)) {
    const original = (originals[name] = prototype[name]);
    calls[name] = 0;
    prototype[name] = function (...args) {
      calls[name]++;
      return fault(original.bind(this), args, this);
    };
  }
  try {
    await work(calls);
  } finally {
    Object.assign(prototype, originals);
  }
  return calls;
}
