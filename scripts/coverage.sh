#!/usr/bin/env bash
# Measures which lines and branches of the core its own tests run: scripts/coverage.sh
#
# Counted are the tests of `convostore` and `conformance` on all backends; not the doctests, nor tests/reliability (what is killed keeps no count), nor what
# the bindings run. A branch is one way out of a condition (`if`, `while`, a part of `&&` and `||`, a guard of `match`); `?` and the arms of `match` are
# lines to it. Tests inside of core/src are not counted as code.
#
# rustc counts branches by an option that is not stable yet, which RUSTC_BOOTSTRAP lets the stable compiler take: nothing but these numbers comes from it.
# llvm-tools, of the compiler's own version, are added by rustup.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/coverage
counts=$CARGO_TARGET_DIR/counts

tools=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
[[ -x $tools/llvm-cov ]] || rustup component add llvm-tools

export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C instrument-coverage -Z coverage-options=branch"
# What runs while building counts for nothing.
export LLVM_PROFILE_FILE=/dev/null
tests=(cargo test --all-features --package convostore --package conformance --lib --bins --tests)
"${tests[@]}" --no-run
rm -rf "$counts"
# The processes that a test starts count too; %m keeps the programs apart, and those of one share a file.
LLVM_PROFILE_FILE=$counts/%m.profraw scripts/postgres.sh "${tests[@]}" --quiet --no-fail-fast
"$tools/llvm-profdata" merge --sparse --output "$counts/all.profdata" "$counts"/*.profraw

# The programs of the tests, as cargo names them.
objects=()
while read -r program; do
    objects+=(--object "$program")
done < <("${tests[@]}" --no-run --message-format=json 2> /dev/null | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
"$tools/llvm-cov" export --format=lcov --instr-profile "$counts/all.profdata" --sources "$PWD/core/src" "${objects[@]:1}" > "$CARGO_TARGET_DIR/lcov.info"
scripts/coverage_table.py "$CARGO_TARGET_DIR/lcov.info" core/src
