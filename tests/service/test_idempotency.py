"""Idempotency-Key: a request that is sent again has its effect once and gets the answer it got before."""
import concurrent.futures
import json
import sqlite3
from typing import Any

import pytest

from harness import (Answer, Client, Reply, Server, Stage, cancel_model, free_port, ok, problem,
                     wait_until)
from postgres import Postgres
from samples import project, project_for, small_lead

CREATE = ("POST", "/v1/lead/create")
KEY_MAX = 255


def keyed(key: str, **more: str) -> dict[str, str]:
    return {"Idempotency-Key": key} | more


def batch(*references: str) -> dict[str, Any]:
    return {"orders": [project(reference=name, latitude=10 + i) for i, name in enumerate(references)]}


# Each route that takes a key: its path, a body, another one, and headers.
ROUTES: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "lead": ("/api/leads", small_lead(), small_lead(promo_code="SUN"), {}),
    "lead-with-model": ("/api/leads", small_lead(create_3d_model=True),
                        small_lead(create_3d_model=True, promo_code="SUN"), {}),
    "order": ("/api/projects/3d", project(), project(latitude=38), {}),
    "order-async": ("/api/projects/3d", project(), project(latitude=38), {"Prefer": "respond-async"}),
    "batch": ("/api/projects/3d/batch", batch("a", "b"), batch("c"), {}),
}


@pytest.fixture(params=list(ROUTES))
def route(request: pytest.FixtureRequest) -> str:
    return request.param


def post(api: Client, route: str, key: str, other: bool = False) -> Answer:
    path, body, other_body, headers = ROUTES[route]
    return api.post(path, other_body if other else body, headers=headers | keyed(key))


def same(answer: Answer, first: Answer) -> bool:
    """Whether an answer is the first one once more, byte for byte, and says so."""
    return (answer.status == first.status and answer.body == first.body
            and answer.headers["Location"] == first.headers["Location"]
            and answer.headers["Content-Type"] == first.headers["Content-Type"]
            and answer.headers["Idempotency-Replayed"] == "true"
            and first.headers["Idempotency-Replayed"] is None)


class Database:
    """What is stored, looked at and aged from outside."""

    def __init__(self, stage: Stage, request: pytest.FixtureRequest):
        self.stage = stage
        self.server: Postgres | None = None
        if stage.engine == "postgres":
            self.server = request.getfixturevalue("postgres")

    def run(self, statement: str) -> Any:
        if self.server is not None:
            return self.server.query(self.stage.database_name(), statement)
        with sqlite3.connect(self.stage.database_url.removeprefix("sqlite:"), timeout=30) as db:
            row = db.execute(statement).fetchone()
        db.close()
        return row[0] if row else None

    def count(self, what: str) -> int:
        return int(self.run(f"SELECT count(*) FROM {what}"))

    def age(self, seconds: int) -> None:
        """Makes all requests older."""
        span = f"interval '{seconds} s'" if self.server is not None else f"{seconds * 10**6}"
        self.run(f"UPDATE sunlead_requests SET created_at = created_at - {span}")


@pytest.fixture
def database(stage: Stage, request: pytest.FixtureRequest) -> Database:
    return Database(stage, request)


# ---- The same request again

def test_the_same_request_gets_the_same_answer(stage: Stage, route: str) -> None:
    simulator = stage.simulate()
    server = stage.serve(simulator.url())
    first = post(server.api, route, "k-1")
    assert first.status in (201, 202), first
    leads = ok(server.api.get("/api/leads"))["total"]
    models = {"lead": 0, "batch": 2}.get(route, 1)
    wait_until(lambda: ok(server.api.get("/api/leads?has_3d_model=true"))["total"] == models, "all to be sent")
    for _ in range(3):
        assert same(post(server.api, route, "k-1"), first)
    server.kill()
    server.start()
    assert same(post(server.api, route, "k-1"), first)
    assert ok(server.api.get("/api/leads"))["total"] == leads
    assert len(simulator.ledger()) == models


def test_another_body_under_the_key(stage: Stage, database: Database, route: str) -> None:
    server = stage.serve()
    first = post(server.api, route, "k-1")
    leads = ok(server.api.get("/api/leads"))["total"]
    problem(post(server.api, route, "k-1", other=True), 422)
    assert ok(server.api.get("/api/leads"))["total"] == leads
    assert same(post(server.api, route, "k-1"), first)
    assert post(server.api, route, "k-2", other=True).status == first.status
    assert ok(server.api.get("/api/leads"))["total"] > leads


def test_a_key_is_of_its_route(stage: Stage) -> None:
    api = stage.serve().api
    for route in ("lead", "order-async", "batch"):
        answer = post(api, route, "k-1")
        assert answer.status in (201, 202) and answer.headers["Idempotency-Replayed"] is None


@pytest.mark.parametrize("key", ["x", "!~", "x" * KEY_MAX, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
def test_a_good_key(stage: Stage, key: str) -> None:
    api = stage.serve().api
    first = post(api, "lead", key)
    assert same(post(api, "lead", key), first)


@pytest.mark.parametrize("key", ["", "x" * (KEY_MAX + 1), "a b", "a\tb", "é", "\u20ac", "a\x7f"])
def test_a_bad_key(stage: Stage, database: Database, key: str) -> None:
    api = stage.serve().api
    path, body, *_ = ROUTES["lead"]
    data = json.dumps(body).encode()
    head = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\nIdempotency-Key: {key}\r\n\r\n")
    with api.connect() as connection:
        answer = connection.send(head.encode() + data).answer()
    assert answer is not None
    problem(answer, 400)
    assert database.count("leads") == 0 and database.count("sunlead_requests") == 0


# ---- What is not kept

def test_mistakes_are_not_kept(stage: Stage, database: Database) -> None:
    api = stage.serve().api
    problem(api.post("/api/leads", {"latitude": 91}, headers=keyed("k")), 400)
    problem(api.post("/api/projects/3d", project_for(999), headers=keyed("k")), 404)
    problem(api.post("/api/projects/3d/batch", {"orders": [{"latitude": 1}]}, headers=keyed("k")), 422)
    assert database.count("sunlead_requests") == 0
    assert post(api, "lead", "k").status == 201
    assert post(api, "order-async", "k").status == 202
    assert post(api, "batch", "k").status == 202


def test_a_conflict_is_not_kept(stage: Stage, database: Database) -> None:
    api = stage.serve().api
    made = ok(api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    body = project_for(made["id"], target_solar_offset=77)
    for _ in range(2):
        refused = problem(api.post("/api/projects/3d", body, headers=keyed("k")), 409)
        assert refused["order_id"] == made["order_id"]
    assert database.count("sunlead_requests") == 0
    cancel_model(api, made["id"])
    answer = api.post("/api/projects/3d", body, headers=keyed("k", Prefer="respond-async"))
    assert ok(answer, 202)["order_id"] > made["order_id"]


def test_a_refusal_by_lightfusion_is_kept(stage: Stage) -> None:
    fake = stage.fake()
    fake.on(*CREATE, Reply({"error": "the roof is too small"}, status=422))
    api = stage.serve(fake.url()).api
    first = api.post("/api/projects/3d", project(), headers=keyed("k"))
    problem(first, 422)
    again = api.post("/api/projects/3d", project(), headers=keyed("k"))
    assert same(again, first)
    assert fake.count(*CREATE) == 1


def test_what_the_database_refused_is_not_kept(stage: Stage, request: pytest.FixtureRequest) -> None:
    if stage.engine != "postgres":
        pytest.skip("SQLite is inside")
    postgres: Postgres = request.getfixturevalue("postgres")
    server = stage.serve()
    server.expect_errors("database.unavailable")
    postgres.halt(crash=True)
    problem(post(server.api, "lead", "k"), 503)
    postgres.start()
    wait_until(lambda: server.api.get("/health").status == 200, "the database to be up")
    first = post(server.api, "lead", "k")
    assert first.status == 201 and first.headers["Idempotency-Replayed"] is None
    assert ok(server.api.get("/api/leads"))["total"] == 1


# ---- At once

def test_many_at_once_have_one_effect(stage: Stage, database: Database, route: str) -> None:
    apis = [stage.serve(f"http://127.0.0.1:{free_port()}").api
            for _ in range(2 if stage.engine == "postgres" else 1)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: post(apis[i % len(apis)], route, "k"), range(16)))
    first = [answer for answer in answers if answer.headers["Idempotency-Replayed"] is None
             and answer.status in (201, 202)]
    assert len(first) == 1
    for answer in answers:
        if answer is not first[0] and answer.status != 409:
            assert same(answer, first[0])
    for api in apis:
        assert same(post(api, route, "k"), first[0])
    assert database.count("leads") == (2 if route == "batch" else 1)


def test_one_that_is_running(stage: Stage) -> None:
    fake = stage.fake()
    server = stage.serve(fake.url())
    fake.on(*CREATE, Reply({"id": 123, "lead_id": 456}, delay_s=3))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(post, server.api, "order", "k")
        wait_until(lambda: fake.count(*CREATE) == 1, "the order to be sent")
        answer = post(server.api, "order", "k")
        problem(answer, 409)
        assert int(answer.headers["Retry-After"]) > 0
        problem(post(server.api, "order", "k", other=True), 422)
        first = running.result()
    assert first.status == 201
    assert same(post(server.api, "order", "k"), first)
    assert fake.count(*CREATE) == 1


# ---- Whoever did the work is gone

def kill_before_the_answer(stage: Stage, server: Server, fake: Any, key: str) -> None:
    """An order is stored and sent, and its process killed before it could answer."""
    fake.on(*CREATE, Reply({"id": 123, "lead_id": 456}, delay_s=600))
    path, body, _, _ = ROUTES["order"]
    data = json.dumps(body).encode()
    with server.api.connect() as connection:
        connection.send((f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         f"Content-Length: {len(data)}\r\nIdempotency-Key: {key}\r\n\r\n").encode() + data)
        wait_until(lambda: fake.count(*CREATE) == 1, "the order to be sent")
        server.kill()


def test_killed_between_effect_and_answer(stage: Stage, database: Database) -> None:
    fake = stage.fake()
    server = stage.serve(fake.url())
    kill_before_the_answer(stage, server, fake, "k")
    server.start()
    problem(post(server.api, "order", "k"), 409)
    database.age(61)
    first = post(server.api, "order", "k")
    made = ok(first, 202)
    assert first.headers["Location"] == f"/api/orders/{made['order_id']}"
    assert ok(server.api.get(f"/api/orders/{made['order_id']}"))["lead_id"] == made["lead_id"]
    assert same(post(server.api, "order", "k"), first)
    assert database.count("sunlead_orders") == 1 and database.count("leads") == 1
    assert fake.count(*CREATE) == 1


@pytest.mark.parametrize("route", ["lead", "lead-with-model", "order-async", "batch"], indirect=True)
def test_an_answer_that_was_not_stored(stage: Stage, database: Database, route: str) -> None:
    server = stage.serve()
    first = post(server.api, route, "k")
    server.stop()
    database.run("UPDATE sunlead_requests SET status = NULL, answer = NULL, location = NULL")
    server.start()
    problem(post(server.api, route, "k"), 409)
    database.age(61)
    anew = post(server.api, route, "k")
    assert anew.headers["Idempotency-Replayed"] is None
    # What keeps a model from coming is of the moment.
    bodies = [{name: value for name, value in answer.json().items() if name != "model_3d_error"}
              for answer in (anew, first)]
    assert (anew.status, bodies[0], anew.headers["Location"]) == \
        (first.status, bodies[1], first.headers["Location"])
    assert same(post(server.api, route, "k"), anew)
    assert database.count("leads") == (2 if route == "batch" else 1)


def test_work_that_was_for_nothing_is_done_again(stage: Stage, database: Database) -> None:
    """The process found another order in the way, and was killed before it said so."""
    api = stage.serve(None, "--no-jobs").api  # The order stays where it is.
    made = ok(api.post("/api/leads", small_lead()), 201)
    body = project_for(made["id"])
    headers = keyed("k", Prefer="respond-async")
    ordered = ok(api.post("/api/projects/3d", body, headers={"Prefer": "respond-async"}), 202)
    assert ok(api.post("/api/projects/3d", body, headers=headers), 202) == ordered
    database.run("UPDATE sunlead_requests SET status = NULL, answer = NULL, location = NULL")
    cancel_model(api, made["id"])
    problem(api.post("/api/projects/3d", body, headers=headers), 409)
    database.age(61)
    again = api.post("/api/projects/3d", body, headers=headers)
    assert ok(again, 202)["order_id"] > ordered["order_id"]
    assert same(api.post("/api/projects/3d", body, headers=headers), again)


# ---- For a day

def test_a_key_is_kept_for_a_day(stage: Stage, database: Database, route: str) -> None:
    api = stage.serve().api
    first = post(api, route, "k")
    leads = database.count("leads")
    database.age(24 * 3600 - 60)
    assert same(post(api, route, "k"), first)
    database.age(61)
    if route == "batch":  # its references are known for longer
        assert ok(post(api, route, "k"), 202)["repeated"] == 2
    else:
        assert post(api, route, "k", other=True).status == first.status
        assert database.count("leads") > leads


def test_old_keys_go(stage: Stage, database: Database) -> None:
    api = stage.serve().api
    for i in range(5):
        post(api, "lead", f"k-{i}")
    assert database.count("sunlead_requests") == 5
    database.age(24 * 3600)
    post(api, "lead", "new")
    assert database.count("sunlead_requests") == 1
