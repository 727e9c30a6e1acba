"""Converts one mesh by sunlead and by the tools of npm, and measures: mesh.py RUNS"""
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "build" / "peers" / "gltf" / "node_modules" / ".bin"
FOLDER = ROOT / "build" / "bench" / "mesh"
SOURCE = FOLDER / "source"


def run(*command: object) -> tuple[float, float]:
    """CPU seconds and megabytes of memory at most of a command and all that it starts."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    complaints = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed: {complaints.decode()}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def node_route() -> tuple[float, float]:
    middle, out = FOLDER / "obj2gltf.glb", FOLDER / "gltf-transform.glb"
    first = run(PEERS / "obj2gltf", "-i", SOURCE / "scene.obj", "-o", middle)
    second = run(PEERS / "gltf-transform", "optimize", middle, out, "--compress", "meshopt",
                 "--texture-compress", "webp", "--texture-size", "2048", "--simplify", "false")
    return first[0] + second[0], max(first[1], second[1])


ROUTES = {
    "sunlead, all files": (lambda: run(ROOT / "build" / "sunlead", "mesh", "convert", SOURCE / "scene.obj",
                                       FOLDER / "sunlead"), None),
    "obj2gltf, gltf-transform": (node_route, "gltf-transform.glb"),
    "gltfpack -cc": (lambda: run(PEERS / "gltfpack", "-i", SOURCE / "scene.obj", "-o", FOLDER / "gltfpack.glb",
                                 "-cc"), "gltfpack.glb"),
}


def main() -> None:
    rounds = int(sys.argv[1])
    source = sum(file.stat().st_size for file in SOURCE.iterdir())
    found = {name: [] for name in ROUTES}
    for _ in range(rounds):
        for name, (route, _) in ROUTES.items():
            found[name].append(route())
    manifest = json.loads((FOLDER / "sunlead" / "manifest.json").read_text())
    print(f"source: {manifest['triangles']} triangles, {source / 1e6:.1f} MB in three files\n")
    print("| route | CPU s | memory MB | bytes |\n|---|---:|---:|---:|")
    for name, (_, file) in ROUTES.items():
        cpu = statistics.median(pair[0] for pair in found[name])
        memory = max(pair[1] for pair in found[name])
        size = f"{(FOLDER / file).stat().st_size}" if file else "see below"
        print(f"| {name} | {cpu:.2f} | {memory:.0f} | {size} |")
    print("\n| file | triangles | bytes | smaller than the source |\n|---|---:|---:|---:|")
    for file in manifest["files"]:
        print(f"| {file['name']} | {file['triangles']} | {file['bytes']} | {source / file['bytes']:.1f} times |")


if __name__ == "__main__":
    main()
