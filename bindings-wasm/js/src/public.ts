/** What every entry exports. */
export * from "./errors-public.js";
export { jsonText, JsonText, type JsonInput, type JsonObject, type JsonValue } from "./json.js";
export { Store } from "./store.js";
export type * from "./types.js";
