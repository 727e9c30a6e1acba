"""An S3 store for tests: s3rver from npm, behind a gate that checks each signature, which s3rver does not."""
import fcntl
import hashlib
import hmac
import http.client
import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest

from harness import DEADLINE_S, TOP, free_port, wait_until

KEY_ID = "S3RVER"
SECRET = "a secret/with+signs"
REGION = "eu-central-1"
BUCKET = "models"


def s3rver_path() -> Path:
    """s3rver, installed once into build/s3. Skips the test where npm's registry cannot be reached."""
    here, packages = TOP / "tests/s3", TOP / "build/s3"
    mark = packages / "node_modules/.installed"
    packages.mkdir(parents=True, exist_ok=True)
    with open(packages / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (here / "package-lock.json").read_bytes()
        if not mark.exists() or mark.read_bytes() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(here / name, packages)
            npm = ["npm", "--prefix", str(packages)]
            done = subprocess.run([*npm, "ci", "--loglevel=error", "--no-audit", "--no-fund"], capture_output=True,
                                  stdin=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                ping = subprocess.run([*npm, "ping", "--fetch-retries=0"], capture_output=True,
                                      stdin=subprocess.DEVNULL, check=False)
                if ping.returncode != 0:
                    pytest.skip("npm's registry cannot be reached: there is no S3 server to test with")
                raise AssertionError(done.stderr.decode())
            mark.write_bytes(wanted)
    return packages / "node_modules/s3rver/bin/s3rver.js"


# ---- AWS Signature Version 4, as a server checks it

@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes = b""

    def path(self) -> str:
        return urlsplit(self.target).path

    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


def signature(request: Request, secret: str, scope: str, time: str, signed: str, payload: str) -> str:
    """The signature of a request; one in the query is not part of what is signed."""
    pairs = sorted((quote(name, safe="-._~"), quote(value, safe="-._~")) for name, value in request.query()
                   if name != "X-Amz-Signature")
    canonical = "\n".join([
        request.method, quote(unquote(request.path()), safe="-._~/"), "&".join(f"{n}={v}" for n, v in pairs),
        *(f"{name}:{' '.join(request.headers[name].split())}" for name in signed.split(";")), "", signed, payload])
    text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def refusal(request: Request, secret: str) -> tuple[int, str] | None:
    """Status and code with which S3 would refuse a request."""
    query = dict(request.query())
    if "X-Amz-Signature" in query:
        credential, time, signed = (query[f"X-Amz-{name}"] for name in ("Credential", "Date", "SignedHeaders"))
        given, payload, lasts_s = query["X-Amz-Signature"], "UNSIGNED-PAYLOAD", int(query["X-Amz-Expires"])
    else:
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)",
                             request.headers.get("authorization", ""))
        if found is None:
            return 403, "AccessDenied"
        credential, signed, given = found.groups()
        time, payload, lasts_s = request.headers["x-amz-date"], request.headers["x-amz-content-sha256"], 900
        if payload != hashlib.sha256(request.body).hexdigest():
            return 400, "XAmzContentSHA256Mismatch"
    key_id, scope = credential.split("/", 1)
    age = datetime.now(timezone.utc) - datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    unsigned = [name for name in request.headers if name.startswith("x-amz-") and name not in signed.split(";")]
    if key_id != KEY_ID:
        return 403, "InvalidAccessKeyId"
    if scope != f"{time[:8]}/{REGION}/s3/aws4_request":
        return 400, "AuthorizationHeaderMalformed"
    if not timedelta(minutes=-15) <= age <= timedelta(seconds=lasts_s):
        return 403, "RequestTimeTooSkewed"
    missing = {"host"} - set(signed.split(";")) | set(signed.split(";")) - set(request.headers)
    if unsigned or missing:
        return 403, "AccessDenied"
    if not hmac.compare_digest(given, signature(request, secret, scope, time, signed, payload)):
        return 403, "SignatureDoesNotMatch"
    return None


# ---- The store

def error_body(code: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>no</Message></Error>'.encode()


class Gate(http.server.BaseHTTPRequestHandler):
    """Checks a request, lets the test have its way with it, and passes it on."""
    protocol_version = "HTTP/1.1"
    store: "S3Store"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in (headers or {"Content-Type": "application/xml"}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}) and status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self) -> None:
        request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()},
                          self.rfile.read(int(self.headers.get("Content-Length", 0))))
        refused = refusal(request, SECRET)
        if refused is not None:
            self.answer(refused[0], error_body(refused[1]))
            return
        self.store.note(request)
        answer = self.store.on_request(request)
        if answer is not None:
            self.answer(*answer)
            return
        try:
            self.pass_on(request)
        except (ConnectionError, http.client.HTTPException, TimeoutError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def pass_on(self, request: Request) -> None:
        behind = http.client.HTTPConnection("127.0.0.1", self.store.port, timeout=DEADLINE_S)
        try:
            behind.request(request.method, request.target, request.body, request.headers)
            answer = behind.getresponse()
            body = answer.read()
            names = ("Content-Type", "Content-Length", "Content-Disposition", "ETag")
            kept = {name: value for name in names if (value := answer.getheader(name)) is not None}
            self.answer(answer.status, body, kept)
        finally:
            behind.close()


class GateServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: "S3Store"):
        super().__init__(("127.0.0.1", 0), type("BoundGate", (Gate,), {"store": store}))
        self.failures: list[str] = []

    def handle_error(self, *_: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # who asked was killed
            self.failures.append(traceback.format_exc())


class S3Store:
    """A bucket at url() that only KEY_ID may use."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = free_port()
        self.on_request: Callable[[Request], tuple[int, bytes] | None] = lambda _: None
        self._requests: list[Request] = []
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._gate = GateServer(self)
        self._thread = threading.Thread(target=self._gate.serve_forever, daemon=True)
        self._thread.start()
        self.start()

    def url(self) -> str:
        return f"http://127.0.0.1:{self._gate.server_address[1]}"

    def settings(self, **others: str) -> dict[str, str]:
        """The settings that lead sunlead here."""
        return {"FILES_URL": f"s3://{BUCKET}/some/prefix", "FILES_S3_ENDPOINT": self.url(),
                "FILES_S3_REGION": REGION, "FILES_S3_ACCESS_KEY_ID": KEY_ID,
                "FILES_S3_SECRET_ACCESS_KEY": SECRET} | others

    def note(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def requests(self, method: str, query: str = "") -> list[Request]:
        with self._lock:
            return [r for r in self._requests if r.method == method and query in r.target]

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "node", str(s3rver_path()), "-d", str(self.folder), "-a", "127.0.0.1",
             "-p", str(self.port), "--silent", "--no-vhost-buckets", "--configure-bucket", BUCKET],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ})
        wait_until(self._is_up, "s3rver to listen")

    def _is_up(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "s3rver has ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
        self._process = None

    def objects(self) -> dict[str, bytes]:
        """What is in the bucket, by name."""
        top = self.folder / BUCKET
        return {str(path.relative_to(top)).removesuffix("._S3rver_object"): path.read_bytes()
                for path in top.rglob("*._S3rver_object") if ".S3rver_uploads" not in path.parts}

    def close(self) -> None:
        self._gate.shutdown()
        self._gate.server_close()
        self._thread.join(DEADLINE_S)
        self.stop()
        assert not self._gate.failures, "\n".join(self._gate.failures)
