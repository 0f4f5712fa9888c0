#!/bin/sh
# Builds the page with the npm package as it is packed here, and tests it in a real browser. "build" ends before the tests, "serve" serves the page instead.
# CONVOSTORE_PACKAGE: a tarball that is there already, instead of building one. CONVOSTORE_SKIP_BROWSER=1: without the tests that need a browser.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
place=$root/target/page
cd "$here"

if ! cmp -s package-lock.json node_modules/.page-lock; then
  npm ci
  cp package-lock.json node_modules/.page-lock
fi
tarball=${CONVOSTORE_PACKAGE:-}
if [ -z "$tarball" ]; then
  mkdir -p "$place/package"
  rm -f "$place"/package/*.tgz
  "$root/bindings-wasm/test.sh" pack "$place/package"
  tarball=$(ls "$place"/package/convostore-*.tgz)
fi
if ! cmp -s "$tarball" node_modules/.page-package; then
  rm -rf node_modules/convostore
  # The lock file names what comes from the registry; the package comes from here.
  npm install --silent --no-save --no-audit --no-fund "$tarball"
  cp "$tarball" node_modules/.page-package
fi
npm run --silent build -- --logLevel warn
case "${1:-}" in
build) ;;
serve)
  demo=$root/target/demo/conversations.convostore
  if [ -f "$demo" ]; then echo "Real conversations to drop into it: $demo"; else echo "\`make demo\` writes real conversations to drop into it: $demo"; fi
  exec node_modules/.bin/vite preview
  ;;
*) node --test --test-concurrency=2 --test-reporter="${CONVOSTORE_REPORTER:-dot}" tests/*.test.mjs ;;
esac
