# What the benchmarks share: services, and what a load of wrk costs them. Sourced; the folder of what they
# leave is $folder, that of PostgreSQL's data $pg_folder.

program=${SUNLEAD_BIN:-$PWD/build/sunlead}
connections=64
threads=2
clock_ticks=$(getconf CLK_TCK)
declare -A server=() database=() port=() # of each service: process, processes, number

fail() {
    echo "bench: $*" >&2
    exit 1
}

. bench/cpu_time.sh
. bench/postgres.sh

stop_all() {
    local pid
    for pid in ${server[@]} ${database[@]}; do
        kill -INT "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$pg_folder"
}

# wait_for_port SERVICE PATTERN: until its log tells the port, by a pattern of sed.
wait_for_port() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        port[$1]=$(sed -n "s/$2/\1/p" "$folder/$1.log" 2>/dev/null || true)
        [ -z "${port[$1]}" ] || return 0
        sleep 0.05
    done
    fail "$1 does not start: $(tail -n 1 "$folder/$1.log")"
}

# start_sunlead SERVICE URL
start_sunlead() {
    (cd "$folder" && exec env -i "PATH=$PATH" ${DATABASE_POOLER:+DATABASE_POOLER=1} PORT=0 LOG_FORMAT=json "DATA_DIR=$folder/$1.data" \
        "DATABASE_URL=$2" "$program" serve 2>"$folder/$1.log") &
    server[$1]=$!
    wait_for_port "$1" '.*"event":"serve.listening".*"port":\([0-9]*\).*'
}

migrate() { (cd "$folder" && DATABASE_URL=$1 LOG_LEVEL=warn "$program" migrate up >/dev/null); }

# measure SERVICE ROUTE SECONDS: requests a second, p50 and p99 in microseconds, CPU microseconds a
# request of the server, of the database, and of both.
measure() {
    local before_server before_database figures requests duration p50 p99 errors
    local out="$folder/$1.$2.txt"
    before_server=$(cpu_ticks ${server[$1]})
    before_database=$(cpu_ticks ${database[$1]})
    figures=$(wrk --latency --timeout 10s -t "$threads" -c "$connections" -d "${3}s" -s "bench/$2.lua" \
        "http://127.0.0.1:${port[$1]}" | tee "$out" | sed -n 's/^FIGURES //p')
    [ -n "$figures" ] || fail "wrk gave no figures for $2 of $1: $(cat "$out")"
    read -r requests duration p50 p99 errors <<<"$figures"
    [ "$errors" -eq 0 ] || fail "$errors of $requests requests failed in $2 of $1 ($out)"
    awk -v n="$requests" -v us="$duration" -v p50="$p50" -v p99="$p99" -v hz="$clock_ticks" \
        -v server=$(($(cpu_ticks ${server[$1]}) - before_server)) \
        -v database=$(($(cpu_ticks ${database[$1]}) - before_database)) \
        'BEGIN { tick = 1e6 / hz / n
                 printf "%.0f %.0f %.0f %.1f %.1f %.1f\n", n * 1e6 / us, p50, p99, server * tick,
                        database * tick, (server + database) * tick }'
}

# median FILE COLUMN
median() { cut -d' ' -f"$2" "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# row SERVICE ROUTE
row() {
    local column values=()
    for column in 1 2 3 4 5 6; do values+=("$(median "$folder/$1.$2.runs" "$column")"); done
    awk -v service="$1" -v route="$2" -v values="${values[*]}" 'BEGIN {
        split(values, v, " ")
        printf "| %-8s | %-6s | %10d | %7.2f | %7.2f | %6.1f | %8.1f | %8.1f |\n", service, route,
               v[1], v[2] / 1000, v[3] / 1000, v[4], v[5], v[6] }'
}

# bench_begin: fresh folders, and all is stopped at the end.
bench_begin() {
    [ -x "$program" ] || fail 'build/sunlead is not there: run make build'
    rm -rf "$folder"
    mkdir -p "$folder"
    pg_folder=$(mktemp -d /var/tmp/sunlead-bench.XXXXXX)
    chmod 755 "$pg_folder"
    trap stop_all EXIT
    trap 'exit 130' INT TERM
}

# print_rows SERVICE...: what was measured of them.
print_rows() {
    local service route
    echo
    echo "| service  | route  | requests/s | p50 ms  | p99 ms  | server | database | together |"
    echo "|----------|--------|-----------:|--------:|--------:|-------:|---------:|---------:|"
    for service; do
        for route in $routes; do row "$service" "$route"; done
    done
    echo
}
