#!/usr/bin/env bash
# Runs the model test again and again, each round with a new seed, for a number of hours, and says how far it came.
set -euo pipefail
hours=${1:?how many hours}
operations=${CONVOSTORE_MODEL_OPERATIONS:-1000000}
end=$(awk -v now="$(date +%s)" -v hours="$hours" 'BEGIN { printf "%d", now + hours * 3600 }')
rounds=0
while [ "$rounds" -eq 0 ] || [ "$(date +%s)" -lt "$end" ]; do
  CONVOSTORE_SEED=$RANDOM$RANDOM CONVOSTORE_MODEL_OPERATIONS=$operations \
    cargo test --quiet --release --package conformance --test model -- --nocapture
  rounds=$((rounds + 1))
done
echo "$rounds rounds of $operations operations each: no difference"
