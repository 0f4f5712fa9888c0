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
    : "storage";
  return errorOf(code, `${what} (${typeof name === "string" ? name : String(cause)})`, {}, cause);
}

/** Who waits for several hears of one that fails; the others are not to be reported as heard by nobody. */
function heard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

export function request<T>(of: IDBRequest<T>): Promise<T> {
  return heard(new Promise((resolve, reject) => {
    of.onsuccess = () => resolve(of.result);
    of.onerror = () => reject(of.error);
  }));
}

/** Works in a transaction, and waits until it is complete. Where anything in it fails, nothing of it is kept. */
export async function inTransaction<T>(db: IDBDatabase, stores: string[], mode: IDBTransactionMode, work: (transaction: IDBTransaction) => T | Promise<T>): Promise<T> {
  const transaction = begun(db, stores, mode);
  const done = heard(new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("the transaction was aborted", "AbortError"));
  }));
  try {
    const result = await work(transaction);
    await done;
    return result;
  } catch (error) {
    try {
      transaction.abort();
    } catch {
      // It was aborted already: what has come of that is not what is wrong.
    }
    throw transaction.error ?? error;
  }
}

function begun(db: IDBDatabase, stores: string[], mode: IDBTransactionMode): IDBTransaction {
  try {
    return mode === "readonly" ? db.transaction(stores, mode) : db.transaction(stores, mode, { durability: "strict" });
  } catch (error) {
    if ((error as { name?: unknown } | null)?.name === "InvalidStateError") throw errorOf("closed", "the browser has closed the store's database; open the store again", {}, error);
    throw error;
  }
}
