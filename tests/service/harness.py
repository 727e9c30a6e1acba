"""Starts the programs under test and talks to them; everything ends with the test that started it."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Long enough for a loaded machine and the sanitizers; nobody waits for it unless a test is about to fail.
DEADLINE_S = 30.0
TOP = Path(__file__).resolve().parents[2]
PASSED_ON = ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")


def sunlead_path() -> Path:
    return (TOP / os.environ.get("SUNLEAD_BIN", "build/sunlead")).resolve()


def wait_until(check: Callable[[], Any], what: str, timeout_s: float = DEADLINE_S) -> Any:
    """Asks check() until it answers something true, which is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A port that nothing listens on: for a server that is down, or comes back where it was."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- What came back

@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"<{self.status} {self.body[:500]!r}>"


def read_answer(stream: Any, method: str = "GET") -> Answer | None:
    """Reads one answer off a stream, and nothing behind it. None where the other side has closed."""
    line = stream.readline()
    if not line:
        return None
    version, status, *_ = line.split(b" ", 2)
    assert version in (b"HTTP/1.1", b"HTTP/1.0"), line
    headers = http.client.parse_headers(stream)
    if method == "HEAD" or int(status) in (204, 304) or int(status) < 200:
        body = b""
    elif headers.get("Transfer-Encoding", "").lower() == "chunked":
        body = _read_chunks(stream)
    elif headers.get("Content-Length") is not None:
        body = _read_exactly(stream, int(headers["Content-Length"]))
    else:
        body = stream.read()
    return Answer(int(status), headers, body)


def _read_exactly(stream: Any, size: int) -> bytes:
    body = stream.read(size)
    assert len(body) == size, f"the answer ends after {len(body)} of {size} bytes"
    return body


def _read_chunks(stream: Any) -> bytes:
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += _read_exactly(stream, size)
        assert stream.readline() == b"\r\n"
    while stream.readline() not in (b"\r\n", b""):
        pass
    return body


class Connection:
    """A connection on which a test writes any bytes it likes."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.stream.close()
        self.socket.close()

    def send(self, data: bytes) -> "Connection":
        """Sends data, or as much of it as the other side wants: it may have answered already."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def finish(self) -> "Connection":
        """Tells the other side that nothing more will come."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone already
        return self

    def answer(self, method: str = "GET") -> Answer | None:
        """The next answer; None where the other side has closed instead."""
        try:
            return read_answer(self.stream, method)
        except ConnectionResetError:
            return None

    def rest(self) -> bytes:
        """All that the other side still says before it closes, which it must within the deadline."""
        try:
            return self.stream.read()
        except ConnectionResetError:
            return b""

    def is_closed(self) -> bool:
        """Whether the other side closes, within the deadline, without saying more."""
        return self.rest() == b""


class Client:
    """JSON in, JSON out, a connection for each request."""

    def __init__(self, port: int):
        self.port = port

    def connect(self) -> Connection:
        return Connection(self.port)

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None,
             raw: bytes | None = None) -> Answer:
        """body is sent as JSON; raw as it is, with a JSON content type unless headers say otherwise."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        lines = {"Host": f"127.0.0.1:{self.port}", "Connection": "close"}
        if data is not None or method in ("POST", "PUT"):
            lines["Content-Length"] = str(len(data or b""))
        if data is not None:
            lines["Content-Type"] = "application/json"
        lines |= headers or {}
        head = f"{method} {path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        with self.connect() as connection:
            answer = connection.send(head.encode() + b"\r\n" + (data or b"")).answer(method)
        assert answer is not None, f"{method} {path}: closed without an answer"
        return answer

    def get(self, path: str, **more: Any) -> Answer:
        return self.send("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.send("POST", path, body, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.send("PUT", path, body, **more)

    def delete(self, path: str, **more: Any) -> Answer:
        return self.send("DELETE", path, **more)


def ok(answer: Answer, status: int = 200) -> Any:
    """The JSON of an answer that must have this status; None where it has no body."""
    assert answer.status == status, answer
    return answer.json() if answer.body else None


def problem(answer: Answer, status: int, pointer: str | None = None) -> Any:
    """The members of an answer that must be problem details, and name the place where one is given."""
    assert answer.status == status, answer
    assert answer.headers.get_content_type() == "application/problem+json", answer
    body = answer.json()
    assert set(body) >= {"type", "title", "status", "detail", "errors", "error"}, body
    assert body["status"] == status
    assert body["title"] and body["detail"]
    assert body["error"] == body["detail"]
    assert all(place["detail"] for place in body["errors"]), body
    if pointer is not None:
        assert pointer in [place["pointer"] for place in body["errors"]], body
    return body


def cancel_model(api: Client, lead_id: int) -> Any:
    """Calls a lead's order off, while LightFusion is down: it is tried to be sent now and then."""
    def cancelled() -> Any:
        answer = api.post(f"/api/leads/{lead_id}/cancel-3d-model")
        return None if answer.status == 409 and "sending" in answer.json()["detail"] else ok(answer)
    return wait_until(cancelled, "the order to be between two tries")


# ---- Programs

class Program:
    """A process of the program under test, with its log. It can be started again after its end."""

    def __init__(self, name: str, arguments: list[str], environment: dict[str, str], folder: Path):
        self.name = name
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.expected: set[str] = set()
        self._lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader: threading.Thread | None = None
        self._start_mark = 0

    # Life

    def launch(self) -> None:
        """Starts the process and waits for nothing."""
        assert self.process is None
        self._start_mark = self.mark()
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.process = subprocess.Popen(
            # Should these tests be killed, what they started goes too. Not by preexec_fn, which may lock
            # up where other threads run.
            ["setpriv", "--pdeathsig", "KILL", str(sunlead_path()), *self.arguments], cwd=self.folder,
            env=passed_on | {"LOG_FORMAT": "json"} | self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        self._reader = threading.Thread(target=self._read_log, args=(self.process,), daemon=True)
        self._reader.start()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait_exit(self, timeout_s: float = DEADLINE_S) -> int:
        """Waits for the end by itself and returns the exit status; the log is complete then."""
        assert self.process is not None
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout_s:g} s\n{self.tail()}") from None
        self._clean_up()
        return status

    def stop(self) -> None:
        """Ends it as an operator does; it must say goodbye with status 0."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.wait_exit()
        assert status == 0, f"{self.name} ended with status {status}\n{self.tail()}"

    def kill(self) -> None:
        """Ends it as a power cut does."""
        assert self.process is not None
        self.process.kill()
        self.wait_exit()

    def _clean_up(self) -> None:
        assert self.process is not None and self._reader is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._reader.join(DEADLINE_S)
        self.process = None

    # Log

    def _read_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for text in lines:
                try:
                    line = json.loads(text)
                except ValueError:
                    line = None
                if not isinstance(line, dict):  # a sanitizer's report, or a failed check
                    line = {"level": "error", "event": "not-json",
                            "message": text.decode(errors="replace").rstrip()}
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()

    def mark(self) -> int:
        """A place in the log, for wait_event(since=...)."""
        with self._changed:
            return len(self._lines)

    def events(self, event: str, since: int = 0, **members: Any) -> list[dict[str, Any]]:
        """The log lines of an event whose members have these values."""
        with self._changed:
            return [line for line in self._lines[since:] if line.get("event") == event
                    and all(line.get(name) == value for name, value in members.items())]

    def wait_event(self, event: str, since: int = 0, timeout_s: float = DEADLINE_S,
                   **members: Any) -> dict[str, Any]:
        """Waits for a log line of an event, whose members have these values."""
        deadline = time.monotonic() + timeout_s
        while True:
            mark = self.mark()
            found = self.events(event, since, **members)
            if found:
                return found[0]
            left = deadline - time.monotonic()
            assert left > 0 and self._log_goes_on(mark), \
                f"{self.name}: no event {event} {members or ''}\n{self.tail()}"
            with self._changed:
                self._changed.wait_for(lambda: len(self._lines) > mark, min(left, 0.5))

    def _log_goes_on(self, mark: int) -> bool:
        assert self._reader is not None
        return self._reader.is_alive() or self.mark() > mark

    def tail(self, count: int = 30) -> str:
        with self._changed:
            return "\n".join(json.dumps(line) for line in self._lines[-count:])

    def expect_errors(self, *events: str) -> None:
        """Errors of these events are part of the test; without a name, all that there are so far."""
        self.expected |= set(events) or {line["event"] for line in self.unexpected_errors()}

    def unexpected_errors(self) -> list[dict[str, Any]]:
        with self._changed:
            return [line for line in self._lines
                    if line.get("level") == "error" and line.get("event") not in self.expected]


class Server(Program):
    """A program that listens and says so in its log."""

    listening = "serve.listening"

    def start(self) -> None:
        """Starts it, also again on what it left, and waits until it listens."""
        self.launch()
        self.port = self.wait_event(self.listening, since=self._start_mark)["port"]
        self.api = Client(self.port)


class Simulator(Server):
    listening = "simulate.listening"

    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ledger(self) -> list[dict[str, Any]]:
        """The projects that were paid for."""
        return ok(self.api.get("/ledger"))["projects"]


# ---- A LightFusion that misbehaves as it is told

@dataclass
class Reply:
    """What the fake does with a request. fate: "answer"; "close" or "reset" the connection without one."""
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    fate: str = "answer"


@dataclass
class Call:
    method: str
    path: str
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class FakeUpstream:
    """An HTTP server whose answers a test decides. Untold, it is a LightFusion with project 123, house 456
    and no files. Replies for a path are used up one by one; the last one stays."""

    def __init__(self, port: int = 0):
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self._calls: list[Call] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._connections: set[socket.socket] = set()
        self._set_defaults()
        self._threads[0].start()

    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _set_defaults(self) -> None:
        self.on("POST", "/v1/users/sessions",
                Reply({"token": "t-1", "user": {}, "contact": {}, "company": {"id": 7}}))
        self.on("POST", "/v1/lead/create",
                Reply({"id": 123, "lead_id": 456, "status": "processing", "annual_production": 15000,
                       "system_size": 10.5, "estimated_cost": 25000, "annual_savings": 2500}))
        self.on("POST", "/v3/adders.ListProjectAdders",
                Reply({"panel": None, "inverter": [], "storage": None, "adders": []}))
        self.on("POST", "/v3/adders.GetPriceBreakdown", Reply({"items": [], "total_amount": 25000}))
        self.on("POST", "/v1/leads/456/complete", Reply(self.completion(state=1)))
        self.on("GET", "/v1/leads", Reply({"leads": []}))

    @staticmethod
    def completion(state: int, progress: int = 100, project_id: int = 123,
                   house_id: int = 456) -> dict[str, Any]:
        """What /complete says of a project."""
        return {"lead": {"id": house_id, "state": state, "house_id": house_id, "lead_id": house_id,
                         "latitude": 37.7749, "longitude": -122.4194,
                         "build": {"id": project_id, "state": state, "progress": progress},
                         "house": {"id": house_id, "panel_count": 30, "system_size": 10.5},
                         "production": {"id": 1, "annual": 15000}}}

    def on(self, method: str, path: str, *replies: Reply) -> None:
        with self._lock:
            self._replies[method, path] = list(replies)

    def calls(self, method: str, path: str) -> list[Call]:
        with self._lock:
            return [call for call in self._calls if (call.method, call.path) == (method, path)]

    def count(self, method: str, path: str) -> int:
        return len(self.calls(method, path))

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            connections = list(self._connections)
        for connection in [self._listener, *connections]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._listener.close()
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as stream:
                while self._serve_one(connection, stream):
                    pass
        except OSError:
            pass  # the caller went away
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _serve_one(self, connection: socket.socket, stream: Any) -> bool:
        line = stream.readline()
        if not line:
            return False
        method, target, _ = line.decode().split()
        headers = http.client.parse_headers(stream)
        body = stream.read(int(headers.get("Content-Length", "0")))
        path = target.split("?")[0]
        with self._lock:
            self._calls.append(Call(method, path, headers, body))
            replies = self._replies.get((method, path), [Reply({"error": "no such thing"}, 404)])
            reply = replies[0] if len(replies) == 1 else replies.pop(0)
        self._stopping.wait(reply.delay_s)
        if reply.fate == "reset":
            # Not to linger: the kernel sends a reset instead of an orderly end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if reply.fate != "answer":
            return False
        connection.sendall(_reply_bytes(reply))
        return True


def _reply_bytes(reply: Reply) -> bytes:
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | reply.headers
    head = f"HTTP/1.1 {reply.status} {http.client.responses.get(reply.status, 'Unknown')}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + body


# ---- What a test has around it

class Stage:
    """Starts programs in one temporary folder and ends them all, looking at what they logged."""

    def __init__(self, folder: Path, engine: str, database_url: str):
        self.folder = folder
        self.engine = engine
        self.database_url = database_url
        self.programs: list[Program] = []
        self.fakes: list[FakeUpstream] = []

    def simulate(self, generation_ms: str = "0:0", port: int = 0, *more: str,
                 keep: str = "none") -> Simulator:
        arguments = ["simulate", "--port", str(port), "--generation-ms", generation_ms,
                     "--keep", keep, "--same-house", *more]
        program = Simulator("simulate", arguments, {}, self.folder)
        self.programs.append(program)
        program.start()
        return program

    def fake(self, port: int = 0) -> FakeUpstream:
        fake = FakeUpstream(port)
        self.fakes.append(fake)
        return fake

    def serve(self, upstream: str | None = None, *arguments: str,
              environment: dict[str, str] | None = None) -> Server:
        """Starts sunlead on the stage's database. Without an upstream, LightFusion is down."""
        program = self.prepare_serve(upstream, *arguments, environment=environment)
        program.start()
        return program

    def prepare_serve(self, upstream: str | None = None, *arguments: str,
                      environment: dict[str, str] | None = None) -> Server:
        """Is serve(), but leaves the start to the test."""
        settings = self.settings(upstream or f"http://127.0.0.1:{free_port()}") | (environment or {})
        program = Server("serve", ["serve", *arguments], settings, self.folder)
        self.programs.append(program)
        return program

    def database_name(self) -> str:
        """On a server: the name of the stage's database there."""
        return self.database_url.rsplit("/", 1)[1]

    def settings(self, upstream: str) -> dict[str, str]:
        return {
            "PORT": "0",
            "LISTEN": "127.0.0.1",
            "DATABASE_URL": self.database_url,
            "DATABASE_POOLER": "1" if self.engine == "pgbouncer" else "0",
            "DATA_DIR": str(self.folder / "data"),
            "LIGHTFUSION_API": upstream,
            "LIGHTFUSION_EMAIL": "tests@example.com",
            "LIGHTFUSION_PASSWORD": "secret-of-the-tests",
            "LIGHTFUSION_STORAGE": f"{upstream}/storage",
            "LOG_LEVEL": "debug",
        }

    def close(self) -> None:
        """Ends everything; fails on a bad exit status, a leaked secret or an error in a log."""
        complaints = []
        for program in reversed(self.programs):
            if program.is_running():
                try:
                    program.stop()
                except AssertionError as error:
                    complaints.append(str(error))
            if program.process is not None:
                program.kill()
        for fake in self.fakes:
            fake.stop()
        for program in self.programs:
            complaints += [f"{program.name} logged an error: {line}"
                           for line in program.unexpected_errors()]
            if "secret-of-the-tests" in program.tail(1_000_000):
                complaints.append(f"{program.name} logged the password")
        assert not complaints, "\n".join(complaints)
