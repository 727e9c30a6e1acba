"""PostgreSQL by way of PgBouncer in transaction mode: what is different there."""
import concurrent.futures
from collections.abc import Iterator

import pytest

from cutter import AFTER, BEFORE, Cutter
from harness import Server, Stage, free_port, ok, problem, wait_until
from postgres import PASSWORD, SESSIONS, Postgres
from samples import small_lead


@pytest.fixture(scope="module", params=["pgbouncer"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)  # begun before the programs and ended after them
def cutter(pooler: Postgres) -> Iterator[Cutter]:
    """Cuts connections between sunlead and the pooler."""
    cutter = Cutter(pooler.pooler_port)
    yield cutter
    cutter.close()


@pytest.fixture
def server(stage: Stage, cutter: Cutter) -> Server:
    url = f"postgres://sunlead:{PASSWORD}@127.0.0.1:{cutter.port}/{stage.database_name()}"
    return stage.serve(environment={"DATABASE_URL": url})


def test_a_write_whose_answer_is_lost(server: Server, cutter: Cutter) -> None:
    cutter.arm("lead.created", AFTER)
    made = ok(server.api.post("/api/leads", small_lead()), 201)
    assert cutter.cut.is_set()
    assert [lead["id"] for lead in ok(server.api.get("/api/leads"))["leads"]] == [made["id"]]


def test_a_write_that_may_be_lost(server: Server, cutter: Cutter) -> None:
    # The pooler does not tell which backend has it, or whether one does.
    cutter.arm("lead.created", BEFORE)
    answer = server.api.post("/api/leads", small_lead())
    assert cutter.cut.is_set()
    assert problem(answer, 503)["outcome"] == "unknown"
    assert "Retry-After" not in answer.headers
    assert ok(server.api.get("/api/leads"))["total"] == 0


def test_postgresql_is_away(stage: Stage, server: Server, pooler: Postgres) -> None:
    server.expect_errors("database.unavailable", "job.commit_failed")
    made = ok(server.api.post("/api/leads", small_lead()), 201)
    pooler.halt()
    problem(server.api.get(f"/api/leads/{made['id']}"), 503)
    server.wait_event("database.unavailable")
    assert server.api.get("/health").status == 503
    # The pooler itself says that it had no backend for it: nothing was stored.
    refused = server.api.post("/api/leads", small_lead())
    assert "outcome" not in problem(refused, 503)
    assert int(refused.headers["Retry-After"]) > 0
    pooler.start()
    wait_until(lambda: server.api.get("/health").status == 200, "the database to be up")
    server.wait_event("database.recovered")
    # Once an outage, though the pooler took every connection meanwhile.
    assert len(server.events("database.unavailable")) == 1
    assert len(server.events("database.recovered")) == 1
    assert ok(server.api.get("/api/leads"))["total"] == 1


def test_nobody_told_of_the_pooler(stage: Stage, pooler: Postgres) -> None:
    server = stage.serve(environment={"DATABASE_POOLER": "0"})
    assert "DATABASE_POOLER=1" in server.wait_event("database.pooler_found")["message"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for answer in pool.map(lambda _: server.api.post("/api/leads", small_lead()), range(64)):
            ok(answer, 201)
    assert ok(server.api.get("/api/leads"))["total"] == 64
    # Nothing of sunlead's sessions is left to those who get the same backends.
    assert pooler.query(stage.database_name(), "SELECT count(*) FROM pg_stat_activity WHERE query "
                        "LIKE 'SET TimeZone%' AND datname = current_database()") == "0"


def test_a_pooler_whose_sessions_last(stage: Stage, pooler: Postgres) -> None:
    pooler.execute("postgres", f"DROP DATABASE IF EXISTS {SESSIONS}")
    pooler.execute("postgres", f"CREATE DATABASE {SESSIONS}")
    server = stage.serve(environment={"DATABASE_POOLER": "0", "DATABASE_URL": pooler.pooled_url(SESSIONS)})
    ok(server.api.post("/api/leads", small_lead()), 201)
    assert not server.events("database.pooler_found")
    # Notices need sessions: sunlead uses them.
    assert pooler.query(SESSIONS, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%LISTEN%' "
                        "AND datname = current_database() AND pid <> pg_backend_pid()") == "1"


def test_migrations_go_past_the_pooler(stage: Stage, pooler: Postgres) -> None:
    def serve(url: str) -> Server:
        return stage.prepare_serve(environment={"DATABASE_DIRECT_URL": url})
    nowhere = serve(f"postgres://sunlead@127.0.0.1:{free_port()}/x")
    nowhere.launch()
    assert nowhere.wait_exit() == 1
    nowhere.expect_errors()
    direct = serve(pooler.url(stage.database_name()))
    direct.start()
    ok(direct.api.post("/api/leads", small_lead()), 201)
