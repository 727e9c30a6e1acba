#!/bin/sh
# Measures the job queue beside pg-boss, on one PostgreSQL of its own that syncs to the disk: bench/queue.sh
# Needs PostgreSQL, node and npm. JOBS=20000 and CONCURRENCY=512 are the defaults.
set -eu
cd "$(dirname "$0")/.."
cmake --preset release -DSUNLEAD_TESTS=ON >/dev/null
cmake --build --preset release --target queue_bench >/dev/null
(cd bench/peers/pgboss && npm install --silent --no-audit --no-fund >/dev/null)
exec /usr/bin/python3 bench/queue.py "${JOBS:-20000}" "${CONCURRENCY:-512}"
