"""Connections to PostgreSQL that break while a write is being committed: never a wrong answer, no write twice."""
import concurrent.futures
from collections.abc import Iterator

import pytest

from cutter import AFTER, BEFORE, DURING, FATES, STAYS, Cutter
from harness import Client, Reply, Server, Stage, ok, problem, wait_until
from postgres import PASSWORD, Postgres
from samples import project, project_for, small_lead


@pytest.fixture(scope="module", params=["postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """SQLite has no connection that could break."""
    return request.param


@pytest.fixture(autouse=True)  # begun before the programs and ended after them
def cutter(postgres: Postgres) -> Iterator[Cutter]:
    cutter = Cutter(postgres.port)
    yield cutter
    cutter.close()


@pytest.fixture
def server(stage: Stage, cutter: Cutter) -> Server:
    url = f"postgres://sunlead:{PASSWORD}@127.0.0.1:{cutter.port}/{stage.database_name()}"
    return stage.serve(None, "--no-jobs", environment={"DATABASE_URL": url})  # nobody else writes


@pytest.fixture
def api(server: Server) -> Client:
    return server.api


def count(postgres: Postgres, stage: Stage, query: str) -> int:
    return int(postgres.query(stage.database_name(), f"SELECT count(*) FROM {query}"))


# What is found out about the write, and done; of one that is under way either may be seen.
OUTCOMES = {BEFORE: {"repeated"}, STAYS: {"repeated"}, AFTER: {"stored"}, DURING: {"stored", "repeated"}}


# ---- The connection is cut, and the server answers on

@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("with_model", [False, True], ids=["lead", "lead-and-order"])
def test_create(stage: Stage, server: Server, cutter: Cutter, postgres: Postgres, fate: str,
                with_model: bool) -> None:
    api = server.api
    cutter.arm("lead.created", fate)
    answer = api.post("/api/leads", small_lead(external_lead_id="x-1", create_3d_model=with_model))
    assert cutter.cut.is_set()
    found = server.wait_event("database.write_looked_up", operation="lead_create")
    assert found["outcome"] in OUTCOMES[fate]
    made = ok(answer, 201)
    assert answer.headers["Location"] == f"/api/leads/{made['id']}"
    assert made["external_lead_id"] == "x-1"
    assert ok(api.get(f"/api/leads/{made['id']}"))["external_lead_id"] == "x-1"
    assert ok(api.get("/api/leads"))["total"] == 1
    assert count(postgres, stage, "sunlead_events WHERE type = 'lead.created'") == 1
    if with_model:
        assert ok(api.get(f"/api/orders/{made['order_id']}"))["lead_id"] == made["id"]
        assert count(postgres, stage, "sunlead_orders") == 1


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("route", ["/api/leads", "/api/projects/3d", "/api/projects/3d/batch"])
def test_with_a_key(stage: Stage, server: Server, cutter: Cutter, postgres: Postgres, fate: str,
                    route: str) -> None:
    bodies = {"/api/leads": small_lead(create_3d_model=True), "/api/projects/3d": project(),
              "/api/projects/3d/batch": {"orders": [project(), project(latitude=38, reference="a")]}}
    headers = {"Idempotency-Key": "k", "Prefer": "respond-async"}
    cutter.arm("order.requested", fate)
    first = server.api.post(route, bodies[route], headers=headers)
    assert cutter.cut.is_set()
    assert first.status in (201, 202), first
    again = server.api.post(route, bodies[route], headers=headers)
    assert (again.status, again.body, again.headers["Location"]) == \
        (first.status, first.body, first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"
    made = 2 if route.endswith("batch") else 1
    assert count(postgres, stage, "leads") == made
    assert count(postgres, stage, "sunlead_orders") == made
    assert count(postgres, stage, "sunlead_events WHERE type = 'lead.created'") == made
    assert count(postgres, stage, "sunlead_requests") == 1


@pytest.mark.parametrize("fate", FATES)
def test_cancel(stage: Stage, cutter: Cutter, postgres: Postgres, fate: str) -> None:
    fake = stage.fake()
    fake.on("POST", "/v1/lead/create", Reply({}, delay_s=600))
    url = f"postgres://sunlead:{PASSWORD}@127.0.0.1:{cutter.port}/{stage.database_name()}"
    server = stage.serve(fake.url(), environment={"DATABASE_URL": url, "JOB_CONCURRENCY": "1"})
    api = server.api
    ok(api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    wait_until(lambda: fake.count("POST", "/v1/lead/create") == 1, "its one job under way")
    made = ok(api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    cutter.arm("order.cancelled", fate)
    order = ok(api.post(f"/api/leads/{made['id']}/cancel-3d-model"))
    assert cutter.cut.is_set()
    assert (order["id"], order["state"]) == (made["order_id"], "cancelled")
    assert count(postgres, stage, "sunlead_events WHERE type = 'order.cancelled'") == 1
    assert count(postgres, stage, "sunlead_jobs") == 1
    server.kill()  # its one job would hold it


@pytest.mark.parametrize("fate", FATES)
def test_change(stage: Stage, api: Client, cutter: Cutter, postgres: Postgres, fate: str) -> None:
    made = ok(api.post("/api/leads", small_lead()), 201)
    cutter.arm("lead.changed", fate)
    changed = ok(api.put(f"/api/leads/{made['id']}", {"promo_code": "SUN"}))
    assert cutter.cut.is_set()
    assert changed == made | {"promo_code": "SUN", "updated_at": changed["updated_at"]}
    assert ok(api.get(f"/api/leads/{made['id']}")) == changed
    assert count(postgres, stage, "sunlead_events WHERE type = 'lead.changed'") == 1


@pytest.mark.parametrize("fate", FATES)
def test_delete(stage: Stage, api: Client, cutter: Cutter, postgres: Postgres, fate: str) -> None:
    made = ok(api.post("/api/leads", small_lead()), 201)
    cutter.arm("lead.deleted", fate)
    assert api.delete(f"/api/leads/{made['id']}").status == 204
    assert cutter.cut.is_set()
    problem(api.get(f"/api/leads/{made['id']}"), 404)
    assert count(postgres, stage, "sunlead_events WHERE type = 'lead.deleted'") == 1


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("with_lead", [True, False], ids=["for-a-lead", "with-a-new-lead"])
def test_order(stage: Stage, cutter: Cutter, postgres: Postgres, fate: str, with_lead: bool) -> None:
    simulator = stage.simulate()
    url = f"postgres://sunlead:{PASSWORD}@127.0.0.1:{cutter.port}/{stage.database_name()}"
    api = stage.serve(simulator.url(), environment={"DATABASE_URL": url}).api
    body = project_for(ok(api.post("/api/leads", small_lead()), 201)["id"]) if with_lead else project()
    cutter.arm("order.requested", fate)
    ordered = ok(api.post("/api/projects/3d", body), 201)
    assert cutter.cut.is_set()
    assert ok(api.get(f"/api/orders/{ordered['order_id']}"))["lead_id"] == ordered["lead_id"]
    assert ok(api.get("/api/leads"))["total"] == 1
    assert count(postgres, stage, "sunlead_orders") == 1
    assert len(simulator.ledger()) == 1


@pytest.mark.parametrize("fate", FATES)
def test_fence(stage: Stage, cutter: Cutter, postgres: Postgres, fate: str) -> None:
    simulator = stage.simulate()
    url = f"postgres://sunlead:{PASSWORD}@127.0.0.1:{cutter.port}/{stage.database_name()}"
    server = stage.serve(simulator.url(), environment={"DATABASE_URL": url})
    server.expect_errors("job.commit_failed")
    cutter.arm("order.sending", fate)
    made = ok(server.api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    server.wait_event("job.commit_failed", error="unknown_outcome")
    assert cutter.cut.wait(30)
    # Nothing was sent behind a fence that nobody heard of: it is sent now, and nothing is looked up.
    server.wait_event("order.created", order_id=made["order_id"])
    assert server.events("order.unknown") == []
    assert ok(server.api.get(f"/api/orders/{made['order_id']}"))["attempts"] == 1
    assert count(postgres, stage, "sunlead_events WHERE type = 'order.sending'") == 1
    assert len(simulator.ledger()) == 1


def test_a_lead_that_is_gone_meanwhile(api: Client, cutter: Cutter) -> None:
    made = ok(api.post("/api/leads", small_lead()), 201)
    assert api.delete(f"/api/leads/{made['id']}").status == 204
    cutter.arm("lead.changed", AFTER)
    problem(api.put(f"/api/leads/{made['id']}", {"promo_code": "SUN"}), 404)


def test_what_is_only_shown_cannot_be_read(stage: Stage, api: Client, postgres: Postgres) -> None:
    made = ok(api.post("/api/leads", small_lead()), 201)
    name = stage.database_name()
    postgres.execute(name, "UPDATE leads SET model_3d_status = 'pending'")
    postgres.execute(name, "ALTER TABLE sunlead_orders RENAME TO away")
    changed = ok(api.put(f"/api/leads/{made['id']}", {"promo_code": "SUN"}))
    postgres.execute(name, "ALTER TABLE away RENAME TO sunlead_orders")
    assert changed["promo_code"] == "SUN" and changed["eta"] is None
    assert ok(api.get(f"/api/leads/{made['id']}")) == changed


# ---- The commit hangs

@pytest.fixture
def no_standby(postgres: Postgres) -> Iterator[None]:
    """Commits wait for a standby that is not there."""
    set_standby(postgres, "missing")
    yield
    set_standby(postgres, "")


def set_standby(postgres: Postgres, name: str) -> None:
    postgres.execute("postgres", f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    postgres.execute("postgres", "SELECT pg_reload_conf()")
    wait_until(lambda: postgres.query("postgres", "SHOW synchronous_standby_names") == name, "the setting")


WAITING = "pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'sunlead'"


def post_and_wait(stage: Stage, api: Client, postgres: Postgres,
                  pool: concurrent.futures.Executor) -> concurrent.futures.Future[object]:
    """Posts a lead, whose commit waits when this returns."""
    posted = pool.submit(api.post, "/api/leads", small_lead(external_lead_id="x-2"))
    wait_until(lambda: count(postgres, stage, WAITING) == 1, "the commit to wait")
    return posted


def test_a_waiting_commit_that_is_ended(stage: Stage, api: Client, postgres: Postgres,
                                        no_standby: None) -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        posted = post_and_wait(stage, api, postgres, pool)
        postgres.execute("postgres", f"SELECT pg_terminate_backend(pid) FROM {WAITING}")
        made = ok(posted.result(), 201)
    assert [lead["id"] for lead in ok(api.get("/api/leads"))["leads"]] == [made["id"]]


def test_a_waiting_commit_that_succeeds(stage: Stage, api: Client, postgres: Postgres, cutter: Cutter,
                                        no_standby: None) -> None:
    cutter.arm("lead.created", DURING)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        posted = post_and_wait(stage, api, postgres, pool)
        assert cutter.cut.wait(30)
        # Not told as stored while no standby has it.
        with pytest.raises(concurrent.futures.TimeoutError):
            posted.result(1)
        set_standby(postgres, "")
        made = ok(posted.result(), 201)
    assert [lead["id"] for lead in ok(api.get("/api/leads"))["leads"]] == [made["id"]]


def test_a_waiting_commit_that_stays_unknown(stage: Stage, server: Server, postgres: Postgres,
                                             cutter: Cutter, no_standby: None) -> None:
    cutter.arm("lead.created", DURING)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        posted = post_and_wait(stage, server.api, postgres, pool)
        answer = posted.result()
    body = problem(answer, 503)
    assert body["outcome"] == "unknown"
    assert "Retry-After" not in answer.headers
    # Its backend does not stay for ever, and who looks finds it.
    wait_until(lambda: count(postgres, stage, WAITING) == 0, "the backend to be gone")
    assert ok(server.api.get("/api/leads"))["leads"][0]["external_lead_id"] == "x-2"


# ---- The server is gone

def test_the_server_is_silent_for_a_while(server: Server, cutter: Cutter) -> None:
    server.expect_errors("database.unavailable")
    ok(server.api.post("/api/leads", small_lead()), 201)
    cutter.arm("lead.created", AFTER)
    cutter.hold(True)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        posted = pool.submit(server.api.post, "/api/leads", small_lead())
        assert cutter.cut.wait(30)
        # Who asks in vain asks anew, rather than to wait for the answer to one question.
        wait_until(lambda: cutter.held >= 4 or posted.done(), "several connections to be tried")
        assert not posted.done()
        cutter.hold(False)
        ok(posted.result(), 201)
    assert server.wait_event("database.write_looked_up")["outcome"] == "stored"
    assert ok(server.api.get("/api/leads"))["total"] == 2


def test_the_server_stays_away(stage: Stage, server: Server, postgres: Postgres, cutter: Cutter) -> None:
    server.expect_errors("database.unavailable")
    cutter.arm("lead.created", STAYS)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        posted = pool.submit(server.api.post, "/api/leads", small_lead())
        assert cutter.cut.wait(30)
        postgres.halt(crash=True)
        answer = posted.result()
    body = problem(answer, 503)
    assert ("Retry-After" in answer.headers) == ("outcome" not in body)
    postgres.start()
    wait_until(lambda: server.api.get("/health").status == 200, "the database to be up")
    assert ok(server.api.get("/api/leads"))["total"] == 0
    # The log tells when it began and how long it lasted, and nothing each second in between.
    assert len(server.events("database.unavailable")) == 1
    assert server.wait_event("database.recovered")["after_s"] >= 1
    for event in ("upstream.read_failed", "jobs.claim_failed", "jobs.upkeep_failed", "jobs.purge_failed"):
        assert len(server.events(event)) <= 1
