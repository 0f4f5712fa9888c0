#!/usr/bin/env bash
# Runs the long form of every test that nothing acknowledged is lost, for a number of hours, and says how far each came: scripts/soak.sh HOURS
#
# Each has a share of the time by its weight, less where its long number is reached first. A failure ends nothing but its own test.
# SOAK_ONLY: a pattern (grep -E) of tests to run; the time is shared among those.
set -euo pipefail
cd "$(dirname "$0")/.."
hours=${1:?how many hours}

if [[ -z ${CONVOSTORE_TEST_POSTGRES_URL:-} && ${CONVOSTORE_SKIP_POSTGRES:-} != 1 ]]; then
    exec scripts/postgres.sh "$0" "$@"
fi

# weight, test, and which function of it where they share the time; weight 0 runs once, as long as it takes
rows='
12 r01_killed_writer
3 python kill
1 python foreign
4 node
18 r02_power_cut a_power_cut
4 r02_power_cut share_a_commit
0 r02_power_cut new_folders
6 r03_load nobody_is_busy
1 r03_load who_waits
8 r04_opening
4 r05_dropped_locks
2 r05_two_writers
2 r05_openings
12 r06_alike
0 r07_faults faults_of_the_disk
2 r07_faults confirmation_that_failed
0 r07_faults disks_that
7 r08_damage
0 r09_migration
2 r10_hostile the_corpus
4 fuzz
0 r10_hostile large_archives
6 r11_retries
3 r12_private in_no_file
2 r12_private other_processes
1 r12_private power_cut
0 r12_private files_and_folders
0 r12_private where_
0 r12_private a_large_store
3 r13_bounded ten_thousand
0 r13_bounded a_store_has
0 r13_bounded the_wal_shrinks
0 r13_bounded what_an_append
1 postgres_r01_killed_clients
1 postgres_r03_load
1 postgres_r11_retries
'
rows=$(grep -E '^[0-9]' <<< "$rows" | grep -E "${SOAK_ONLY:-.}")
total=$(awk '{ sum += $1 } END { print sum ? sum : 1 }' <<< "$rows")

mkdir -p target/reliability
export CONVOSTORE_REPORT=$PWD/target/reliability/soak.jsonl
log=$PWD/target/reliability/soak.log
rm -f "$CONVOSTORE_REPORT" "$log"
cargo test --quiet --profile proof --package reliability --no-run

in_rust() {
    cargo test --quiet --profile proof --package reliability --test "$@" -- --test-threads=1 --nocapture
}

# The kills are counted; so they run again until the time is over.
in_python() {
    local end=$((SECONDS + CONVOSTORE_SOAK_SECONDS))
    while CONVOSTORE_KILLS=1000 bindings-python/test.sh -k "$1" && [[ $SECONDS -lt $end ]]; do :; done
}

failed=()
while read -r weight name function <&3; do
    seconds=$(awk -v hours="$hours" -v weight="$weight" -v total="$total" 'BEGIN { printf "%d", hours * 3600 * weight / total }')
    [[ $weight = 0 ]] && share=once || share="for $seconds s"
    echo "$(date +%H:%M:%S) $name${function:+ $function}: $share" | tee -a "$log"
    export CONVOSTORE_SOAK_SECONDS=$seconds
    case $name in
        # Each of the four targets a part of it.
        fuzz) run=(scripts/fuzz.sh $((seconds / 4 + 1))) ;;
        python) run=(in_python $function) ;;
        node) run=(bindings-wasm/test.sh) ;;
        postgres_*)
            if [[ ${CONVOSTORE_SKIP_POSTGRES:-} = 1 ]]; then
                echo "SKIPPED: $name was not tried (CONVOSTORE_SKIP_POSTGRES=1)" | tee -a "$log"
                continue
            fi
            run=(in_rust "$name") ;;
        *) run=(in_rust "$name" $function) ;;
    esac
    if ! "${run[@]}" >> "$log" 2>&1; then
        failed+=("$name $function")
        echo "FAILED: $name $function; see $log" >&2
    fi
done 3<<< "$rows"

scripts/reliability-table "$CONVOSTORE_REPORT"
if [[ ${#failed[@]} -gt 0 ]]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
