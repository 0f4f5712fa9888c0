#!/usr/bin/env bash
# Counts the instructions of an append, of loading 1,000 messages, of a get-or-create, a resume and a count, and compares them with
# bench/instructions.txt: at most 3 % more. Counts of another compiler, C library or kind of processor cannot be compared, and it says so. `write` writes the table anew.
set -euo pipefail
cd "$(dirname "$0")/.."
table=bench/instructions.txt
if ! command -v valgrind > /dev/null; then
    echo "instructions NOT COMPARED: there is no valgrind here"
    exit 0
fi
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release --package convostore-bench --example instructions
made_with="# $(rustc --version); $(getconf GNU_LIBC_VERSION 2> /dev/null || echo another libc); $(uname -m)"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

counted() { # what, times
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$target/release/examples/instructions" "$1" "$folder" "$2" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
now=$(
    echo "$made_with"
    for each in append:500 load:20 get_or_create:500 resume:500 count:500; do
        what=${each%:*} times=${each#*:}
        # What opening costs falls away.
        echo "$what $((($(counted "$what" $((times * 2))) - $(counted "$what" "$times")) / times))"
    done
)
if [[ ${1:-} == write ]]; then
    echo "$now" > "$table"
    cat "$table"
    exit 0
fi
if [[ "$(head -n 1 "$table")" != "$made_with" ]]; then
    printf 'instructions NOT COMPARED: they were counted with\n%s\nand here it is\n%s\n' "$(head -n 1 "$table")" "$made_with"
    exit 0
fi
join <(tail -n +2 "$table" | sort) <(tail -n +2 <<< "$now" | sort) | awk '
    { printf "%-14s %9d instructions, were %9d: %+.1f %%\n", $1, $3, $2, 100 * ($3 / $2 - 1); if ($3 > $2 * 1.03) worse = 1 }
    END { if (worse) { print "more than 3 % more: find out why, or write the table anew with scripts/instructions.sh write"; exit 1 } }'
