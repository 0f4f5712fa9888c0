// Builds the package into dist/: the wasm file, what wasm-bindgen makes for it, and the compiled TypeScript.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { transformSync } from "esbuild";

const here = import.meta.dirname;
const root = join(here, "..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const tools = join(here, "..", "target", "tools");
const run = (command, args, options) => execFileSync(command, args, { stdio: "inherit", ...options });
const bin = (name) => join(here, "node_modules", ".bin", name);

// Smaller code where it costs no time that counts: few functions are put into others, SHA-256 is a loop. And no path of this machine goes into the file.
const sources = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry", "src");
const flags = ["-Cllvm-args=-inline-threshold=15", '--cfg=sha2_backend="soft"', '--cfg=sha2_backend_soft="compact"', `--remap-path-prefix=${sources}=`];
run("cargo", ["build", "-p", "convostore-wasm", "--profile", "wasm", "--target", "wasm32-unknown-unknown", "--locked"], {
  cwd: root, env: { ...process.env, CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f") },
});
const built = join(target, "wasm32-unknown-unknown", "wasm", "convostore_wasm.wasm");

const web = join(here, "js", "src", "web");
const stamp = join(web, ".stamp");
const present = `${statSync(built).mtimeMs} ${statSync(import.meta.filename).mtimeMs}`;
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== present) {
  rmSync(web, { recursive: true, force: true });
  mkdirSync(web, { recursive: true });
  run(join(tools, "bin", "wasm-bindgen"), [
    "--target", "web", "--out-dir", web, "--out-name", "core",
    "--experimental-reset-state-function", "--omit-default-module-path", "--remove-producers-section",
    built,
  ]);
  // No --all-features: Node 20 rejects what comes of it. The section that names the features in use is read and kept.
  // Functions that are called once stay functions: put into their callers they make the file shorter, but it compresses to 6 % more.
  // Functions that are named alike are alike: beside each other they compress better.
  run(bin("wasm-opt"), ["-Oz", "--one-caller-inline-max-function-size=0", "--reorder-functions-by-name", "--strip-debug", join(web, "core_bg.wasm"), "-o", join(web, "core_bg.wasm")]);
  // The generated module without its comments; names stay, so that a stack trace can be read.
  const generated = readFileSync(join(web, "core.js"), "utf8");
  writeFileSync(join(web, "core.js"), transformSync(generated, { minifyWhitespace: true, minifySyntax: true, format: "esm", target: "es2022", legalComments: "none" }).code);
  new WebAssembly.Module(readFileSync(join(web, "core_bg.wasm")));
  writeFileSync(stamp, present);
}

const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });
run(bin("tsc"), ["-p", here]);
mkdirSync(join(dist, "web"), { recursive: true });
for (const name of ["core.js", "core.d.ts", "core_bg.wasm"]) copyFileSync(join(web, name), join(dist, "web", name));
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) if (existsSync(join(here, "..", name))) copyFileSync(join(here, "..", name), join(here, name));

const sizes = (bytes) => `${bytes.length} raw, ${gzipSync(bytes, { level: 9 }).length} gzip, ${brotliCompressSync(bytes).length} brotli`;
console.log(`core_bg.wasm: ${sizes(readFileSync(join(dist, "web", "core_bg.wasm")))}`);
console.log(`files: ${readdirSync(dist).length}`);
