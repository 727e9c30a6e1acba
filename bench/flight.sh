#!/bin/sh
# Keeps 10,000 models in flight in one sunlead and measures what that costs, on both engines: bench/flight.sh
# Needs PostgreSQL. MODELS, SECONDS_MEASURED and ENGINES change how many, how long and where.
set -eu
cd "$(dirname "$0")/.."
for engine in ${ENGINES:-sqlite postgres}; do
    /usr/bin/python3 bench/flight.py "$engine" "${MODELS:-10000}" "${SECONDS_MEASURED:-60}"
done
