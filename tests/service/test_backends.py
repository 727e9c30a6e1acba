"""PostgreSQL takes connections away, or gives none: its backends are killed at random, its slots or the pooler's
are taken by others. Nothing that was acknowledged is lost, and workers go on by themselves."""
import contextlib
import os
import random
import socket
import struct
import subprocess
import time
from collections.abc import Iterator

import pytest

from harness import Program, Server, Simulator, Stage, free_port, ok, problem, wait_until
from load import Load
from postgres import PASSWORD, Postgres
from samples import project, small_lead

SEED = int(os.environ.get("SUNLEAD_SEED", "1"))
KILLS = int(os.environ.get("SUNLEAD_KILLS", "30"))
SLOTS = 60
POOL = 20  # what PgBouncer has for a database and role unless told otherwise
WAITING = 20
GOES_ON_S = 5.0   # what it is to take; on a loaded machine a test allows for more
PATIENCE_S = 30.0
ROLE = "leads"    # no superuser, to whom the server reserves slots

# What the log says of an outage, and of jobs that wait for its end.
OUTAGE = ("database.unavailable", "job.commit_failed")


@pytest.fixture
def database() -> Iterator[Postgres]:
    """A server of this test's own, with few slots."""
    server = Postgres(free_port(), max_connections=SLOTS)
    server.start()
    server.execute("postgres", f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    yield server
    server.close()


def url_of(database: Postgres, name: str, port: int) -> str:
    return database.url(name).replace("sunlead:", f"{ROLE}:").replace(f":{database.port}/", f":{port}/")


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory, database: Postgres) -> Iterator[Stage]:
    name = database.create()
    database.execute("postgres", f"ALTER DATABASE {name} OWNER TO {ROLE}")
    database.execute(name, f"ALTER SCHEMA public OWNER TO {ROLE}; GRANT pg_signal_backend TO {ROLE}")
    stage = Stage(tmp_path_factory.mktemp("stage"), "postgres", url_of(database, name, database.port))
    yield stage
    stage.close()


def start_worker(stage: Stage, upstream: str) -> Program:
    worker = Program("worker", ["worker"], stage.settings(upstream), stage.folder)
    stage.programs.append(worker)
    worker.launch()
    worker.wait_event("worker.started")
    return worker


def killing(share: float) -> str:
    """Ends a share of all backends that sunlead has, at random."""
    return ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            f"WHERE usename = '{ROLE}' AND random() < {share}")


# ---- Work that waits, to see who goes on with it

PLACES = [(50 + number / 100, 7.0) for number in range(WAITING)]


def order_paused(server: Server) -> list[int]:
    """Orders that wait until their kind of job is let go on; their leads."""
    ok(server.api.post("/api/job-kinds/order/pause"))
    return [ok(server.api.post("/api/projects/3d", project(latitude=latitude, longitude=longitude),
                               headers={"Prefer": "respond-async"}), 202)["lead_id"]
            for latitude, longitude in PLACES]


# The jobs may go on, and nobody is told.
RESUME = "DELETE FROM sunlead_job_kinds"


def wait_sent(programs: list[Program], marks: list[int], since_s: float, what: str) -> float:
    """How long after an instant the first job was run by anybody."""
    wait_until(lambda: any(program.events("order.sending", since=mark)
                           for program, mark in zip(programs, marks)), "a first job", PATIENCE_S)
    took_s = time.monotonic() - since_s
    print(f"{what}: the first job was run after {took_s:.2f} s (aim: {GOES_ON_S:g} s)")
    return took_s


def check_once(simulator: Simulator) -> None:
    def paid() -> list[tuple[float, float]]:
        places = ((line["latitude"], line["longitude"]) for line in simulator.ledger())
        return sorted(place for place in places if place in PLACES)
    wait_until(lambda: len(paid()) >= WAITING, "all orders to be sent", 60)
    assert paid() == PLACES


# ---- Backends

def test_backends_are_killed(stage: Stage, database: Postgres) -> None:
    chance = random.Random(SEED)
    simulator = stage.simulate("200:500")
    server = stage.serve(simulator.url(), "--no-jobs")
    worker = start_worker(stage, simulator.url())
    for program in (server, worker):
        program.expect_errors(*OUTAGE)
    name = stage.database_name()
    with Load([server.api], workers=8, seed=SEED) as load:
        for number in range(KILLS):
            load.wait_for_more(chance.randint(1, 30))
            database.execute(name, killing(1 if number % 5 == 0 else 0.4))
        load.wait_for_more(20)
    print(f"{KILLS} times backends were killed: {dict(load.statuses)}")
    load.check_leads(was_away=False)
    load.check_orders(simulator)
    order_paused(server)
    marks = [server.mark(), worker.mark()]
    database.execute(name, f"{RESUME}; {killing(1)}")
    took_s = wait_sent([server, worker], marks, time.monotonic(), "all backends killed")
    check_once(simulator)
    assert took_s < PATIENCE_S


# ---- Slots

class Crowd:
    """Foreign clients that take every connection there is, and each that becomes free."""

    def __init__(self, host: str, port: int, name: str):
        self.address = (host, port)
        self.name = name
        self.held: list[socket.socket] = []

    def _connect(self) -> socket.socket | None:
        """A session that has got its slot; None where there is none. Before it says who it is, a client has one
        for as long as a minute: that is enough, and needs no password."""
        connection = socket.create_connection(self.address, timeout=10)
        body = struct.pack("!i", 196608) + f"user\0{ROLE}\0database\0{self.name}\0\0".encode()
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        if connection.recv(1) == b"R":
            return connection
        connection.close()
        return None

    def take_all(self) -> int:
        while (connection := self._connect()) is not None:
            self.held.append(connection)
        return len(self.held)

    def leave(self) -> None:
        for connection in self.held:
            connection.close()
        self.held.clear()


@pytest.fixture
def crowd(stage: Stage, database: Postgres) -> Iterator[Crowd]:
    crowd = Crowd("127.0.0.1", database.port, stage.database_name())
    yield crowd
    crowd.leave()


def is_down(server: Server) -> bool:
    return server.api.get("/api/leads/1").status == 503


def test_all_slots_are_taken(stage: Stage, database: Postgres, crowd: Crowd) -> None:
    simulator = stage.simulate("200:500")
    server = stage.serve(simulator.url(), "--no-jobs")
    worker = start_worker(stage, simulator.url())
    for program in (server, worker):
        program.expect_errors(*OUTAGE)
    name = stage.database_name()
    waiting = order_paused(server)
    with database.session(name) as execute, Load([server.api], workers=4, seed=SEED) as load:
        load.wait_for_more(20)
        # Who is first gets a slot: sunlead's are taken away until the others have all.
        while not (is_down(server) and worker.events("database.unavailable")):
            execute(killing(1))
            crowd.take_all()
        marks = [server.mark(), worker.mark()]
        execute(RESUME)
        assert server.api.get("/health").status == 503
        problem(server.api.get("/api/leads/1"), 503)
        crowd.leave()
        left = time.monotonic()
        took_s = wait_sent([server, worker], marks, left, "slots free again")
        load.wait_for_more(20)
        load.foreign = set(PLACES)
    check_once(simulator)
    for lead_id in waiting:
        ok(server.api.delete(f"/api/leads/{lead_id}"), 204)
    load.check_leads()
    load.check_orders(simulator)
    assert took_s < PATIENCE_S


def test_all_slots_are_taken_at_the_start(stage: Stage, crowd: Crowd) -> None:
    simulator = stage.simulate()
    stage.serve(simulator.url()).stop()
    assert crowd.take_all() > SLOTS / 2
    late = stage.prepare_serve(simulator.url())
    late.launch()
    assert late.wait_exit() == 1
    late.expect_errors()
    assert "too many clients" in late.tail()
    crowd.leave()
    late.start()
    ok(late.api.post("/api/leads", small_lead()), 201)


# ---- The pooler

@contextlib.contextmanager
def held_pool(database: Postgres, name: str) -> Iterator[None]:
    """Statements of others that keep all connections of the pool."""
    asleep = "FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    clients = [subprocess.Popen(["psql", "-X", "-q", database.pooled_url(name), "-c", "SELECT pg_sleep(600)"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(POOL + 5)]
    try:
        wait_until(lambda: database.query(name, f"SELECT count(*) {asleep}") == str(POOL), "the pool to be full", 60)
        yield
    finally:
        for client in clients:
            client.kill()
            client.wait()
        database.execute(name, f"SELECT count(pg_terminate_backend(pid)) {asleep}")


def test_the_pool_is_taken(stage: Stage, database: Postgres) -> None:
    database.start_pooler(free_port())
    name = stage.database_name()
    stage.engine, stage.database_url = "pgbouncer", database.pooled_url(name)
    simulator = stage.simulate("200:500")
    server = stage.serve(simulator.url(), "--no-jobs")
    worker = start_worker(stage, simulator.url())
    for program in (server, worker):
        program.expect_errors(*OUTAGE)
    made = ok(server.api.post("/api/leads", small_lead()), 201)
    order_paused(server)
    marks = [server.mark(), worker.mark()]
    with held_pool(database, name):
        problem(server.api.get(f"/api/leads/{made['id']}"), 503)
        problem(server.api.post("/api/leads", small_lead()), 503)
        database.execute(name, RESUME)
    took_s = wait_sent([server, worker], marks, time.monotonic(), "the pool free again")
    check_once(simulator)
    assert ok(server.api.get(f"/api/leads/{made['id']}")) == made
    assert took_s < PATIENCE_S
