"""Measures how fast a file of 20 MB is served over loopback, by sunlead and by nginx: files.py SUNLEAD [ROUNDS].
Both send by sendfile and have the same clients, which throw away what comes. Medians of interleaved rounds."""
import concurrent.futures
import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

FILE_BYTES = 20_000_000
CONCURRENCY = (1, 8, 64)
SECONDS = float(os.environ.get("SECONDS_A_RUN", "2"))
CLIENT_PROCESSES = 2
RECEIVE_BYTES = 4 << 20
TICKS = os.sysconf("SC_CLK_TCK")

NGINX_CONF = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ model/obj obj; }}
    server {{ listen 127.0.0.1:{port}; root {folder}/root; }}
}}
"""


def download(port: int, path: str, end: float) -> int:
    """Asks for the file over and over, until the end. Returns how many bytes came."""
    total = 0
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while time.monotonic() < end:
            connection.sendall(request)
            left = FILE_BYTES - read_head(connection)
            # MSG_TRUNC: the kernel drops the bytes, which costs the client little.
            while left > 0:
                got = connection.recv_into(BUFFER, min(left, RECEIVE_BYTES), socket.MSG_TRUNC | socket.MSG_WAITALL)
                assert got > 0, "the server closed the connection"
                left -= got
            total += FILE_BYTES
    return total


def read_head(connection: socket.socket) -> int:
    """Returns how much of the body came with it."""
    head = b""
    while (end := head.find(b"\r\n\r\n")) < 0:
        head += connection.recv(1024)
    assert head.startswith(b"HTTP/1.1 200 "), head[:end]
    assert f"Content-Length: {FILE_BYTES}\r\n".encode() in head, head[:end]
    return len(head) - end - 4


BUFFER = bytearray(RECEIVE_BYTES)


def load(port: int, path: str, connections: int, seconds: float, out: multiprocessing.Queue) -> None:
    end = time.monotonic() + seconds
    with concurrent.futures.ThreadPoolExecutor(connections) as threads:
        out.put(sum(threads.map(lambda _: download(port, path, end), range(connections))))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of those below it."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS + sum(cpu_seconds(int(child)) for child in below)


def measure(port: int, path: str, pid: int, connections: int) -> tuple[float, float]:
    """MB a second, and CPU seconds of the server for a GB."""
    processes = min(CLIENT_PROCESSES, connections)
    out: multiprocessing.Queue = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=load, args=(port, path, connections // processes, SECONDS, out))
               for _ in range(processes)]
    before, start = cpu_seconds(pid), time.monotonic()
    for client in clients:
        client.start()
    total = sum(out.get(timeout=60) for _ in clients)
    took = time.monotonic() - start
    used = cpu_seconds(pid) - before
    for client in clients:
        client.join()
    return total / took / 1e6, used / (total / 1e9)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


@contextlib.contextmanager
def running(command: list[str], **how: object) -> Iterator[subprocess.Popen]:
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, **how) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


def store_file(folder: Path, sunlead: str, content: bytes) -> str:
    """Puts the file into the store as if it had been fetched. Returns its address."""
    sha256 = hashlib.sha256(content).hexdigest()
    place = folder / "data/files" / sha256[:2] / sha256
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    subprocess.run([sunlead, "migrate", "up"], cwd=folder, env={}, check=True, capture_output=True)
    with contextlib.closing(sqlite3.connect(folder / "data/sunlead.db")) as db, db:
        db.execute("INSERT INTO sunlead_files (project_id, company_id, name, kind, state, size, sha256, content_type) "
                   "VALUES (1, 1, 'scene.obj', 'obj', 'stored', ?, ?, 'model/obj')", (len(content), sha256))
    return f"/media/{sha256}/scene.obj"


def table(figures: dict[tuple[str, int], list[tuple[float, float]]]) -> None:
    print("| connections | sunlead MB/s | nginx MB/s | ratio | sunlead CPU s/GB | nginx CPU s/GB |")
    print("|---:|---:|---:|---:|---:|---:|")
    for connections in CONCURRENCY:
        ours, theirs = ([statistics.median(column) for column in zip(*figures[name, connections])]
                        for name in ("sunlead", "nginx"))
        print(f"| {connections} | {ours[0]:.0f} | {theirs[0]:.0f} | {ours[0] / theirs[0]:.2f} "
              f"| {ours[1]:.3f} | {theirs[1]:.3f} |")


def main(program: str, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="sunlead-bench.", dir="/var/tmp") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        content = os.urandom(FILE_BYTES)
        sunlead = shutil.copy(program, folder / "sunlead")
        path = store_file(folder, sunlead, content)
        (folder / "root").mkdir()
        (folder / "root/scene.obj").write_bytes(content)
        ports = {"sunlead": free_port(), "nginx": free_port()}
        (folder / "nginx.conf").write_text(
            NGINX_CONF.format(folder=folder, port=ports["nginx"], workers=os.cpu_count()))
        who = {}
        if os.geteuid() == 0:  # whose folder it is from now on
            subprocess.run(["chown", "-R", "nobody:", name], check=True)
            who = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        environment = {"PORT": str(ports["sunlead"]), "LOG_FORMAT": "json"}
        servers = {
            "sunlead": stack.enter_context(running(
                [sunlead, "serve", "--no-jobs"], cwd=folder, env=environment, stderr=subprocess.DEVNULL, **who)),
            "nginx": stack.enter_context(running(
                ["/usr/sbin/nginx", "-c", f"{folder}/nginx.conf", "-p", name, "-e", f"{folder}/nginx.log"],
                cwd=folder, **who)),
        }
        paths = {"sunlead": path, "nginx": "/scene.obj"}
        for port in ports.values():
            wait_for(port)
        figures: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for connections in CONCURRENCY:
                for server, process in servers.items():
                    figures.setdefault((server, connections), []).append(
                        measure(ports[server], paths[server], process.pid, connections))
        table(figures)
        if os.environ.get("SHOW_ROUNDS"):
            print(json.dumps({f"{key[0]} {key[1]}": value for key, value in figures.items()}))


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
