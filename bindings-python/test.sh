#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment and tests that: pytest, types, examples. Arguments go to pytest.
#
# With a PostgreSQL server: see scripts/postgres.sh. CONVOSTORE_SKIP_POSTGRES=1 does without, said aloud at the end.
set -euo pipefail
cd "$(dirname "$0")"
if [[ -z ${CONVOSTORE_TEST_POSTGRES_URL:-} && ${CONVOSTORE_SKIP_POSTGRES:-} != 1 ]]; then
    exec ../scripts/postgres.sh "$PWD/test.sh" "$@"
fi
here=$PWD
target=${CARGO_TARGET_DIR:-$here/../target}/python
python=${PYTHON:-python3}
mkdir -p "$target"
target=$(cd "$target" && pwd)
venv=$target/venv
bin=$venv/bin

# The environment, made again when what it is made of changes.
made_of=$("$python" -c 'import sys; print(sys.version, sys.executable)' && cat requirements-test.txt)
if [[ ! -x $bin/python || "$(cat "$venv/made-of" 2>/dev/null)" != "$made_of" ]]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$bin/pip" install --quiet --disable-pip-version-check --requirement requirements-test.txt
    printf '%s' "$made_of" > "$venv/made-of"
fi

# The wheel: cargo does nothing where nothing has changed.
rm -rf "$target/wheels.new"
"$bin/maturin" build --release --quiet --interpreter "$bin/python" --out "$target/wheels.new" 2> "$target/maturin.log" \
    || { cat "$target/maturin.log"; exit 1; }
rm -rf "$target/wheels" && mv "$target/wheels.new" "$target/wheels"
"$bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "$target"/wheels/*.whl

# Away from the sources, so that the installed package is what is tested.
run=$target/run
mkdir -p "$run"
cd "$run"
"$bin/python" -m pytest -q -c "$here/pyproject.toml" --rootdir "$here" "$here/tests" "$@"
if [[ -n ${CONVOSTORE_TEST_POSTGRES_DATA:-} && $# -eq 0 ]]; then
    # A server of our own: what is of PostgreSQL once more, behind PgBouncer.
    env -u CONVOSTORE_TEST_POSTGRES_URL "$here/../scripts/postgres.sh" --pgbouncer \
        "$bin/python" -m pytest -q -c "$here/pyproject.toml" --rootdir "$here" "$here/tests/test_postgres.py"
fi
"$bin/mypy" --config-file "$here/pyproject.toml" --cache-dir "$target/mypy" --strict "$here/tests" "$here/../examples/python"
"$bin/python" -m mypy.stubtest convostore
if command -v npm > /dev/null; then
    if ! cmp -s "$here/package.json" "$target/node/package.json"; then
        mkdir -p "$target/node"
        cp "$here/package.json" "$target/node/"
        (cd "$target/node" && npm install --silent --no-audit --no-fund --no-package-lock)
    fi
    "$target/node/node_modules/.bin/pyright" --pythonpath "$bin/python" "$here/tests/typing_usage.py"
else
    echo "npm is not there: pyright was not run"
fi
echo "Python: all tests passed"
if [[ ${CONVOSTORE_SKIP_POSTGRES:-} = 1 ]]; then
    echo "SKIPPED: Python was not tried on PostgreSQL (CONVOSTORE_SKIP_POSTGRES=1)" >&2
fi
