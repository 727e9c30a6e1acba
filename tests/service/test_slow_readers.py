"""Many clients that ask for a large file and hardly read it: others are served as if they were not there."""
import concurrent.futures
import hashlib
import os
import socket
import statistics
import time
from typing import Any

import pytest

from harness import Client, Reply, Server, Stage, ok, wait_until
from samples import project

READERS = 1000
FILE_BYTES = 20_000_000
REQUESTS = 400
MANY_PATIENCE_S = 120


@pytest.fixture(scope="module", params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """Files are read by the process itself, whatever the database is."""
    return request.param


def obj_text() -> bytes:
    """A mesh of 20 MB, each part of which differs from all others."""
    lines = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n" + b"".join(b"# %18d\n" % i for i in range(FILE_BYTES // 21 + 1))
    return lines[:FILE_BYTES - 1] + b"\n"


@pytest.fixture
def served(stage: Stage) -> tuple[Server, dict[str, Any]]:
    fake = stage.fake()
    fake.on("GET", "/storage/leads/123/mesh/scene.obj", Reply(obj_text()))
    server = stage.serve(fake.url())
    ok(server.api.post("/api/projects/3d", project()), 201)
    wait_until(lambda: ok(server.api.get("/api/projects/3d/123"))["status"] == "completed", "completed")

    def stored() -> dict[str, Any] | None:
        answer = server.api.get("/api/projects/3d/123/files")
        files = ok(answer)["files"] if answer.status == 200 else []
        return next((file for file in files if file["kind"] == "obj" and file["state"] == "stored"), None)
    return server, wait_until(stored, "the mesh is stored")


def ask(port: int, path: str) -> socket.socket:
    """A connection whose answer has begun, and that has little room for more."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(MANY_PATIENCE_S)
    reader.connect(("127.0.0.1", port))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    assert reader.recv(12) == b"HTTP/1.1 200"
    return reader


def times_ms(api: Client) -> list[float]:
    """How long each of some requests took, on a connection of its own."""
    times = []
    for _ in range(REQUESTS):
        start = time.monotonic()
        ok(api.get("/api/leads?limit=10"))
        times.append((time.monotonic() - start) * 1000)
    return times


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def drip(readers: list[socket.socket]) -> None:
    for reader in readers:
        assert len(reader.recv(16)) > 0


def read_on(reader: socket.socket) -> bytes:
    """The body of the answer, of whose head only a part was read."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0 or len(data) < end + 4 + FILE_BYTES:
        piece = reader.recv(1 << 20)
        assert piece, "the answer was cut off"
        data += piece
    return data[end + 4:]


def descriptors(server: Server) -> int:
    assert server.process is not None
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def test_slow_readers_do_not_block_others(served: tuple[Server, dict[str, Any]]) -> None:
    server, file = served
    without = times_ms(server.api)
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        readers = list(threads.map(lambda _: ask(server.port, file["url"]), range(READERS)))
    try:
        drip(readers)
        with_readers = times_ms(server.api)
        # Others get the whole file meanwhile, and those that read slowly are still there.
        whole = server.api.get(file["url"])
        assert hashlib.sha256(whole.body).hexdigest() == file["sha256"]
        drip(readers)
        assert descriptors(server) >= 2 * READERS  # a connection and a file
        # One that makes haste after all gets all of its file.
        assert hashlib.sha256(read_on(readers[0])).hexdigest() == file["sha256"]
    finally:
        for reader in readers:
            reader.close()
    print(f"p99 of {REQUESTS} requests: {p99(without):.1f} ms without, {p99(with_readers):.1f} ms with {READERS}")
    # Generous: a loop that waited for a reader would make it seconds.
    assert p99(with_readers) < 20 * p99(without) + 200
    # Whoever is gone costs nothing any more.
    wait_until(lambda: descriptors(server) < READERS // 2, "the readers and their files are gone")
