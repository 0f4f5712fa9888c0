// The real workerd, of npm's package: a worker made of modules, and how to ask it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tools } from "./places.mjs";

/** Why these tests are left out: only because somebody asked for it. */
export const skip = process.env.CONVOSTORE_SKIP_WORKERD === "1" && "CONVOSTORE_SKIP_WORKERD is set";

/** Starts a worker. `modules`: names to `{ esModule: text }` or `{ wasm: bytes }`, the main one first. */
export async function start(modules, compatibilityDate) {
  const folder = mkdtempSync(join(tmpdir(), "convostore-workerd-"));
  const list = Object.entries(modules).map(([name, { esModule, wasm }], i) => {
    writeFileSync(join(folder, `${i}`), esModule ?? wasm);
    return `(name = ${JSON.stringify(name)}, ${wasm ? "wasm" : "esModule"} = embed "${i}")`;
  });
  writeFileSync(join(folder, "config.capnp"), `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = (modules = [${list.join(", ")}], compatibilityDate = "${compatibilityDate}"))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );`);
  const { default: binary } = tools("workerd");
  const child = spawn(binary, ["serve", "--control-fd=3", join(folder, "config.capnp")], { stdio: ["ignore", "pipe", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { said += data; });
  const ended = new Promise((done) => child.once("close", done));
  const listening = new Promise((done) => {
    let events = "";
    child.stdio[3].on("data", (data) => {
      events += data;
      const port = /"event":"listen".*?"port":(\d+)/.exec(events)?.[1];
      if (port !== undefined) done(port);
    });
  });
  const port = await Promise.race([listening, ended.then(() => { throw new Error(`workerd ended: ${said}`); })]);
  return {
    /** Posts JSON and gives the JSON that comes back. */
    ask: async (value) => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: JSON.stringify(value) });
      const text = await response.text();
      if (!response.ok) throw new Error(`workerd said ${response.status}: ${text}\n${said}`);
      return JSON.parse(text);
    },
    stop: async () => {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
