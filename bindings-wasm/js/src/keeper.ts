/** Keepers: what makes rows in memory last. */

/**
 * Keeps rows outside of memory. A write is prepared in memory, handed over, and becomes visible only when it is kept; if keeping fails,
 * nothing has happened.
 */
export interface Keeper {
  /** How the rows of a write are to be given. */
  readonly form: "bytes" | "text";
  /** Reads everything that is kept into an empty database. */
  load(database: Target): Promise<void>;
  /**
   * Before a write: waits for its turn among others who write to the same place, and brings in what they have written.
   * Says `false` where that cannot be done row by row any more and the database must be loaded anew.
   */
  begin?(database: Target, signal: AbortSignal | undefined): Promise<boolean>;
  /** Keeps a write: all of it or, if it rejects, nothing. */
  keep(rows: Uint8Array | string): Promise<void>;
  /** After a write, kept or not. */
  end?(): void;
  /** Between writes: makes room where much of what is kept is outdated. */
  tidy?(database: Target): Promise<void>;
  /** Removes the bytes of deleted rows; says what still holds them, or nothing. */
  erase(database: Target): Promise<string | undefined>;
  /** Copies all rows to a new file. */
  backup?(database: Target, path: string): Promise<void>;
  /** How many bytes are kept, where that can be told. */
  size(): Promise<number | null>;
  /** Lets go of everything. */
  close(): Promise<void>;
}

/** The part of the database that a keeper uses; every call is guarded. */
export interface Target {
  loadBytes(bytes: Uint8Array): void;
  loadText(text: string): void;
  snapshot(each: (piece: Uint8Array) => void): void;
  snapshotSize(): number;
}

/** What a keeper may tell the store that it belongs to. */
export interface Host {
  /** Others have written: it is time to bring that in. */
  changed(): void;
  /** It can keep nothing any more. */
  broken(error: Error): void;
}
