"""The way to LightFusion: what an order shows of it, isolation, what a lead says of its model."""
import contextlib
import json
import sqlite3
from typing import Any

import pytest

from harness import Reply, Stage, ok, problem, wait_until
from samples import PROJECT, TIME, lead, project_for

CREATE = ("POST", "/v1/lead/create")
EXCHANGE = {"at", "call", "outcome", "times", "status", "duration_ms", "request", "answer"}


def get_order(api: Any, order_id: int) -> dict[str, Any]:
    return ok(api.get(f"/api/orders/{order_id}"))


def order_for_new_lead(api: Any) -> dict[str, Any]:
    made = ok(api.post("/api/leads", lead()), 201)
    answer = api.post("/api/projects/3d", project_for(made["id"]),
                      headers={"Prefer": "respond-async"})
    return ok(answer, 202)


# ---- Exchanges

def test_an_order_shows_what_was_said(stage: Stage) -> None:
    simulator = stage.simulate("0:0")
    server = stage.serve(simulator.url())
    api = server.api
    order_id = order_for_new_lead(api)["order_id"]
    wait_until(lambda: get_order(api, order_id)["state"] in ("created", "completed"), "created")
    order = get_order(api, order_id)
    create = [said for said in order["exchanges"] if said["call"] == "create"]
    assert len(create) == 1
    assert set(create[0]) == EXCHANGE
    assert create[0]["outcome"] == "ok"
    assert create[0]["times"] == 1
    assert TIME.fullmatch(create[0]["at"])
    request = json.loads(create[0]["request"])
    assert request["homeowner"] == "***"
    assert request["latitude"] == PROJECT["latitude"]
    assert create[0]["answer"].startswith(f'{{"id":{order["project_id"]},')
    assert len(create[0]["answer"]) <= 1024
    said = json.dumps(order)
    for private in PROJECT["homeowner"].values():
        assert private not in said
    assert order["model_3d_error"] is None
    assert order["eta"] is None  # nothing is known of this installation yet
    assert order["state"] == "completed" or TIME.fullmatch(order["next_try_at"])
    assert len(order["exchanges"]) <= 10


# ---- What a lead says

def test_a_lead_says_what_keeps_its_model(stage: Stage) -> None:
    upstream = stage.fake()
    upstream.on(*CREATE, Reply({"error": "the roof is too small"}, 422))
    api = stage.serve(upstream.url()).api
    made = ok(api.post("/api/leads", lead()), 201)
    got = ok(api.get(f"/api/leads/{made['id']}"))
    assert [got[name] for name in ("model_3d_error", "progress", "eta")] == [None, None, None]
    problem(api.post("/api/projects/3d", project_for(made["id"])), 422)
    got = ok(api.get(f"/api/leads/{made['id']}"))
    assert got["model_3d_status"] == "failed"
    assert got["model_3d_error"].startswith("LightFusion did not accept the data of this house.")
    # A list shows the same; a copy of what GET gave can be sent back.
    assert ok(api.get("/api/leads"))["leads"] == [got]
    ok(api.put(f"/api/leads/{made['id']}", got))
    problem(api.post("/api/leads", lead() | {"eta": None, "progress": 3}), 400, "/progress")


def test_a_lead_shows_progress(stage: Stage) -> None:
    simulator = stage.simulate("3600000:3600000")
    api = stage.serve(simulator.url()).api
    made = ok(api.post("/api/leads", lead()), 201)
    ok(api.post("/api/projects/3d", project_for(made["id"])), 201)
    synced = ok(api.post(f"/api/leads/{made['id']}/sync-3d-status"))
    got = ok(api.get(f"/api/leads/{made['id']}"))
    assert got["model_3d_error"] is None
    assert isinstance(got["progress"], int)
    assert synced["progress"] == got["progress"]
    assert "eta" in synced


# ---- Isolation

def health(api: Any) -> dict[str, Any]:
    return ok(api.get("/health"))["upstream"]


def test_isolation(stage: Stage) -> None:
    simulator = stage.simulate("0:0")
    server = stage.serve(simulator.url())
    api = server.api
    assert health(api)["isolated_at"] is None
    isolated = ok(api.post("/api/upstream/isolate"))
    assert TIME.fullmatch(isolated["isolated_at"])
    assert ok(api.post("/api/upstream/isolate", {})) == isolated
    assert health(api)["status"] == "isolated"
    assert health(api)["isolated_at"] == isolated["isolated_at"]
    answer = ok(api.post("/api/projects/3d", project_for(ok(api.post("/api/leads", lead()), 201)["id"])), 202)
    order = get_order(api, answer["order_id"])
    assert (order["state"], order["failure"], order["attempts"]) == ("requested", "unavailable", 0)
    assert order["exchanges"] == []
    assert "cannot be reached" in order["model_3d_error"]
    assert simulator.ledger() == []
    server.stop()
    server.start()  # it is still so
    assert health(server.api)["status"] == "isolated"
    assert ok(server.api.post("/api/upstream/restore")) == {"isolated_at": None}
    wait_until(lambda: get_order(server.api, answer["order_id"])["project_id"], "the order is sent")
    assert len(simulator.ledger()) == 1
    problem(server.api.post("/api/upstream/isolate", {"why": 1}), 400)


def put_off(stage: Stage, request: pytest.FixtureRequest) -> None:
    """All jobs are due in an hour, as after a long isolation. Nobody may run on the database."""
    if stage.engine == "postgres":
        request.getfixturevalue("postgres").execute(
            stage.database_name(), "UPDATE sunlead_jobs SET run_at = now() + INTERVAL '1 hour'")
        return
    with contextlib.closing(sqlite3.connect(stage.database_url.removeprefix("sqlite:"))) as database:
        database.execute("UPDATE sunlead_jobs SET run_at = run_at + 3600000000")
        database.commit()


def test_what_was_held_back_is_due_when_it_is_restored(stage: Stage, request: pytest.FixtureRequest) -> None:
    simulator = stage.simulate("0:0")
    server = stage.serve(simulator.url())
    ok(server.api.post("/api/upstream/isolate"))
    orders = [order_for_new_lead(server.api)["order_id"] for _ in range(3)]
    for order_id in orders:
        wait_until(lambda: get_order(server.api, order_id)["failure"] == "unavailable", "an order is held back")
    server.stop()
    put_off(stage, request)
    server.start()
    assert all(get_order(server.api, order_id)["attempts"] == 0 for order_id in orders)
    ok(server.api.post("/api/upstream/restore"))
    for order_id in orders:
        wait_until(lambda: get_order(server.api, order_id)["project_id"], "an order is sent")
    assert len(simulator.ledger()) == 3


def test_isolation_of_two_processes(stage: Stage) -> None:
    if stage.engine == "sqlite":
        pytest.skip("one process at a time")
    simulator = stage.simulate("0:0")
    one = stage.serve(simulator.url())
    two = stage.serve(simulator.url())
    ok(one.api.post("/api/upstream/isolate"))
    two.wait_event("upstream.isolated", timeout_s=5)
    assert health(two.api)["status"] == "isolated"
    ok(two.api.post("/api/upstream/restore"))
    one.wait_event("upstream.restored", timeout_s=5)
    assert health(one.api)["isolated_at"] is None
