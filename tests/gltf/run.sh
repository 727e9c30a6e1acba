#!/bin/sh
# Has every kind of GLB looked at by the Khronos validator and by three.js: run.sh SUNLEAD HOUSE_FILES FOLDER
# The packages of npm are installed once into build/gltf. 77: they cannot be, for want of a network.
set -eu
here=$(dirname "$0")
packages=$here/../../build/gltf
mkdir -p "$packages"
(
    flock 9
    cp "$here"/package.json "$here"/package-lock.json "$here"/*.mjs "$packages"
    cmp -s "$packages/package-lock.json" "$packages/node_modules/.installed" || {
        npm --prefix "$packages" ci --loglevel=error --no-audit --no-fund >"$packages/npm.log" 2>&1 || {
            cat "$packages/npm.log" >&2
            npm ping --fetch-retries=0 >"$packages/ping.log" 2>&1 || exit 77 # the registry cannot be reached: skipped
            exit 1
        }
        cp "$packages/package-lock.json" "$packages/node_modules/.installed"
    }
) 9>"$packages/lock"
rm -rf "$3"
mkdir -p "$3"
exec node "$packages/check.mjs" "$1" "$2" "$3"
