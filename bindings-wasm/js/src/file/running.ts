/** Whether a process runs. */
import { readFileSync } from "node:fs";
import { kill, pid } from "node:process";
import { codeOf } from "./files.js";

/** What a process that the system tells nothing of is said to have started at. */
const UNKNOWN = "0";

/** The start of this boot, so that a process of an earlier one is not taken for one of now. */
const boot = ((): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").replaceAll("-", "").slice(0, 12);
  } catch {
    return "";
  }
})();

/** When a process started, in the system's own terms: its id alone may be another's by now. Nothing where it does not run. */
function startOf(process: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${process}/stat`, "latin1");
    // The name, in parentheses, may hold anything; the 22nd field is the 20th after it. A zombie runs no more.
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : `${Number(fields[19]).toString(16)}${boot}`;
  } catch {
    // There is no /proc, as on macOS and Windows, or it hides the processes of others: only the id can be asked for.
  }
  try {
    kill(process, 0);
    return UNKNOWN;
  } catch (error) {
    return codeOf(error) === "EPERM" ? UNKNOWN : undefined;
  }
}

/** When this process started. */
export const startOfSelf = startOf(pid) ?? UNKNOWN;

/** Whether the process with that id which started then still runs. Where its start cannot be told, it is taken for running. */
export function isRunning(process: number, start: string): boolean {
  const present = startOf(process);
  return present !== undefined && (present === start || present === UNKNOWN || start === UNKNOWN);
}
