"""Background jobs: the routes by which people direct them, processes that only work, or only serve."""
import time
from typing import Any

import pytest

from harness import Client, Program, Stage, free_port, ok, problem, wait_until
from postgres import Postgres
from samples import project

TAKEN_BACK_S = 30


def place(number: int) -> dict[str, Any]:
    return {"latitude": 10 + number / 100, "longitude": 20 + number / 100}


def order(api: Client, number: int, **more: Any) -> dict[str, Any]:
    """Orders without waiting for LightFusion."""
    answer = api.post("/api/projects/3d", project(**place(number), **more), headers={"Prefer": "respond-async"})
    return ok(answer, 202)


def jobs(api: Client, **filters: Any) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return ok(api.get(f"/api/jobs?{query}"))["jobs"]


def kind(api: Client, name: str) -> dict[str, Any]:
    return next(found for found in ok(api.get("/api/job-kinds"))["kinds"] if found["kind"] == name)


def prepare_worker(stage: Stage, upstream: str, **environment: str) -> Program:
    worker = Program("worker", ["worker"], stage.settings(upstream) | environment, stage.folder)
    stage.programs.append(worker)
    return worker


def start_worker(stage: Stage, upstream: str, **environment: str) -> Program:
    worker = prepare_worker(stage, upstream, **environment)
    worker.launch()
    worker.wait_event("worker.started")
    return worker


# ---- Directing

def test_a_paused_kind_waits(stage: Stage) -> None:
    server = stage.serve(stage.simulate().url())
    paused = ok(server.api.post("/api/job-kinds/order/pause", {"by": "Ann"}))
    assert paused["paused"] and paused["paused_by"] == "Ann" and paused["paused_at"]
    made = order(server.api, 1)
    job = jobs(server.api, kind="order", order_id=made["order_id"])[0]
    assert job["state"] == "ready" and job["attempt"] == 0 and job["priority"] == 0 and job["turn"] == 1
    assert ok(server.api.get(f"/api/jobs/{job['id']}")) == job
    assert kind(server.api, "order")["ready"] == 1
    assert not server.events("order.sending")
    resumed = ok(server.api.post("/api/job-kinds/order/resume"))
    assert not resumed["paused"] and resumed["paused_by"] is None
    server.wait_event("order.created", order_id=made["order_id"])


def test_cancelled_and_retried(stage: Stage) -> None:
    server = stage.serve(stage.simulate().url())
    api = server.api
    ok(api.post("/api/job-kinds/order/pause"))
    first, second = order(api, 1), order(api, 2)
    job = jobs(api, order_id=first["order_id"])[0]
    assert ok(api.post(f"/api/jobs/{job['id']}/cancel"))["state"] == "cancelled"
    assert ok(api.get(f"/api/orders/{first['order_id']}"))["state"] == "cancelled"
    assert ok(api.get(f"/api/leads/{first['lead_id']}"))["model_3d_status"] is None
    problem(api.post(f"/api/jobs/{job['id']}/cancel"), 409)
    problem(api.post(f"/api/jobs/{job['id']}/retry"), 409)  # its order is not to be sent any more
    assert ok(api.post("/api/jobs/retry", {"state": "cancelled"})) == {"retried": 0, "more": False}
    assert [found["id"] for found in jobs(api, state="cancelled")] == [job["id"]]
    ok(api.post("/api/job-kinds/order/resume"))
    server.wait_event("order.created", order_id=second["order_id"])
    assert not server.events("order.sending", order_id=first["order_id"])
    poll = jobs(api, kind="poll", order_id=second["order_id"])[0]
    problem(api.post(f"/api/jobs/{poll['id']}/cancel"), 409)  # it is paid for
    ok(api.post(f"/api/jobs/{poll['id']}/retry"))  # 20 s early
    server.wait_event("order.completed", order_id=second["order_id"], timeout_s=15)


@pytest.mark.parametrize("path, status, pointer", [
    ("/api/jobs?kind=teleport", 400, "?kind"),
    ("/api/jobs?state=none", 400, "?state"),
    ("/api/jobs?limit=101", 400, "?limit"),
    ("/api/jobs?before=x", 400, "?before"),
    ("/api/jobs/999", 404, None),
    ("/api/jobs/x", 404, None),
])
def test_bad_questions(stage: Stage, path: str, status: int, pointer: str | None) -> None:
    problem(stage.serve().api.get(path), status, pointer)


def test_bad_commands(stage: Stage) -> None:
    api = stage.serve().api
    problem(api.post("/api/job-kinds/teleport/pause"), 404)
    problem(api.post("/api/job-kinds/order/pause", {"who": "Ann"}), 400, "/who")
    problem(api.post("/api/job-kinds/order/resume", {"by": "Ann"}), 400, "/by")
    problem(api.post("/api/jobs/999/retry"), 404)
    problem(api.post("/api/jobs/999/cancel"), 404)
    problem(api.post("/api/jobs/retry", {"kind": "teleport"}), 400, "/kind")
    problem(api.post("/api/jobs/retry", {"company": 1}), 400, "/company")


# ---- Processes

def test_nobody_works(stage: Stage) -> None:
    if stage.engine != "sqlite":
        pytest.skip("another process might")
    server = stage.serve(stage.simulate().url(), "--no-jobs")
    started = time.monotonic()
    made = ok(server.api.post("/api/projects/3d", project(**place(1))), 202)
    assert time.monotonic() - started < 5  # instead of the 30 s for an answer that cannot come
    server.stop()
    server = stage.serve(stage.simulate().url())
    server.wait_event("order.created", order_id=made["order_id"])


def test_a_second_process_on_sqlite(stage: Stage) -> None:
    if stage.engine != "sqlite":
        pytest.skip("any number of processes may share a server")
    stage.serve()
    worker = prepare_worker(stage, f"http://127.0.0.1:{free_port()}")
    worker.launch()
    assert worker.wait_exit() == 1
    worker.expect_errors()
    assert "uses the database" in worker.tail()


def test_one_serves_and_one_works(stage: Stage) -> None:
    if stage.engine == "sqlite":
        pytest.skip("one process at a time")
    simulator = stage.simulate()
    server = stage.serve(simulator.url(), "--no-jobs")
    waiting = order(server.api, 1)
    assert ok(server.api.get("/health"))["jobs"]["here"] == 0
    worker = start_worker(stage, simulator.url())
    worker.wait_event("order.created", order_id=waiting["order_id"])
    ok(server.api.post("/api/projects/3d", project(**place(2))), 201)  # woken by the worker
    assert not server.events("order.created")
    mark = worker.mark()
    worker.stop()
    assert worker.events("worker.stopped", since=mark, left=0)
    worker.launch()
    worker.wait_event("worker.started", since=mark)


def test_others_are_told_only_of_what_there_is_no_room_for(stage: Stage) -> None:
    if stage.engine == "sqlite":
        pytest.skip("one process at a time")
    simulator = stage.simulate()
    first, second = stage.serve(simulator.url()), stage.serve(simulator.url())
    for number in range(10):
        made = order(first.api, number)
        wait_until(lambda: ok(first.api.get(f"/api/orders/{made['order_id']}"))["project_id"], "its project")
    assert not second.events("notices.heard", text="jobs")
    ok(first.api.post("/api/job-kinds/order/pause"))  # what is queued now waits ...
    waiting = [order(first.api, number)["order_id"] for number in range(100, 300)]
    mark = second.mark()
    ok(first.api.post("/api/job-kinds/order/resume"))
    second.wait_event("order.sending", since=mark)  # ... and is more than one has room for
    wait_until(lambda: len(first.events("order.created") + second.events("order.created")) == 10 + len(waiting),
               "all orders")
    assert second.events("notices.heard", since=mark, text="jobs")


def test_dead_rows_go(stage: Stage, postgres: Postgres) -> None:
    """By their number, not by a share of a table that may be large or empty."""
    if stage.engine == "sqlite":
        pytest.skip("PostgreSQL's own")
    stage.serve().stop()
    server = Postgres(free_port(), autovacuum_naptime="1s")
    server.start()
    try:
        stage.database_url = server.url(name := server.create())
        stage.serve().stop()
        for _ in range(4):  # each job is queued, claimed and removed
            server.execute(name, """
                INSERT INTO sunlead_jobs (kind, order_id, company_id, state, attempt, turn, run_at)
                SELECT 'order', n, 1, 'ready', 0, n, now() FROM generate_series(1, 5000) AS n""")
            server.execute(name, "UPDATE sunlead_jobs SET state = 'running', attempt = 1")
            server.execute(name, "DELETE FROM sunlead_jobs")
        wait_until(lambda: int(server.query(name, "SELECT n_dead_tup FROM pg_stat_user_tables "
                                                  "WHERE relname = 'sunlead_jobs'")) <= 2000
                   and server.query(name, "SELECT autovacuum_count FROM pg_stat_user_tables "
                                          "WHERE relname = 'sunlead_jobs'") != "0",
                   "the dead rows to go", 30)
    finally:
        stage.close()
        server.close()


def test_jobs_of_a_killed_worker(stage: Stage, postgres: Postgres) -> None:
    """200 of them: others take them back in time, and none is sent a second time."""
    if stage.engine == "sqlite":
        pytest.skip("one process at a time")
    room = {"JOB_CONCURRENCY": "200", "LIGHTFUSION_CONCURRENCY": "300"}
    simulator = stage.simulate("0:0", 0, "--fault", "create:latency:by=100s")
    server = stage.serve(simulator.url(), "--no-jobs")
    worker = start_worker(stage, simulator.url(), **room)
    orders = [order(server.api, number)["order_id"] for number in range(200)]
    wait_until(lambda: len(simulator.ledger()) == len(orders), "all of them sent", 60)
    other = start_worker(stage, simulator.url(), **room)

    def running(condition: str) -> int:
        return int(postgres.query(stage.database_name(), f"SELECT count(*) FROM sunlead_jobs WHERE {condition}"))

    assert running("state = 'running' AND attempt = 1") == len(orders)
    assert not other.events("jobs.rescued")
    worker.kill()
    killed = time.monotonic()
    wait_until(lambda: running("attempt = 1") == 0, "all of them taken back", TAKEN_BACK_S + 10)
    assert time.monotonic() - killed < TAKEN_BACK_S
    # The answer is not known, so each is looked up instead of being sent again.
    wait_until(lambda: len(other.events("order.unknown")) == len(orders), "all of them unknown")
    assert sorted(event["order_id"] for event in other.events("order.unknown")) == sorted(orders)
    # Each is found and run to its end, once.
    wait_until(lambda: len(other.events("order.completed")) == len(orders), "all of them completed", 90)
    for event in ("order.created", "order.completed"):
        assert sorted(line["order_id"] for line in other.events(event)) == sorted(orders)
    assert not other.events("order.sending")
    assert len({(line["latitude"], line["longitude"]) for line in simulator.ledger()}) == len(orders)
    assert len(simulator.ledger()) == len(orders)
