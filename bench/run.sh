#!/usr/bin/env bash
# Measures speed and memory of `sunlead serve` on 100,000 leads. bench/README.md tells how to read it.
# SECONDS_A_RUN and RUNS change how long and how often.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${SUNLEAD_BIN:-$PWD/build/sunlead}
folder=$PWD/build/bench
python=$(PATH=/usr/bin:$PATH command -v python3)
seconds=${SECONDS_A_RUN:-8}
runs=${RUNS:-3}
connections=64
threads=2
clock_ticks=$(getconf CLK_TCK)
server=

fail() {
    echo "bench: $*" >&2
    exit 1
}

stop_server() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait
    server=
}

# start_server: on a free port, which goes to $port.
start_server() {
    local tries
    (cd "$folder" && exec env -i "PATH=$PATH" PORT=0 LOG_FORMAT=json "DATA_DIR=$folder/data" \
        "DATABASE_URL=sqlite:$folder/leads.db" "$program" serve 2>"$folder/sunlead.log") &
    server=$!
    for ((tries = 0; tries < 200; tries++)); do
        port=$(sed -n 's/.*"event":"serve.listening".*"port":\([0-9]*\).*/\1/p' \
            "$folder/sunlead.log")
        [ -z "$port" ] || return 0
        sleep 0.05
    done
    fail "sunlead does not start: $(tail -n 1 "$folder/sunlead.log")"
}

resident_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$server/status"; }

# cpu_ticks: user and system time that the server used so far. The name in /proc/PID/stat has no space.
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

fill() {
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && LOG_LEVEL=warn "$program" migrate up >/dev/null) || fail 'no database'
    sqlite3 "$folder/leads.db" <bench/fill.sql
}

# measure NAME SECONDS: requests a second, p50 and p99 in microseconds, CPU microseconds a request.
measure() {
    local before figures requests duration p50 p99 errors ticks
    before=$(cpu_ticks)
    figures=$(wrk --latency -t "$threads" -c "$connections" -d "${2}s" -s "bench/$1.lua" \
        "http://127.0.0.1:$port" | tee "$folder/$1.txt" | sed -n 's/^FIGURES //p')
    ticks=$(($(cpu_ticks) - before))
    [ -n "$figures" ] || fail "wrk gave no figures for $1: $(cat "$folder/$1.txt")"
    read -r requests duration p50 p99 errors <<<"$figures"
    [ "$errors" -eq 0 ] || fail "$errors of $requests requests failed in $1 ($folder/$1.txt)"
    awk -v n="$requests" -v us="$duration" -v p50="$p50" -v p99="$p99" -v ticks="$ticks" \
        -v hz="$clock_ticks" \
        'BEGIN { printf "%.0f %.0f %.0f %.1f\n", n * 1e6 / us, p50, p99, ticks * 1e6 / hz / n }'
}

# median FILE COLUMN
median() { cut -d' ' -f"$2" "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

row() {
    awk -v name="$1" -v rate="$(median "$folder/$1.runs" 1)" -v p50="$(median "$folder/$1.runs" 2)" \
        -v p99="$(median "$folder/$1.runs" 3)" -v cpu="$(median "$folder/$1.runs" 4)" \
        'BEGIN { printf "| %-6s | %8d | %8.2f | %8.2f | %14.1f |\n", name, rate, p50 / 1000, p99 / 1000, cpu }'
}

export DATABASE_URL="sqlite:$folder/leads.db"
trap stop_server EXIT
trap 'exit 130' INT TERM

[ -x "$program" ] || fail 'build/sunlead is not there: run make build'
fill
read -r sync_p50 sync_p99 < <("$python" bench/disk_sync.py "$folder")
read -r start_ms idle_kb < <("$python" bench/start_time.py "$program" "$folder/start")
start_server
for name in get list create update; do # connections, caches and the log of the database get warm
    measure "$name" 1 >/dev/null
done
for ((run = 1; run <= runs; run++)); do
    echo "run $run of $runs ..." >&2
    for name in get list create update; do
        measure "$name" "$seconds" >>"$folder/$name.runs"
    done
done

echo
echo "| route  | requests/s | p50 ms   | p99 ms   | CPU us/request |"
echo "|--------|-----------:|---------:|---------:|---------------:|"
for name in get list create update; do row "$name"; done
echo
echo "disk, 64 KB made durable:              $sync_p50 ms (p99 $sync_p99 ms)"
echo "start to first answer, fresh database: $start_ms ms"
echo "memory, idle, fresh database:          $((idle_kb / 1024)).$((idle_kb % 1024 * 10 / 1024)) MB"
kb=$(resident_kb)
echo "memory, after the runs:                $((kb / 1024)).$((kb % 1024 * 10 / 1024)) MB"
