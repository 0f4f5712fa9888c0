import { join } from "node:path";

/** Where the page is. */
export const folder = join(import.meta.dirname, "..");
/** Where tests put pictures and figures. */
export const results = join(folder, "..", "..", "target", "page");
