#!/usr/bin/env python3
"""Says how many mutants the tests caught: scripts/mutants_caught.py target/mutants.out/outcomes.json LEAST_PERCENT

One that does not compile counts for nothing; one that runs for ever is caught, and named, for on a busy machine it may only have been slow. Fails below
LEAST_PERCENT, and names those that were missed.
"""

import collections
import json
import sys

NAMED = {"MissedMutant": "missed", "Timeout": "ran for ever"}
path, least = sys.argv[1], float(sys.argv[2])
with open(path, encoding="utf-8") as file:
    outcomes = json.load(file)["outcomes"]
mutants = [it for it in outcomes if it["scenario"] != "Baseline"]
counts = collections.Counter(it["summary"] for it in mutants)
caught = counts["CaughtMutant"] + counts["Timeout"]
viable = caught + counts["MissedMutant"]
for it in mutants:
    if it["summary"] in NAMED:
        print(f"{NAMED[it['summary']]}: {it['scenario']['Mutant']['name']}")
percent = 100 * caught / viable if viable else 0
print(f"{caught} of {viable} mutants were caught ({percent:.1f} %), {counts['Timeout']} of them because they ran for ever; {counts['Unviable']} did not compile")
sys.exit(percent < least)
