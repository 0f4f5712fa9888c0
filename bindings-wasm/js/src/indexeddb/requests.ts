/** IndexedDB with promises, and its errors. */
import { ConvostoreError, errorOf } from "../errors.js";

/** An error of the browser, typed. */
export function typed(cause: unknown, what: string): Error {
  if (cause instanceof ConvostoreError) return cause;
  const name = (cause as { name?: unknown } | null)?.name;
  const code =
    name === "QuotaExceededError" ? "disk_full"
    : name === "VersionError" ? "unsupported_schema"
    : name === "SecurityError" || name === "NotAllowedError" ? "permission_denied"
    : name === "InvalidStateError" ? "closed"
    : "storage";
  return errorOf(code, `${what} (${typeof name === "string" ? name : String(cause)})`, {}, cause);
}

export function request<T>(of: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    of.onsuccess = () => resolve(of.result);
    of.onerror = () => reject(of.error);
  });
}

export function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("the transaction was aborted", "AbortError"));
  });
}
