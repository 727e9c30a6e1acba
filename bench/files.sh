#!/bin/sh
# Measures how a large file is served, beside nginx: bench/files.sh. ROUNDS=5 and SECONDS_A_RUN=2 are the
# defaults.
set -eu
cd "$(dirname "$0")/.."
# -P: a neighbour is called queue.py.
exec /usr/bin/python3 -P bench/files.py "${SUNLEAD_BIN:-build/sunlead}" "${ROUNDS:-5}"
