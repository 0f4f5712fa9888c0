// Writes until it is killed, and says on stdout what was acknowledged: a line for each call, its name.
//   node kills-writer.mjs <file> <run> <order> <seed>      order: commit-first, or acknowledge-first, which breaks what is promised
import { writeSync } from "node:fs";
import { join } from "node:path";
import { Store } from "convostore";
import { random } from "./chance.mjs";
import { packageFolder } from "./places.mjs";

const [path, run, order, seed] = process.argv.slice(2);
const pick = random(Number(seed));
if (order === "acknowledge-first") {
  const { FileKeeper } = await import(join(packageFolder, "dist", "file", "keeper.js"));
  const { keep } = FileKeeper.prototype;
  let last = Promise.resolve();
  FileKeeper.prototype.keep = async function (rows) {
    last = last.then(() => new Promise((done) => setTimeout(done, 3))).then(() => keep.call(this, rows));
  };
}

const store = await Store.open({ path });
await store.getOrCreateSession({ id: "a" });
const acknowledge = (name) => {
  for (;;) {
    try {
      return writeSync(1, `${name}\n`);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // the pipe is full: who reads it is busy
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
};
acknowledge("ready");
const says = (name, part = "1/1") => ({ role: "user", content: { name, part, text: "x".repeat(pick(700)) } });
const save = (name) => store.saveMessage("a", says(name)).then(() => acknowledge(name));

for (let i = 0; ; i++) {
  const name = `${run}-${i}`;
  const kind = pick(10);
  if (kind < 5) await save(name);
  else if (kind < 7) await Promise.all(["x", "y", "z"].map((each) => save(`${name}${each}`)));
  else if (kind < 9) {
    await store.saveMessages("a", [1, 2, 3].map((n) => says(name, `${n}/3`)), { update: { metadata: { name } } });
    acknowledge(name);
  } else if (order === "commit-first") await store.deleteSession("nobody", { erase: true }); // the file is written anew
}
