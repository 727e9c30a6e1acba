# CPU time of processes with all their children, also of those that ended. Sourced by run.sh.

# tree PID: the process and all below it, one a line.
tree() {
    local child
    echo "$1"
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
}

# cpu_ticks PID...: user and system time of their trees so far; 0 for no PID. What ended is counted by its
# parent, which waited for it. A program's name may have spaces: the figures follow its parenthesis.
cpu_ticks() {
    local pid
    [ $# -gt 0 ] || { echo 0 && return; }
    for pid in $(for pid; do tree "$pid"; done); do cat "/proc/$pid/stat" 2>/dev/null || true; done |
        sed 's/.*) //' | awk '{ sum += $12 + $13 + $14 + $15 } END { print sum + 0 }'
}
