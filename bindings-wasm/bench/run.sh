#!/bin/sh
# Builds the package, installs it beside what it is compared with, and measures them in turns. --quick takes less than a minute.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
place=$root/target/npm-bench
mkdir -p "$place"
"$here/../test.sh" build
cp -R "$here/." "$place"
cd "$place"
if ! cmp -s package-lock.json node_modules/.convostore-lock; then
  # Without scripts: better-sqlite3 would fetch a binary from elsewhere. It is built from its source instead.
  npm ci --silent --no-fund --no-audit --ignore-scripts
  npm explore better-sqlite3 -- npm run --silent build-release > better-sqlite3.log 2>&1 || echo "better-sqlite3 cannot be built here (it takes a C++ compiler and Node's headers): see $place/better-sqlite3.log"
  cp package-lock.json node_modules/.convostore-lock
fi
rm -rf node_modules/convostore convostore-*.tgz
(cd "$here/.." && npm pack --silent --pack-destination "$place" > /dev/null)
mkdir node_modules/convostore
tar -xzf convostore-*.tgz -C node_modules/convostore --strip-components 1
CONVOSTORE_RESULTS=$root/target/bench/results.jsonl exec node --expose-gc main.mjs "$@"
