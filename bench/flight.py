"""Keeps many models in flight in one sunlead and measures what that costs: flight.py sqlite|postgres MODELS SECONDS.
Orders come by batches; the simulator works 30 to 120 s on each. Files are not fetched."""
import json
import os
import re
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "service"))

from harness import Client, Program, Server, Simulator, free_port, ok  # noqa: E402
from postgres import Postgres  # noqa: E402

GENERATION_MS = (30_000, 120_000)
BATCH_MAX = 500
NOTICED_S = 6.0
SETTINGS = {"LIGHTFUSION_CONCURRENCY": "64", "JOB_CONCURRENCY": "2000"}
COMPLETED = "SELECT project_id, polls, completed_at FROM sunlead_orders WHERE state = 'completed'"


def item(number: int) -> dict[str, object]:
    return {"latitude": 30 + number % 1000 / 100, "longitude": -100 + number // 1000 / 100,
            "company_id": 1 + number % 20, "creator_id": 1,
            "address": f"{number} Main St, Austin, TX 78701"}


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> tuple[float, float]:
    """What it has now, and what it had at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return tuple(int(re.search(rf"{name}:\s*(\d+)", status)[1]) / 1024 for name in ("VmRSS", "VmHWM"))


class Projects:
    """What the simulator made, and when each is done, as its file tells."""

    def __init__(self, path: Path):
        self.path = path
        self.read_to = 0
        self.done_us: dict[int, int] = {}

    def read(self) -> None:
        with open(self.path, "rb") as lines:
            lines.seek(self.read_to)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self.read_to += len(line)
                project = json.loads(line)
                done = project["done"].rstrip("Z") + "+00:00"
                self.done_us[project["project_id"]] = us_of(done)

    def at_work(self) -> int:
        now_us = time.time_ns() // 1000
        return sum(done_us > now_us for done_us in self.done_us.values())


def us_of(text: str) -> int:
    from datetime import datetime
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


class Load:
    """Orders by batches, so that there are always as many models in flight."""

    def __init__(self, api: Client, projects: Projects, models: int):
        self.api, self.projects, self.models = api, projects, models
        self.ordered = 0

    def order(self, count: int) -> None:
        orders = [item(self.ordered + i) for i in range(count)]
        batch = ok(self.api.post("/api/projects/3d/batch", {"orders": orders}), 202)
        assert batch["accepted"] == count, batch
        self.ordered += count

    def keep_up(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.projects.read()
            waiting = self.ordered - len(self.projects.done_us)
            missing = self.models - waiting - self.projects.at_work()
            if missing > 0:
                self.order(min(missing, BATCH_MAX))
            time.sleep(0.5)


def completed_of(database: Path | str, server: Postgres | None) -> list[tuple[int, int, int]]:
    if server is None:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return connection.execute(COMPLETED).fetchall()
    text = server.query(str(database), COMPLETED.replace(
        "completed_at FROM", "CAST(extract(epoch FROM completed_at) * 1000000 AS BIGINT) FROM"))
    return [tuple(int(value) for value in line.split("|")) for line in text.splitlines()]


def report(name: str, completed: list[tuple[int, int, int]], projects: Projects) -> None:
    if not completed:
        print(f"  {name}: none")
        return
    late = [max(0, noticed_us - projects.done_us[project]) / 1e6 for project, _, noticed_us in completed]
    polls = sum(polls for _, polls, _ in completed) / len(completed)
    in_time = sum(lag <= NOTICED_S for lag in late) / len(late)
    print(f"  {name}: {len(completed)} models, {polls:.2f} polls each, {in_time:.1%} noticed within "
          f"{NOTICED_S:g} s (p50 {sorted(late)[len(late) // 2]:.1f} s)", flush=True)


def measure(server: Program, others: dict[str, int], load: Load, seconds: float) -> None:
    pid = server.process.pid
    load.keep_up(GENERATION_MS[1] / 1000 + 20)  # by then ends and new orders are balanced
    before, others_before, begin = cpu_s(pid), {n: cpu_s(p) for n, p in others.items()}, time.monotonic()
    load.keep_up(seconds)
    took = time.monotonic() - begin
    rss, most = memory_mb(pid)
    print(f"  {load.projects.at_work()} at work, {load.ordered} ordered; in {took:.0f} s {(cpu_s(pid) - before) / took:.2f} "
          f"cores; RSS {rss:.0f} MB, {most:.0f} MB at most")
    for name, other in others.items():
        print(f"  ({name}: {(cpu_s(other) - others_before[name]) / took:.2f} cores)")


def run(engine: str, folder: Path, models: int, seconds: float, postgres: Postgres | None) -> None:
    name = postgres.create() if postgres else folder / "sunlead.db"
    url = postgres.url(name) if postgres else f"sqlite:{name}"
    keep = folder / "projects.jsonl"
    simulator = Simulator("simulate", ["simulate", "--port", "0", "--keep", str(keep), "--generation-ms",
                                       ":".join(map(str, GENERATION_MS))], {}, folder)
    simulator.start()
    settings = {"PORT": "0", "DATABASE_URL": url, "DATA_DIR": str(folder / "data"),
                "LIGHTFUSION_API": simulator.url()} | SETTINGS
    settings |= {name: os.environ[name] for name in SETTINGS if name in os.environ}
    server = Server("serve", ["serve"], settings, folder)
    projects = Projects(keep)
    try:
        server.start()
        ok(server.api.post("/api/job-kinds/files/pause"))
        print(f"{engine}: sunlead {server.process.pid}, simulator {simulator.process.pid}", flush=True)
        begin_us = time.time_ns() // 1000
        load = Load(server.api, projects, models)
        while load.ordered < models:
            load.order(min(BATCH_MAX, models - load.ordered))
        measure(server, {"simulator": simulator.process.pid}, load, seconds)
        end_us = time.time_ns() // 1000
        projects.read()
        completed = [row for row in completed_of(name, postgres) if row[0] in projects.done_us]
        early_us = begin_us + GENERATION_MS[1] * 1000
        report("the first, without any history", [row for row in completed if row[2] < early_us], projects)
        report("those of the measured time", [row for row in completed if row[2] >= end_us - seconds * 1e6],
               projects)
    finally:
        for program in (server, simulator):
            if program.process is not None:
                program.kill()


def main() -> None:
    engine, models, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    postgres = None
    with tempfile.TemporaryDirectory(prefix="sunlead-flight-") as folder:
        try:
            if engine == "postgres":
                postgres = Postgres(free_port(), fsync="on", shared_buffers="128MB")
                postgres.start()
            run(engine, Path(folder), models, seconds, postgres)
        finally:
            if postgres is not None:
                postgres.close()


if __name__ == "__main__":
    main()
