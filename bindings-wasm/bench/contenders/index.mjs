// Who takes part. Each entry loads what it needs and gives a function that opens a new, empty store.

export const OURS = "convostore";
const maps = (name) => async () => (await import("./maps.mjs"))[name];
const sqlites = (name) => async () => (await import("./sqlites.mjs"))[name]();

export const inMemory = {
  [OURS]: async () => (await import("./convostore.mjs")).convostore,
  "Map, JSON text": maps("mapOfText"),
  "Map, structuredClone": maps("mapOfClones"),
  MemorySession: async () => (await import("./memory-session.mjs")).memorySession,
  "sql.js": sqlites("sqlJs"),
  "sqlite-wasm": sqlites("sqliteWasm"),
  "Map, references": maps("mapOfReferences"),
};
/** On a file, at equal durability; the function takes a path. */
export const kept = { [OURS]: inMemory[OURS], "better-sqlite3": sqlites("betterSqlite3"), "node:sqlite": sqlites("nodeSqlite") };
