/** Opening the database, beside tabs with older and newer versions of the program. */
import { errorOf } from "../errors.js";
import { typed } from "./requests.js";

/** Of the object stores. */
const VERSION = 1;
/** How long an upgrade waits for tabs with an older version to let go. */
const BLOCKED_AFTER = 10_000;

/** Opens the database; makes it where there is none. Errors: `unsupported`, `unsupported_schema`, `busy`. */
export function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    let opening: IDBOpenDBRequest;
    try {
      opening = indexedDB.open(name, VERSION);
    } catch (error) {
      reject(notAllowed(error));
      return;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gaveUp = false;
    opening.onupgradeneeded = ({ oldVersion }) => {
      if (oldVersion < 1) for (const store of ["rows", "changes", "meta"]) opening.result.createObjectStore(store);
    };
    opening.onblocked = () => {
      timer = setTimeout(() => {
        gaveUp = true;
        reject(errorOf("busy", "another tab with an older version of the program holds the store's database; close it, or load it again"));
      }, BLOCKED_AFTER);
    };
    opening.onsuccess = () => {
      clearTimeout(timer);
      if (gaveUp) opening.result.close();
      else resolve(opening.result);
    };
    opening.onerror = () => {
      clearTimeout(timer);
      const { error } = opening;
      const isPrivate = error?.name === "InvalidStateError" || error?.name === "UnknownError";
      reject(
        isPrivate
          ? notAllowed(error)
          : error?.name === "VersionError"
            ? errorOf("unsupported_schema", "the store's database was made by a newer version of the program; load the page again", {}, error)
            : typed(error, "the store's database cannot be opened"),
      );
    };
  });
}

function notAllowed(cause: unknown): Error {
  return errorOf("unsupported", "the browser does not allow IndexedDB here, as in some private windows; use Store.inMemory and exportArchive", {}, cause);
}
