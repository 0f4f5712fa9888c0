// Runs a scenario (tests/scenarios/README.md) through the public package. The same file runs in Node and in a browser.

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** JSON text among the results: compared verbatim by `$json`, as a value by all else. */
class Json {
  constructor(text, value) {
    this.text = text;
    this.value = value;
  }
}

const VERBATIM = { content: "contentJson", metadata: "metadataJson", data: "dataJson" };

/** A record as expectations see it: names in snake_case, times as milliseconds, JSON with its text. */
function answer(value) {
  if (value instanceof Date) return value.getTime();
  if (Array.isArray(value)) return value.map(answer);
  if (value === undefined) return null;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const out = {};
  for (const name of Object.keys(value)) {
    const text = VERBATIM[name] && value[VERBATIM[name]];
    out[snake(name)] = typeof text === "string" ? new Json(text, value[name]) : answer(value[name]);
  }
  return out;
}

const form = (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const names = Object.keys(value);
  return names.length === 1 && names[0].startsWith("$") ? names[0] : undefined;
};

/** Fills in what is repeated and what was kept. */
function fill(value, kept, round) {
  if (typeof value === "string") {
    const reference = /^\$([A-Za-z_]\w*)((?:\.\w+)*)$/.exec(value);
    if (reference && Object.hasOwn(kept, reference[1])) {
      let found = kept[reference[1]];
      for (const part of reference[2].split(".").slice(1)) found = found instanceof Json ? found.value[part] : found?.[part];
      return found;
    }
    return value.replaceAll("$i", String(round));
  }
  if (Array.isArray(value)) return value.map((each) => fill(each, kept, round));
  if (typeof value !== "object" || value === null) return value;
  if (form(value) === "$repeat") return fill(value.$repeat[0], kept, round).repeat(value.$repeat[1]);
  const out = {};
  for (const [name, each] of Object.entries(value)) {
    Object.defineProperty(out, name, { value: name === "$json" ? each : fill(each, kept, round), enumerable: true, writable: true, configurable: true });
  }
  return out;
}

function equal(actual, expected) {
  if (actual === expected) return true;
  if (typeof actual === "bigint" || typeof expected === "bigint") return Number(actual) === Number(expected);
  if (typeof actual !== "object" || typeof expected !== "object" || actual === null || expected === null) return false;
  if (Array.isArray(actual) !== Array.isArray(expected)) return false;
  const names = Object.keys(actual);
  return names.length === Object.keys(expected).length && names.every((name) => Object.hasOwn(expected, name) && equal(actual[name], expected[name]));
}

const brief = (value) => {
  const text = value instanceof Json ? value.text : JSON.stringify(value, (_, each) => (typeof each === "bigint" ? `${each}n` : each instanceof Json ? each.value : each));
  return text?.length > 200 ? `${text.slice(0, 200)}…` : text;
};

/** What does not match, or nothing. */
function mismatch(path, actual, expected) {
  const wrong = () => `${path}: expected ${brief(expected)}, got ${brief(actual)}`;
  if (expected instanceof Json) return actual instanceof Json && actual.text === expected.text ? undefined : wrong();
  switch (form(expected)) {
    case undefined:
      break;
    case "$any":
      return actual === null ? wrong() : undefined;
    case "$not":
      return mismatch(path, actual, expected.$not) === undefined ? wrong() : undefined;
    case "$length": {
      const of = actual instanceof Json ? actual.value : actual;
      const length = typeof of === "string" ? [...of].length : of?.length;
      return length === expected.$length ? undefined : wrong();
    }
    case "$json":
      return actual instanceof Json && actual.text === expected.$json ? undefined : wrong();
    default:
      return `${path}: no such form: ${form(expected)}`;
  }
  if (actual instanceof Json) return equal(actual.value, expected) ? undefined : wrong();
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return wrong();
    for (let i = 0; i < expected.length; i++) {
      const found = mismatch(`${path}.${i}`, actual[i], expected[i]);
      if (found) return found;
    }
    return undefined;
  }
  if (typeof expected === "object" && expected !== null && typeof actual === "object" && actual !== null) {
    for (const name of Object.keys(expected)) {
      if (name === "archive" && expected[name] instanceof Uint8Array) continue;
      if (!Object.hasOwn(actual, name)) return `${path}.${name}: there is no such member`;
      const found = mismatch(`${path}.${name}`, actual[name], expected[name]);
      if (found) return found;
    }
    return undefined;
  }
  return actual === expected ? undefined : wrong();
}

const TIMES = new Set(["created_at", "since"]);
const SPANS = new Set(["idle", "older_than"]);

export async function runScenario(scenario, world) {
  const { jsonText } = world.api;
  let now = scenario.now ?? 1_767_225_600_000;
  let drawn = 0;
  const kept = {};
  const options = { clock: () => new Date(now), ...(scenario.store ?? {}) };
  if (options.ids === "counting") options.ids = () => `s${++drawn}`;
  let stores;
  const open = async () => {
    const main = await world.open(options);
    stores = { main };
    for (const [name, other] of Object.entries(scenario.stores ?? {})) stores[name] = main.forTenant(other.tenant);
  };
  await open();

  const json = (value) => {
    if (form(value) === "$json") return jsonText(value.$json);
    if (form(value) === "$nested") return jsonText("[".repeat(value.$nested) + "]".repeat(value.$nested));
    return value instanceof Json ? jsonText(value.text) : value;
  };
  const argument = (name, value) => {
    if (TIMES.has(name)) return new Date(value);
    if (SPANS.has(name)) return value;
    if (["content", "metadata", "merge_metadata", "data", "patch"].includes(name)) return json(value);
    if (name === "messages") return value.map(object);
    if (name === "update") return object(value);
    return value;
  };
  const object = (args) => Object.fromEntries(Object.entries(args).map(([name, value]) => [camel(name), argument(name, value)]));
  const call = async (store, name, args) => {
    const { id, scope, key, sessionId, ...rest } = object(args);
    const all = object(args);
    switch (name) {
      case "create_session":
      case "get_or_create_session":
        return store[camel(name)](all);
      case "resume_session": {
        const { scope: place, ...others } = all;
        return store.resumeSession(place, others);
      }
      case "get_session":
      case "touch_session":
        return store[camel(name)](id);
      case "get_session_by_key":
        return store.getSessionByKey(scope, key);
      case "list_sessions":
      case "list_contexts":
      case "cleanup_sessions":
        return store[camel(name)](all);
      case "update_session":
        return store.updateSession(id, rest);
      case "delete_session":
        return store.deleteSession(id, rest);
      case "save_message": {
        const { expectedRevision, ...message } = rest;
        return store.saveMessage(sessionId, message, { expectedRevision });
      }
      case "save_messages": {
        const { messages, ...others } = rest;
        return store.saveMessages(sessionId, messages, others);
      }
      case "save_summary": {
        const { content, ...others } = rest;
        return store.saveSummary(sessionId, content, others);
      }
      case "get_messages":
        return store.getMessages(sessionId, rest);
      case "stream_messages": {
        const out = [];
        for await (const message of store.streamMessages(sessionId, rest)) out.push(message);
        return out;
      }
      case "count_messages":
      case "pop_message":
      case "clear_messages":
        return store[camel(name)](sessionId);
      case "delete_messages_before":
        return store.deleteMessagesBefore(sessionId, rest.before);
      case "get_context":
      case "delete_context":
        return store[camel(name)](scope);
      case "set_context":
      case "merge_context": {
        const { data, patch, ...others } = rest;
        return store[camel(name)](scope, data ?? patch, others);
      }
      case "define_lifecycle":
        return store.defineLifecycle(all);
      case "list_lifecycles":
      case "stats":
      case "check":
      case "close":
        return store[camel(name)]();
      case "export_archive": {
        const { archive, report } = await store.exportArchive(rest);
        return { ...report, archive };
      }
      case "import_archive": {
        const { archive, ...others } = rest;
        const bytes = typeof archive.$text === "string" ? new TextEncoder().encode(archive.$text) : archive.archive;
        return store.importArchive(bytes, others);
      }
      default:
        throw new Error(`no such operation: ${name}`);
    }
  };

  try {
    for (const [index, step] of scenario.steps.entries()) {
      const where = `step ${index + 1}${step.call ? ` (${step.call})` : ""}`;
      if (step.clock) {
        now = step.clock.set ?? now + step.clock.advance;
        continue;
      }
      for (let round = 1; round <= (step.times ?? 1); round++) {
        if (step.call === "reopen") {
          if (world.reopens) {
            await stores.main.close();
            await open();
          }
          continue;
        }
        let result;
        let error;
        try {
          result = answer(await call(stores[step.on ?? "main"], step.call, fill(step.args ?? {}, kept, round)));
        } catch (thrown) {
          if (thrown?.code === undefined) throw thrown;
          error = thrown;
        }
        if (step.error !== undefined) {
          if (error === undefined) throw new Error(`${where}: expected the error ${step.error}, got ${brief(result)}`);
          if (error.code !== step.error) throw new Error(`${where}: expected the error ${step.error}, got ${error.code}: ${error.message}`);
          if (!(error instanceof world.api.ConvostoreError) || error.constructor === world.api.ConvostoreError) throw new Error(`${where}: ${error.code} has no class`);
          const found = step.details && mismatch("details", error.details, fill(step.details, kept, round));
          if (found) throw new Error(`${where}: ${found}`);
          continue;
        }
        if (error !== undefined) throw new Error(`${where}: ${error.code}: ${error.message}`, { cause: error });
        if (step.as) kept[step.as] = result;
        if ("expect" in step) {
          const found = mismatch("result", result, fill(step.expect, kept, round));
          if (found) throw new Error(`${where}: ${found}`);
        }
      }
    }
  } finally {
    await stores.main.close();
    await world.clear?.();
  }
}
