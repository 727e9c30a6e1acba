#!/bin/sh
# Checks that src/ and tests/ are formatted as .clang-format says; with --fix, formats them.
set -eu
cd "$(dirname "$0")/.."
run() { find src tests -name '*.[ch]' -print0 | xargs -0 -r clang-format "$@"; }

if [ "${1-}" = --fix ]; then
    run -i
elif ! found=$(run --dry-run -Werror 2>&1); then
    printf '%s\n' "$found" | grep -v '^ ' | cut -d: -f1,2 | grep '[.][ch]:' | sort -u | head -n 40
    echo "not formatted: run make fmt"
    exit 1
fi
