#!/bin/sh
# Builds the npm package, packs it, installs the tarball in an empty folder, and tests that: in Node, in the bundlers, and in a real browser.
# With the argument "build" it ends before the packing, with "pack" and a folder once the tarball is there. Sets up what it needs, and is quick where that is there. CONVOSTORE_KILLS: how often the writer is killed (500 unless told); CONVOSTORE_SOAK_SECONDS: as often as that allows.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
: "${CARGO_TARGET_DIR:=$root/target}"
export CARGO_TARGET_DIR
cd "$here"

rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown
bindgen=$root/target/tools/bin/wasm-bindgen
version=$(sed -n 's/^wasm-bindgen = "=\(.*\)"/\1/p' "$root/Cargo.toml")
if [ "$("$bindgen" --version 2>/dev/null || true)" != "wasm-bindgen $version" ]; then
  install_bindgen() { CARGO_TARGET_DIR=$root/target/tools/build cargo install wasm-bindgen-cli --version "$version" --root "$root/target/tools" "$@"; }
  # The tool's own lock file can name what the registry has no more; its version is what has to match.
  install_bindgen --locked || install_bindgen
fi
if ! cmp -s package-lock.json node_modules/.convostore-lock; then
  npm ci --no-fund --no-audit
  cp package-lock.json node_modules/.convostore-lock
fi
if ! command -v chromium >/dev/null && ! command -v chromium-headless-shell >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -q && apt-get install -q -y chromium
fi

node build.mjs
[ "${1:-}" != build ] || exit 0
if [ "${1:-}" = pack ]; then
  npm pack --silent --pack-destination "$2"
  exit 0
fi
place=$root/target/npm-test
rm -rf "$place"
mkdir -p "$place"
npm pack --silent --pack-destination "$place"
(cd "$place" && echo '{ "name": "empty", "private": true, "type": "module" }' > package.json && npm install --silent --no-fund --no-audit --no-package-lock ./convostore-*.tgz)
node_modules/.bin/publint --strict "$place"/convostore-*.tgz
node_modules/.bin/attw --quiet --profile esm-only --exclude-entrypoints convostore.wasm -- "$place"/convostore-*.tgz
cp -r tests "$place/tests"
export CONVOSTORE_ROOT="$root" CONVOSTORE_KILLS="${CONVOSTORE_KILLS:-500}"
node --test --test-reporter="${CONVOSTORE_REPORTER:-dot}" "$place"/tests/*.test.mjs
if [ -f "$root/examples/node/test.mjs" ]; then
  cp -r "$root/examples/node" "$place/example"
  node --test --test-reporter="${CONVOSTORE_REPORTER:-dot}" "$place/example/test.mjs"
fi
