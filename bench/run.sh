#!/usr/bin/env bash
# Measures speed and memory of `sunlead serve` on 100,000 leads, on SQLite and on PostgreSQL, beside the
# same routes on Fastify. bench/README.md tells how to read it.
# SECONDS_A_RUN and RUNS change how long and how often, SERVICES which of them.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/build/bench
python=$(PATH=/usr/bin:$PATH command -v python3)
seconds=${SECONDS_A_RUN:-8}
runs=${RUNS:-3}
services=${SERVICES:-sqlite postgres fastify}
routes="get list create update"
. bench/measure.sh

start_sqlite() {
    migrate "sqlite:$folder/leads.db" || fail 'no database'
    sqlite3 "$folder/leads.db" <bench/fill.sqlite.sql
    database[sqlite]= # inside the server
    start_sunlead sqlite "sqlite:$folder/leads.db"
}

start_postgres() {
    postgres_start "$pg_folder/sunlead"
    database[postgres]=$pg_pid
    migrate "$(postgres_url "$pg_folder/sunlead")" || fail 'no database'
    postgres_run "$pg_folder/sunlead" bench/fill.sql
    start_sunlead postgres "$(postgres_url "$pg_folder/sunlead")"
}

start_fastify() {
    local peer=build/peers/fastify
    mkdir -p "$peer"
    cp -u bench/peers/fastify/* "$peer"
    [ "$peer/node_modules" -nt "$peer/package-lock.json" ] ||
        npm --prefix "$peer" ci --silent >/dev/null || fail 'npm ci failed'
    postgres_start "$pg_folder/fastify"
    database[fastify]=$pg_pid
    postgres_run "$pg_folder/fastify" db/migrations/000_create_leads.sql \
        db/migrations/001_add_3d_fields_to_leads.sql "$peer/index.sql" bench/fill.sql
    PORT=0 NODE_ENV=production DATABASE_URL="$(postgres_url "$pg_folder/fastify")" \
        node "$peer/server.js" >"$folder/fastify.log" 2>&1 &
    server[fastify]=$!
    wait_for_port fastify 'listening \([0-9]*\)'
}

bench_begin
read -r sync_p50 sync_p99 < <("$python" bench/disk_sync.py "$folder")
read -r start_ms idle_kb < <("$python" bench/start_time.py "$program" "$folder/start")
for service in $services; do
    "start_$service"
    for route in $routes; do # connections, caches and the log of the database get warm
        measure "$service" "$route" 1 >/dev/null
    done
done
for ((run = 1; run <= runs; run++)); do
    echo "run $run of $runs (load $(cut -d' ' -f1 /proc/loadavg)) ..." >&2
    for service in $services; do
        for route in $routes; do
            measure "$service" "$route" "$seconds" >>"$folder/$service.$route.runs"
        done
    done
done

# shellcheck disable=SC2086
print_rows $services
mb() { echo "$(($1 / 1024)).$(($1 % 1024 * 10 / 1024)) MB"; }
echo "server, database, together: CPU us/request"
echo "disk, 64 KB made durable:              $sync_p50 ms (p99 $sync_p99 ms)"
echo "start to first answer, fresh database: $start_ms ms"
echo "memory, idle, fresh database:          $(mb "$idle_kb")"
for service in $services; do
    kb=$(for pid in $(tree "${server[$service]}"); do cat "/proc/$pid/status"; done |
        awk '/^VmRSS:/ { sum += $2 } END { print sum }')
    printf '%-38s %s\n' "memory, $service, after the runs:" "$(mb "$kb")"
done
