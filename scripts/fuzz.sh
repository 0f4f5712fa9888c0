#!/usr/bin/env bash
# Runs libFuzzer on hostile archives, queries and values, each target for so many seconds: scripts/fuzz.sh SECONDS [TARGET …]
#
# What cargo-fuzz would do without a sanitizer, which safe Rust has little need of: the compiler counts which edges are run, so that the stable one will do. What is found worth
# keeping lies in target/fuzz/corpus, what crashes or takes more than 512 MiB in target/fuzz/crashes; what is to be tried by everybody from then on goes into
# tests/reliability/corpus. A line of the report each: executions, and crashes as violations.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?for how many seconds}
shift
[[ $# -gt 0 ]] || set -- archive repaired queries values
target=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
report=${CONVOSTORE_REPORT:-$PWD/target/reliability/report.jsonl}
host=$(rustc -vV | sed -n 's/^host: //p')

RUSTFLAGS="--cfg fuzzing -C debug-assertions -C overflow-checks -C codegen-units=1 -C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=4
    -C llvm-args=-sanitizer-coverage-inline-8bit-counters -C llvm-args=-sanitizer-coverage-pc-table -C llvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --quiet --release --manifest-path tests/reliability/fuzz/Cargo.toml --target "$host" --target-dir "$target"

mkdir -p "$(dirname "$report")"
crashed=0
for name in "$@"; do
    mkdir -p "$target/corpus/$name" "$target/crashes/$name"
    log=$target/$name.log
    found=0
    # Longer inputs than the longest that somebody wrote by hand are the memory test's matter.
    "$target/$host/release/$name" -max_total_time="$seconds" -max_len=65536 -timeout=60 -rss_limit_mb=512 -print_final_stats=1 \
        -artifact_prefix="$target/crashes/$name/" "$target/corpus/$name" "tests/reliability/corpus/$name" > "$log" 2>&1 || found=1
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "{\"guarantee\": \"R10 fuzz $name\", \"runs\": ${executions:-0}, \"violations\": $found, \"control_violations\": null}" | tee -a "$report"
    if [[ $found = 1 ]]; then
        crashed=1
        tail -n 40 "$log" >&2
    fi
done
exit $crashed
