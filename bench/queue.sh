#!/bin/sh
# Measures the job queue beside pg-boss, on one PostgreSQL of its own that syncs to the disk: bench/queue.sh
# Needs PostgreSQL, node and npm. JOBS=20000 and CONCURRENCY=512 are the defaults.
# MINUTES=15 instead: how the table's dead rows and size go at 300 jobs a second.
set -eu
cd "$(dirname "$0")/.."
peer=build/peers/pgboss
cmake --preset release -DSUNLEAD_TESTS=ON >/dev/null
cmake --build --preset release --target queue_bench >/dev/null
mkdir -p "$peer"
cp -u bench/peers/pgboss/* "$peer"
[ "$peer/node_modules" -nt "$peer/package-lock.json" ] || npm --prefix "$peer" ci --silent >/dev/null
exec /usr/bin/python3 bench/queue.py "${JOBS:-20000}" "${CONCURRENCY:-512}" "${MINUTES:-0}"
