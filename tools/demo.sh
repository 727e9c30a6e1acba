#!/usr/bin/env bash
# A lead gets its 3D model: starts the LightFusion simulator and sunlead in a temporary folder, runs
# the four curl steps of the specification, and stays up until Ctrl-C. ONCE=1: ends by itself.
set -euo pipefail

program=${SUNLEAD_BIN:-"$(cd "$(dirname "$0")/.." && pwd)/build/sunlead"}
folder=$(mktemp -d "${TMPDIR:-/tmp}/sunlead-demo.XXXXXX")
python=$(PATH=/usr/bin:$PATH command -v python3)
export no_proxy=localhost,127.0.0.1
pids=()

# ---- What the reader sees

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

title() { printf '\n%s%s%s\n\n' "$bold" "$1" "$plain"; }
note() { printf '    %s\n' "$*"; }
command_line() { printf '%s\n' "$1" | sed 's/^/    /'; }

# bar STATUS PERCENT: one line that is written over on a terminal, a line for each fifth elsewhere.
bar_shown=
bar() {
    local full=$(($2 * 40 / 100)) line
    line=$(printf '    %-10s %3d %%  [%-40s]' "$1" "$2" "$(printf '%*s' "$full" '' | tr ' ' '#')")
    if [ -t 1 ]; then
        printf '\r%s' "$line"
    elif [ "$bar_shown" != "$1 $(($2 / 20))" ]; then
        printf '%s\n' "$line"
    fi
    bar_shown="$1 $(($2 / 20))"
}
bar_end() { [ ! -t 1 ] || printf '\n'; }

# ---- Processes

# They are in a session of their own, so that Ctrl-C reaches this script alone, and get SIGTERM when
# this script is gone, whatever ended it.
start() { # start LOG SETTING=VALUE... -- ARGUMENT...
    local log=$1 settings=()
    shift
    while [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done
    shift
    (cd "$folder" && exec env -i "PATH=$PATH" LOG_FORMAT=json "${settings[@]}" \
        setsid setpriv --pdeathsig TERM "$program" "$@" 2>"$log") &
    pids+=($!)
}

stop_all() {
    trap '' INT TERM HUP
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$folder"
}

fail() {
    printf '\ndemo: %s\n' "$*" >&2
    for log in "$folder"/*.log; do
        [ ! -s "$log" ] || { printf '\n%s ends with:\n' "${log##*/}" && tail -n 5 "$log"; } >&2
    done
    exit 1
}

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# port_for WHAT PORT: the port, or 0 (any free one) if it is taken.
port_for() {
    if is_taken "$2"; then
        note "Port $2 is taken: $1 takes another." >&2
        echo 0
    else
        echo "$2"
    fi
}

# listening LOG EVENT: waits for the event in the log and prints its port.
listening() {
    local tries port
    for ((tries = 0; tries < 200; tries++)); do
        port=$(sed -n "s/.*\"event\":\"$2\".*\"port\":\([0-9]*\).*/\1/p" "$1" 2>/dev/null || true)
        [ -z "$port" ] || { echo "$port" && return; }
        kill -0 "$3" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

# ---- Requests

# pick NAME...: the members of the JSON object in $answer, one a line (null is empty).
pick() {
    "$python" -c '
import json, sys
answer = json.loads(sys.argv[1])
for name in sys.argv[2:]:
    value = answer.get(name)
    print("" if value is None else value)' "$answer" "$@"
}

# call METHOD PATH [BODY]: sets $answer; fails unless it is a 2xx.
call() {
    local body=()
    [ $# -lt 3 ] || body=(-H 'Content-Type: application/json' -d "$3")
    answer=$(curl -sS --max-time 60 -X "$1" "${body[@]}" -w '\n%{http_code}' "$url$2") ||
        fail "$1 $2 got no answer"
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    [[ $status == 2* ]] || fail "$1 $2 answered $status: $answer"
}

lead='{
  "company_id": 1, "creator_id": 1,
  "latitude": 37.7749, "longitude": -122.4194,
  "address": "123 Solar St, San Francisco, CA 94102",
  "kwh_usage": 12000
}'

project() { # project LEAD_ID
    cat <<END
{
  "lead_id": $1, "latitude": 37.7749, "longitude": -122.4194,
  "address": {"street": "123 Solar Street", "city": "San Francisco", "state": "CA",
              "Postalcode": "94102", "country": "USA"},
  "homeowner": {"email": "homeowner@example.com", "first_name": "John", "last_name": "Doe",
                "phone": "+1234567890"},
  "hardware": {"panel_id": 1, "inverter_id": 1, "storage_id": 1, "storage_quantity": 2},
  "consumption": [800, 850, 900, 950, 1000, 1050, 1100, 1150, 1200, 1250, 1300, 1350],
  "lse_id": 1, "period": "month", "target_solar_offset": 100, "mode": "max", "unit": "kwh"
}
END
}

show_post() { # show_post PATH BODY
    command_line "curl -X POST $url$1 \\
  -H \"Content-Type: application/json\" -d '$2'"
}

start_both() {
    local port
    port=$(port_for 'the simulator' 8085)
    start "$folder/simulator.log" -- simulate --port "$port" --generation-ms 15000:25000
    sim_port=$(listening "$folder/simulator.log" simulate.listening "${pids[0]}") ||
        fail 'the simulator did not start'
    port=$(port_for sunlead 8080)
    start "$folder/sunlead.log" "PORT=$port" "DATA_DIR=$folder/data" \
        "DATABASE_URL=sqlite:$folder/sunlead.db" "LIGHTFUSION_API=http://127.0.0.1:$sim_port" \
        "LIGHTFUSION_STORAGE=http://127.0.0.1:$sim_port/storage" \
        LIGHTFUSION_EMAIL=demo@example.com LIGHTFUSION_PASSWORD=demo -- serve
    url=http://localhost:$(listening "$folder/sunlead.log" serve.listening "${pids[1]}") ||
        fail 'sunlead did not start'
}

wait_for_model() {
    local progress state
    for ((second = 0; second < 180; second++)); do
        call GET "/api/projects/3d/$project_id?house_id=$house_id"
        { read -r state && read -r progress; } < <(pick status progress)
        [ "$state" != failed ] || fail "LightFusion failed: $answer"
        bar "$state" "${progress:-0}"
        [ "$state" != completed ] || break
        sleep 1
    done
    bar_end
    [ "$state" = completed ] || fail 'the model took more than three minutes'
}

wait_for_files() {
    local tries
    for ((tries = 0; tries < 120; tries++)); do
        call GET "/api/projects/3d/$project_id/files"
        [ "$(pick downloaded)" != True ] || return 0
        sleep 0.5
    done
    fail "not all files could be fetched: $answer"
}

wait_for_3d() {
    local tries
    for ((tries = 0; tries < 120; tries++)); do
        call GET "/api/leads/$lead_id/model"
        case $(pick state) in
        ready) return 0 ;;
        failed) fail "the model was not converted: $answer" ;;
        esac
        sleep 0.5
    done
    fail "the model was not converted: $answer"
}

# show_files FETCHED|MADE: the four from LightFusion, or what was made of them.
show_files() {
    "$python" -c '
import json, sys
files = json.loads(sys.argv[1])["files"]
for file in files[:4] if sys.argv[2] == "FETCHED" else files[4:]:
    print("    {name:14}{size:>10,} bytes".format(**file))
' "$answer" "$1"
}

steps() {
    title '1. Create a lead'
    show_post /api/leads "$lead"
    call POST /api/leads "$lead"
    { read -r lead_id && read -r model_status; } < <(pick id model_3d_status)
    note "-> $status, lead $lead_id, model_3d_status ${model_status:-null}"

    title '2. Create a 3D project for the lead'
    show_post /api/projects/3d "$(project "$lead_id")"
    call POST /api/projects/3d "$(project "$lead_id")"
    { read -r project_id && read -r house_id && read -r message; } < <(pick id house_id message)
    note "-> $status, project $project_id, house $house_id: $message"

    title '3. Check status'
    command_line "curl \"$url/api/projects/3d/$project_id?house_id=$house_id\""
    wait_for_model
    wait_for_files
    note 'All files are fetched, checked and stored:'
    show_files FETCHED
    wait_for_3d
    note 'Of them were made, for browsers, phones and proposals:'
    call GET "/api/projects/3d/$project_id/files"
    show_files MADE

    title '4. Sync lead status'
    command_line "curl -X POST $url/api/leads/$lead_id/sync-3d-status"
    call POST "/api/leads/$lead_id/sync-3d-status"
    call GET "/api/leads/$lead_id"
    { read -r model_status && read -r size && read -r panels && read -r production; } < \
        <(pick model_3d_status system_size panel_count annual_production)
    note "-> $status, lead $lead_id: model_3d_status $model_status, $size kW, $panels panels," \
        "$production kWh a year"
}

next() {
    title 'Open'
    note "$url/media/$project_id/poster.jpg"
    note "$url/health"
    note "http://localhost:$sim_port/ledger          (what LightFusion would charge for)"
    title 'Try'
    command_line "curl \"$url/api/leads?has_3d_model=true&limit=10\"
curl -L -o house.glb $url/api/leads/$lead_id/model/file
curl -X POST $url/api/leads -H \"Content-Type: application/json\" -d '{
  \"company_id\": 1, \"creator_id\": 1, \"latitude\": 40.0150, \"longitude\": -105.2705,
  \"create_3d_model\": true
}'
curl $url/api/leads/$((lead_id + 1))"
}

trap stop_all EXIT
trap 'printf "\n"; exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

title 'sunlead: a lead gets its 3D model'
[ -x "$program" ] || fail 'build/sunlead is not there: run make build'
start_both
note "$(printf '%-24s %s' 'LightFusion, simulated' "http://localhost:$sim_port")"
note "$(printf '%-24s %s' sunlead "$url")"
steps
if [ -n "${ONCE:-}" ]; then
    printf '\n'
    exit 0
fi
next
title 'Up until Ctrl-C.'
trap 'printf "\n"; exit 0' INT
wait -n "${pids[@]}" || true
fail 'a process ended by itself'
