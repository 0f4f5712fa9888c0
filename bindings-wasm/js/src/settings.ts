/** How a store is opened, apart from where. */
import { text, texts } from "./arguments.js";
import { invalid } from "./errors.js";
import type { StoreOptions } from "./types.js";

export const storeOptionNames = ["tenant", "clock", "ids", "roles", "preview"] as const;

/** What all stores on a database share. */
export interface Settings {
  /** As `CoreDatabase.store` takes it, but for the tenant. */
  readonly wire: (tenant: string) => string;
  readonly clock: (() => Date) | undefined;
  readonly ids: (() => string) | undefined;
}

export function settingsOf(given: Partial<StoreOptions>): Settings & { tenant: string } {
  const { clock, ids, roles, preview } = given;
  if (clock !== undefined && typeof clock !== "function") throw invalid("clock must be a function that gives a Date", "clock");
  if (ids !== undefined && typeof ids !== "function" && typeof ids !== "string") throw invalid("ids must be uuid7, uuid4, timestamp or a function", "ids");
  const scheme = typeof ids === "string" ? ids : null;
  const rule = preview === undefined ? null : text(preview, "preview");
  const names = roles === undefined ? null : texts(roles, "roles");
  return {
    tenant: given.tenant === undefined ? "default" : text(given.tenant, "tenant"),
    wire: (tenant) => JSON.stringify([tenant, scheme, rule, names]),
    clock,
    ids: typeof ids === "function" ? ids : undefined,
  };
}
