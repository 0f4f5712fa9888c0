// Each loads its package, and gives a function that opens; WebAssembly is made ready when the first one is opened, as ours is.
import { sql } from "./sql.mjs";

export async function sqlJs() {
  const { default: init } = await import("sql.js");
  let ready;
  return async () => {
    const db = new (await (ready ??= init())).Database();
    return sql({
      exec: (text) => db.run(text),
      prepare: (text) => {
        const statement = db.prepare(text);
        return {
          run: (values) => statement.run(values),
          rows: (values) => {
            statement.bind(values);
            const rows = [];
            while (statement.step()) rows.push(statement.get());
            statement.reset();
            return rows;
          },
        };
      },
      close: () => db.close(),
    });
  };
}

export async function sqliteWasm() {
  const { default: init } = await import("@sqlite.org/sqlite-wasm");
  let ready;
  return async () => {
    const sqlite = await (ready ??= init());
    const db = new sqlite.oo1.DB(":memory:");
    const statements = [];
    return sql({
      exec: (text) => db.exec(text),
      prepare: (text) => {
        const statement = db.prepare(text);
        statements.push(statement);
        const bound = (values) => (values.length > 0 ? statement.bind(values) : statement);
        return {
          run: (values) => void bound(values).stepReset(),
          rows: (values) => {
            bound(values);
            const rows = [];
            while (statement.step()) rows.push(statement.get([]));
            statement.reset();
            return rows;
          },
        };
      },
      close: () => {
        for (const statement of statements) statement.finalize();
        db.close();
      },
    });
  };
}

/** Acknowledged writes survive a power cut, as ours do: WAL, synchronous=FULL. */
const DURABLE = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

export async function betterSqlite3() {
  const { default: Database } = await import("better-sqlite3");
  return async (path) => {
    const db = new Database(path);
    db.exec(DURABLE);
    return sql({
      exec: (text) => db.exec(text),
      prepare: (text) => {
        const statement = db.prepare(text);
        return { run: (values) => statement.run(values), rows: statement.reader ? (statement.raw(), (values) => statement.all(values)) : undefined };
      },
      close: () => db.close(),
    });
  };
}

export async function nodeSqlite() {
  const { DatabaseSync } = await import("node:sqlite");
  return async (path) => {
    const db = new DatabaseSync(path);
    db.exec(DURABLE);
    return sql({
      exec: (text) => db.exec(text),
      prepare: (text) => {
        const statement = db.prepare(text);
        return { run: (values) => statement.run(...values), rows: (values) => statement.all(...values).map((row) => Object.values(row)) };
      },
      close: () => db.close(),
    });
  };
}
