#!/bin/sh
# Installs the Debian packages of the given sections of deps.txt that are missing.
# Says and does nothing when all are there.
set -eu
list="$(dirname "$0")/deps.txt"

fail() {
    echo "deps: $*" >&2
    exit 1
}

[ $# -gt 0 ] || fail "usage: tools/deps.sh SECTION... ($(grep -o '^\[.*\]' "$list" | tr '\n' ' '))"

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this is not a Debian-like system. Install what stands in tools/deps.txt ($*) your" \
        "own way, then run make with DEPS=true to skip this step"
fi

wanted=$(awk -v sections=" $* " '
    { sub(/#.*/, "") }
    /^\[/ { name = substr($1, 2, length($1) - 2); on = index(sections, " " name " "); next }
    on && NF { print $1 }' "$list" | sort -u)
[ -n "$wanted" ] || fail "no packages for: $*"

# What another package provides counts too (Node's own packages bring npm with them).
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
    awk '$1 == "installed" { gsub(/\([^)]*\)|,/, ""); for (i = 2; i <= NF; i++) print $i }' | sort -u)
missing=$(printf '%s\n' "$wanted" | awk -v have="$installed" '
    BEGIN { n = split(have, names, "\n"); for (i = 1; i <= n; i++) there[names[i]] = 1 }
    !($1 in there)')
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "run as root (there is no sudo): apt-get install" $missing
    root="sudo"
fi
apt="$root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
echo "deps: installing" $missing
$apt update
$apt install -y --no-remove --no-install-recommends $missing
