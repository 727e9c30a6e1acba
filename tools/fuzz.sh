#!/bin/sh
# Runs every fuzz-<thing> of a build folder for FUZZ_SECONDS. New inputs stay in the build folder,
# what breaks something is left as crash-<thing>-*.
set -eu
build=$1
for program in "$build"/fuzz-*; do
    [ -x "$program" ] || { echo "fuzz: nothing to run in $build" >&2; exit 1; }
    thing=${program##*/fuzz-}
    found="$build/corpus/$thing"
    mkdir -p "$found"
    words="tests/fuzz/dict/$thing.dict"
    [ -f "$words" ] && dict="-dict=$words" || dict=""
    "$program" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 $dict \
        -artifact_prefix="$build/crash-$thing-" "$found" "tests/fuzz/corpus/$thing"
done
