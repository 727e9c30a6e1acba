# PostgreSQL servers for the benchmark, with the settings that Debian ships. Sourced by run.sh.

pg_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

# It refuses to run as root.
pg_user=()
[ "$(id -u)" -ne 0 ] || pg_user=(setpriv --reuid postgres --regid postgres --clear-groups)

# postgres_start FOLDER: a new server, reached by a socket in the folder; its process goes to $pg_pid.
postgres_start() {
    local tries
    mkdir "$1"
    [ "$(id -u)" -ne 0 ] || chown postgres "$1"
    (cd "$1" && "${pg_user[@]}" "$pg_bin/initdb" -D "$1/data" -U bench -A trust -E UTF8 \
        --locale=C.UTF-8 >"$1/log" 2>&1) || fail "initdb: $(tail -n 1 "$1/log")"
    (cd "$1" && exec "${pg_user[@]}" "$pg_bin/postgres" -D "$1/data" -k "$1" -c listen_addresses= \
        >>"$1/log" 2>&1) &
    pg_pid=$!
    for ((tries = 0; tries < 200; tries++)); do
        "$pg_bin/pg_isready" -q -h "$1" -U bench && return 0
        sleep 0.05
    done
    fail "PostgreSQL does not start: $(tail -n 1 "$1/log")"
}

# postgres_url FOLDER
postgres_url() { echo "postgres://bench@/postgres?host=$1"; }

# postgres_run FOLDER FILE...: each a script of SQL.
postgres_run() {
    local folder=$1 file
    shift
    for file in "$@"; do
        psql -X -q -v ON_ERROR_STOP=1 -h "$folder" -U bench -d postgres <"$file" >/dev/null
    done
}
