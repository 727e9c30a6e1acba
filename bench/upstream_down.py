"""Measures how the leads are served while LightFusion is down in several ways and thousands of orders wait for it:
upstream_down.py [SECONDS]. Engines and ways can be chosen by ENGINES and WAYS."""
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "service"))

from harness import Client, Stage, free_port, ok  # noqa: E402
from postgres import Postgres  # noqa: E402

WAITING = 5000
LEADS = 100_000
ROUTES = ("get", "list", "model", "update")
CONNECTIONS = 8  # of each route
PAUSE_MS = 20    # of each connection, on average


class Acceptor:
    """A LightFusion that takes connections, and never answers or resets them."""

    def __init__(self, resets: bool):
        self.resets = resets
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if self.resets:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()
            else:
                self.held.append(connection)


WAYS: dict[str, Callable[[Stage], str]] = {
    "up": lambda stage: stage.simulate("30000:120000").url(),
    "refusing": lambda stage: f"http://127.0.0.1:{free_port()}",
    "hanging": lambda stage: Acceptor(resets=False).url(),
    "resetting": lambda stage: Acceptor(resets=True).url(),
}


def order_many(api: Client) -> None:
    for batch in range(0, WAITING, 1000):
        orders = [{"company_id": 1, "creator_id": 1, "latitude": 10 + number / 1000, "longitude": 20}
                  for number in range(batch, batch + 1000)]
        answer = ok(api.post("/api/projects/3d/batch", {"orders": orders}), 202)
        assert answer["accepted"] == len(orders), answer


def load(port: int, seconds: int) -> None:
    """All routes at the same time."""
    environment = os.environ | {"PAUSE_MS": str(PAUSE_MS), "LEADS": str(LEADS)}
    runs = {route: subprocess.Popen(
        ["wrk", "--latency", "--timeout", "10s", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s",
         "-s", f"bench/{route}.lua", f"http://127.0.0.1:{port}"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for route in ROUTES}
    for route, run in runs.items():
        told = run.communicate()[0]
        figures = next(line for line in told.splitlines() if line.startswith("FIGURES "))
        requests, duration, p50, p99, errors = map(int, figures.split()[1:])
        print(f"   {route:<7} {requests * 1e6 / duration:5.0f}/s  p50 {p50 / 1000:6.2f} ms  p99 {p99 / 1000:6.2f} ms  "
              f"{errors} errors", flush=True)


def measure(engine: str, way: str, url: str, fill: Callable[[Path], None], seconds: int) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        stage = Stage(Path(folder), engine, url.replace("FOLDER", folder))
        try:
            stage.serve().stop()  # the tables are there
            fill(Path(folder))
            server = stage.serve(WAYS[way](stage), environment={"LOG_LEVEL": "info"})
            order_many(server.api)
            print(f"{engine}, LightFusion {way}:", flush=True)
            load(server.port, seconds)
            orders = ok(server.api.get("/health"))["orders"]
            print(f"   orders: {orders}", flush=True)
            server.kill()
        finally:
            stage.close()


def fill_sqlite(folder: Path) -> None:
    database = sqlite3.connect(folder / "sunlead.db", timeout=60)
    database.executescript((ROOT / "bench" / "fill.sqlite.sql").read_text())
    database.close()


def fill_postgres(server: Postgres, name: str) -> None:
    for statement in (ROOT / "bench" / "fill.sql").read_text().split(";\n"):
        server.execute(name, statement)  # VACUUM is one by itself


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for way in os.environ.get("WAYS", " ".join(WAYS)).split():
        for engine in os.environ.get("ENGINES", "sqlite postgres").split():
            if engine == "sqlite":
                measure(engine, way, "sqlite:FOLDER/sunlead.db", fill_sqlite, seconds)
                continue
            server = Postgres(free_port(), fsync="on", shared_buffers="128MB")
            server.start()
            try:
                name = server.create()
                measure(engine, way, server.url(name), lambda _: fill_postgres(server, name), seconds)
            finally:
                server.close()


if __name__ == "__main__":
    main()
