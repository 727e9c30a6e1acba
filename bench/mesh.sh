#!/bin/sh
# Measures the conversion of meshes beside tools of npm: bench/mesh.sh. Needs node and npm; RUNS=3 is the
# default.
set -eu
cd "$(dirname "$0")/.."
cmake --preset release -DSUNLEAD_TESTS=ON >/dev/null
cmake --build --preset release --target sunlead mesh_model >/dev/null
peers=build/peers/gltf
mkdir -p "$peers" build/bench/mesh
cmp -s bench/peers/gltf/package.json "$peers/package.json" && [ -d "$peers/node_modules" ] || {
    cp bench/peers/gltf/package.json "$peers"
    (cd "$peers" && npm install --silent --no-audit --no-fund >/dev/null)
}
build/release/mesh_model build/bench/mesh/source >/dev/null
exec /usr/bin/python3 bench/mesh.py "${RUNS:-3}"
