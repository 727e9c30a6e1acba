"""A real PostgreSQL server for the service tests, and a pooler, in a temporary folder of their own."""
import contextlib
import ctypes
import glob
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_START_S = 60.0

# What sunlead must not show.
PASSWORD = "secret-of-the-tests"

# A database to which the pooler gives a backend for as long as a session lasts.
SESSIONS = "sessions"


def _programs() -> Path:
    """Debian keeps each version's programs in a folder of its own."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    assert found, "PostgreSQL is not installed: run make deps"
    return Path(found[-1]).parent


def _follow_parent() -> None:
    # Should these tests be killed, the server goes too, at once.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


class Postgres:
    """A server that can be stopped and started again. Not durable: nobody cuts the power."""

    def __init__(self, port: int, primary: "Postgres | None" = None, **settings: object):
        """An empty server, or a standby that follows a primary; with further settings."""
        self.port = port
        self.settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="sunlead-pg-"))
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._pooler: subprocess.Popen[bytes] | None = None
        self._options: dict[str, object] = {"cwd": "/", "preexec_fn": _follow_parent}
        if os.geteuid() == 0:  # which the server refuses
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if primary is None:
            self._init()
        else:
            self._run("pg_basebackup", "-D", str(self.folder / "data"), "-h", str(primary.folder),
                      "-p", str(primary.port), "-U", "sunlead", "-R", "-c", "fast", "--no-sync")

    def _init(self) -> None:
        passwords = self.folder / "passwords"
        passwords.write_text(PASSWORD)
        os.chmod(passwords, 0o644)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "sunlead", "-E", "UTF8",
                  "-A", "scram-sha-256", f"--pwfile={passwords}", "--locale=C", "--no-sync",
                  "--no-instructions")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run([str(_programs() / program), *arguments], capture_output=True,
                              env={"PGPASSWORD": PASSWORD, "PATH": os.environ["PATH"]},
                              check=False, **self._options)
        assert done.returncode == 0, f"{program}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def start(self) -> None:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "fsync": "off",
                    "unix_socket_directories": self.folder, "max_connections": 200,
                    "shared_buffers": "32MB"} | self.settings
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(_programs() / "postgres"), "-D", str(self.folder / "data"), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._options)
        deadline = time.monotonic() + _START_S
        while not self._is_ready():
            assert self._process.poll() is None and time.monotonic() < deadline, \
                (self.folder / "log").read_text(errors="replace")[-3000:]
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        """What the server says of itself: its process id first, "ready" in the eighth line."""
        assert self._process is not None
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready"

    def halt(self, crash: bool = False) -> None:
        """Ends it as an operator does, with open sessions told so, or as a crash does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self._process.wait(_START_S)
        self._process = None

    def kill(self) -> None:
        """Ends it as its machine's end does: the server and all its processes, at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # it starts no more
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        self._process.kill()
        for child in children.split():
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(int(child), signal.SIGKILL)
        self._process.wait(_START_S)
        self._process = None

    def promote(self) -> None:
        """Makes a standby the primary, and waits until it is."""
        self._run("pg_ctl", "promote", "-D", str(self.folder / "data"), "-w")

    # PgBouncer, which hands each transaction to any of its connections

    def start_pooler(self, port: int) -> None:
        self.pooler_port = port
        users, ini = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        users.write_text(f'"sunlead" "{PASSWORD}"\n')
        ini.write_text(f"[databases]\n{SESSIONS} = host=127.0.0.1 port={self.port} pool_mode=session\n"
                       f"* = host=127.0.0.1 port={self.port}\n[pgbouncer]\n"
                       f"pool_mode = transaction\nauth_type = scram-sha-256\nauth_file = {users}\n"
                       f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
                       f"max_client_conn = 1000\n")
        for file in (users, ini):
            os.chmod(file, 0o644)
        with open(self.folder / "pooler-log", "ab") as log:
            self._pooler = subprocess.Popen(["pgbouncer", str(ini)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, **self._options)
        deadline = time.monotonic() + _START_S
        while not self._pooler_listens():
            assert self._pooler.poll() is None and time.monotonic() < deadline, \
                (self.folder / "pooler-log").read_text(errors="replace")[-3000:]
            time.sleep(0.02)

    def _pooler_listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.pooler_port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop_pooler(self) -> None:
        if self._pooler is not None:
            self._pooler.kill()
            self._pooler.wait(_START_S)
            self._pooler = None

    def close(self) -> None:
        self.stop_pooler()
        if self._process is not None:
            self.halt(crash=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Databases

    def url(self, name: str) -> str:
        return f"postgres://sunlead:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def pooled_url(self, name: str) -> str:
        return f"postgres://sunlead:{PASSWORD}@127.0.0.1:{self.pooler_port}/{name}"

    def execute(self, name: str, statement: str) -> None:
        self.query(name, statement)

    def query(self, name: str, statement: str) -> str:
        """What a statement gives: columns divided by |, rows by the ends of lines."""
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                         "-h", str(self.folder), "-p", str(self.port), "-U", "sunlead", "-d", name,
                         "-c", statement)

    @contextlib.contextmanager
    def session(self, name: str) -> Iterator[Callable[[str], None]]:
        """A session that stays, for when the server gives no other: a function that runs statements in it."""
        arguments = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-p", str(self.port),
                     "-U", "sunlead", "-d", name]
        process = subprocess.Popen([str(_programs() / "psql"), *arguments], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, env={"PGPASSWORD": PASSWORD}, **self._options)

        def execute(statements: str) -> None:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{statements};\n\\echo done\n")
            process.stdin.flush()
            line = "-"
            while line and line != "done\n":
                line = process.stdout.readline()
            assert line, f"psql: {statements} failed"
        try:
            execute("SELECT 1")
            yield execute
        finally:
            process.communicate()

    def create(self) -> str:
        """Makes an empty database and returns its name."""
        name = f"stage{next(self._names)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return name

    def dump(self, name: str, into: str) -> None:
        """Makes a backup of a database, and restores it into an empty one."""
        file, there = str(self.folder / f"{name}.dump"), ("-h", str(self.folder), "-p", str(self.port))
        self._run("pg_dump", *there, "-U", "sunlead", "-Fc", "-f", file, name)
        self._run("pg_restore", *there, "-U", "sunlead", "--no-owner", "-d", into, file)

    def drop(self, name: str) -> None:
        self.execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")
