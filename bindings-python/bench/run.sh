#!/usr/bin/env bash
# Builds the wheel, installs it beside what it is compared with, and measures them in turns: on SQLite, then on PostgreSQL (scripts/postgres.sh;
# CONVOSTORE_SKIP_POSTGRES=1 leaves that out). --quick takes a minute or two; --folder DIR puts the SQLite files elsewhere, as on a tmpfs, to leave
# the disk out (no results are kept of that).
set -euo pipefail
folder=()
arguments=()
while (($#)); do
    case $1 in
        --folder) folder=(--folder "$(cd "$2" && pwd)"); shift 2 ;;
        *) arguments+=("$1"); shift ;;
    esac
done
cd "$(dirname "$0")/.."
here=$PWD
target=${CARGO_TARGET_DIR:-$here/../target}/python
python=${PYTHON:-python3}
mkdir -p "$target"
target=$(cd "$target" && pwd)
venv=$target/bench-venv
bin=$venv/bin

# The environment, made again when what it is made of changes.
made_of=$("$python" -c 'import sys; print(sys.version, sys.executable)' && cat requirements-bench.txt)
if [[ ! -x $bin/python || "$(cat "$venv/made-of" 2>/dev/null)" != "$made_of" ]]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$bin/pip" install --quiet --disable-pip-version-check --requirement requirements-bench.txt
    printf '%s' "$made_of" > "$venv/made-of"
fi

# The wheel: cargo does nothing where nothing has changed.
rm -rf "$target/bench-wheels"
"$bin/maturin" build --release --quiet --interpreter "$bin/python" --out "$target/bench-wheels" 2> "$target/bench-maturin.log" \
    || { cat "$target/bench-maturin.log"; exit 1; }
"$bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "$target"/bench-wheels/*.whl

# Raw rusqlite, a program that the bench talks to.
(cd "$here/.." && cargo build --quiet --release --package convostore-bench --example raw_append)
export CONVOSTORE_RAW_APPEND=${CARGO_TARGET_DIR:-$here/../target}/release/examples/raw_append PYTHONDONTWRITEBYTECODE=1

cd "$target"
"$bin/python" "$here/bench/main.py" "${folder[@]}" "${arguments[@]}"
"$bin/python" "$here/bench/latency.py" "${folder[@]}" "${arguments[@]}"
"$here/../scripts/postgres.sh" "$bin/python" "$here/bench/postgres.py" "${arguments[@]}"
