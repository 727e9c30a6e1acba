"""Starts `sunlead serve` on a fresh database, several times, and prints the median of the
milliseconds until the first answer and of the KB of memory it keeps when idle.
start_time.py PROGRAM FOLDER"""
import http.client
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

RUNS = 5
IDLE_S = 1.0


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def first_answer(port: int, deadline: float) -> None:
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/leads")
            if connection.getresponse().status != 200:
                raise SystemExit("bench: the first answer is not a 200")
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise SystemExit("bench: sunlead does not start") from None
            time.sleep(0.0005)


def resident_kb(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s*(\d+)", status.read())[1])


def measure(program: str, folder: str) -> tuple[float, int]:
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    port = free_port()
    environment = {"PORT": str(port), "LOG_LEVEL": "error", "DATABASE_URL": f"sqlite:{folder}/db",
                   "DATA_DIR": f"{folder}/data"}
    start = time.monotonic()
    process = subprocess.Popen([program, "serve"], cwd=folder, env=environment)
    try:
        first_answer(port, start + 10)
        answered_ms = (time.monotonic() - start) * 1000
        time.sleep(IDLE_S)
        return answered_ms, resident_kb(process.pid)
    finally:
        process.terminate()
        process.wait(15)


def main() -> None:
    program, folder = sys.argv[1:]
    runs = [measure(program, folder) for _ in range(RUNS)]
    print(f"{statistics.median(ms for ms, _ in runs):.0f} "
          f"{statistics.median(kb for _, kb in runs):.0f}")


main()
