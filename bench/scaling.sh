#!/usr/bin/env bash
# Measures what the steps of docs/scaling.md cost on PostgreSQL: PgBouncer in between, many leads in one
# table, and in partitions. LEADS changes how many.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/build/bench-scaling
seconds=${SECONDS_A_RUN:-5}
runs=${RUNS:-3}
leads=${LEADS:-5000000}
partitions=16
routes="get list create update"
. bench/measure.sh

# The companies have 500 leads each, as in fill.sql. Counting them by the triggers would take long.
fill_many() {
    sed "s/generate_series(1, 100000)/generate_series(1, $leads)/; s/n % 200 + 1/n % ($leads \/ 500) + 1/" \
        bench/fill.sql >"$folder/fill.sql"
    {
        echo 'SET session_replication_role = replica;'
        sed '/^VACUUM/d' "$folder/fill.sql"
        cat db/migrations/003_count_leads.sql
        echo 'VACUUM ANALYZE;'
    } >"$folder/fill_many.sql"
    postgres_run "$1" "$folder/fill_many.sql"
}

# start SERVICE FOLDER: sunlead on the server in a folder.
start() {
    database[$1]=$pg_pid
    start_sunlead "$1" "$(postgres_url "$2")"
}

start_direct() {
    postgres_start "$pg_folder/direct"
    migrate "$(postgres_url "$pg_folder/direct")" || fail 'no database'
    postgres_run "$pg_folder/direct" bench/fill.sql
    start direct "$pg_folder/direct"
}

# The pooler counts as a part of the database.
start_pooled() {
    local dir=$pg_folder/pooled tries
    postgres_start "$dir"
    migrate "$(postgres_url "$dir")" || fail 'no database'
    postgres_run "$dir" bench/fill.sql
    printf '"bench" ""\n' >"$dir/users.txt"
    printf '%s\n' '[databases]' "* = host=$dir" '[pgbouncer]' 'pool_mode = transaction' 'auth_type = trust' \
        "auth_file = $dir/users.txt" 'listen_addr =' "unix_socket_dir = $dir" 'listen_port = 6432' \
        'max_client_conn = 100' >"$dir/pgbouncer.ini"
    chmod 644 "$dir"/users.txt "$dir"/pgbouncer.ini
    (cd "$dir" && exec "${pg_user[@]}" pgbouncer -q pgbouncer.ini >>"$dir/pooler.log" 2>&1) &
    database[pooled]="$pg_pid $!"
    for ((tries = 0; tries < 200; tries++)); do
        [ ! -S "$dir/.s.PGSQL.6432" ] || break
        sleep 0.05
    done
    export DATABASE_POOLER=1
    start_sunlead pooled "postgres://bench@/postgres?host=$dir&port=6432"
    unset DATABASE_POOLER
}

start_many() {
    postgres_start "$pg_folder/many"
    migrate "$(postgres_url "$pg_folder/many")" || fail 'no database'
    fill_many "$pg_folder/many"
    start many "$pg_folder/many"
}

start_parts() {
    local i
    postgres_start "$pg_folder/parts"
    {
        sed 's/BIGSERIAL PRIMARY KEY/BIGSERIAL/; s/^);/, PRIMARY KEY (id, company_id)) PARTITION BY HASH (company_id);/' \
            db/migrations/000_create_leads.sql
        for ((i = 0; i < partitions; i++)); do
            echo "CREATE TABLE leads_$i PARTITION OF leads FOR VALUES WITH (MODULUS $partitions, REMAINDER $i);"
        done
    } >"$folder/parts.sql"
    postgres_run "$pg_folder/parts" "$folder/parts.sql"
    migrate "$(postgres_url "$pg_folder/parts")" || fail 'no database'
    fill_many "$pg_folder/parts"
    start parts "$pg_folder/parts"
}

services=${SERVICES:-direct pooled many parts}
bench_begin
for service in $services; do
    "start_$service"
    LEADS=100000
    case $service in many | parts) LEADS=$leads ;; esac
    export LEADS
    for ((run = 0; run <= runs; run++)); do
        for route in $routes; do
            if [ "$run" -eq 0 ]; then # connections and caches get warm
                measure "$service" "$route" 1 >/dev/null
            else
                measure "$service" "$route" "$seconds" >>"$folder/$service.$route.runs"
            fi
        done
    done
done
print_rows $services
