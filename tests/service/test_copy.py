"""sunlead migrate copy: an installation goes from SQLite to PostgreSQL, also when it is cut off."""
import contextlib
import random
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Client, Reply, Stage, free_port, ok, problem, sunlead_path, wait_until
from postgres import PASSWORD, Postgres
from samples import lead, project, small_lead

CREATE = ("POST", "/v1/lead/create")
HOUR_US = 3_600_000_000
GENERATION_MS = 8000  # long enough for a look at a model that is not done
TABLES = ["leads", "sunlead_orders", "sunlead_files", "sunlead_loose_files", "sunlead_companies",
          "sunlead_events", "sunlead_exchanges", "sunlead_project_id_sources", "sunlead_batches",
          "sunlead_requests", "sunlead_jobs", "sunlead_job_kinds", "sunlead_lead_totals"]


@pytest.fixture(scope="module")
def engine() -> str:
    """What is copied is on SQLite."""
    return "sqlite"


@pytest.fixture
def target(postgres: Postgres) -> Iterator[str]:
    """The name of an empty database; asked for before the stage, whose programs it must outlive."""
    name = postgres.create()
    yield name
    postgres.drop(name)


def command(stage: Stage, *arguments: str) -> list[str]:
    return [str(sunlead_path()), "migrate", "copy", *arguments]


def copy(stage: Stage, *arguments: str, status: int = 0) -> str:
    """Runs a copy to its end and returns what it said."""
    done = subprocess.run(command(stage, *arguments), cwd=stage.folder, capture_output=True,
                          text=True, timeout=120, check=False, env={})
    said = done.stdout + done.stderr
    assert done.returncode == status, said
    assert PASSWORD not in said
    return said


def assert_complete(said: str) -> None:
    lines = re.findall(r"^(\w+) +(\d+) rows, sha256 [0-9a-f]{64}, equal$", said, re.MULTILINE)
    assert [name for name, _ in lines] == TABLES, said
    assert "The copy is complete." in said


def source_file(stage: Stage) -> Path:
    return Path(stage.database_url.removeprefix("sqlite:"))


def change_source(stage: Stage, script: str) -> None:
    """Works on the database of a sunlead that does not run."""
    with contextlib.closing(sqlite3.connect(source_file(stage))) as db:
        db.executescript(script)


def migrate(stage: Stage, url: str) -> None:
    subprocess.run([str(sunlead_path()), "migrate", "up"], cwd=stage.folder, check=True,
                   capture_output=True, timeout=60, env={"DATABASE_URL": url})


# ---- An installation with orders in all states

def get_order(api: Client, order_id: int) -> dict[str, Any]:
    return ok(api.get(f"/api/orders/{order_id}"))


def order_model(api: Client) -> int:
    """Orders a model for a new lead, without waiting for it; the order's id."""
    made = ok(api.post("/api/leads", lead(create_3d_model=True)), 201)
    return made["order_id"]


def wait_order(api: Client, order_id: int, *states: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        order = get_order(api, order_id)
        if order["project_id"]:  # asking is what makes it fresh before the next poll
            api.get(f"/api/projects/3d/{order['project_id']}")
        return order if order["state"] in states else None
    return wait_until(look, f"order {order_id} {states}", timeout_s=60)


def snapshot(api: Client) -> dict[str, Any]:
    """All that the API tells of leads, orders and files without asking LightFusion."""
    paths = ["/api/leads?limit=100", "/api/leads?limit=2&offset=1", "/api/leads?has_3d_model=true",
             "/api/leads?has_3d_model=false", "/api/leads?company_id=1", "/api/leads?company_id=9",
             "/api/leads?company_id=1&has_3d_model=true"]
    leads = ok(api.get(paths[0]))["leads"]
    paths += [f"/api/leads/{found['id']}" for found in leads]
    paths += [f"/api/orders/{order_id}" for order_id in range(1, 10)]
    paths += [f"/api/projects/3d/{found['lightfusion_3d_project_id']}/files" for found in leads
              if found["lightfusion_3d_project_id"]]
    answers = {path: api.get(path) for path in paths}
    return {path: (answer.status, answer.json() if answer.status == 200 else None)
            for path, answer in answers.items()}


def ordered_in_all_states(stage: Stage, port: int) -> dict[str, int]:
    """Runs a sunlead until it has orders in all these states; the ids of the orders."""
    orders = {}
    fake = stage.fake(port)
    server = stage.serve(fake.url())
    api = server.api
    ok(api.post("/api/leads", small_lead(company_id=9, address='"Öst" \\ 🏠 \t', kwh_usage=0.1)), 201)
    gone = ok(api.post("/api/leads", small_lead(company_id=9)), 201)["id"]
    ok(api.delete(f"/api/leads/{gone}"), 204)
    fake.on(*CREATE, Reply({"error": "the roof is too small"}, 422))
    orders["failed"] = order_model(api)
    wait_order(api, orders["failed"], "failed")
    fake.on(*CREATE, Reply(fate="close"))
    fake.on("GET", "/v1/leads", Reply({"error": "no such thing"}, 404))
    orders["parked"] = order_model(api)
    wait_order(api, orders["parked"], "parked")
    # Told to come back in an hour, an order stands still.
    fake.on(*CREATE, Reply({"error": "slow down"}, 429, {"Retry-After": "3600"}))
    for state in ("requested", "cancelled"):
        orders[state] = order_model(api)
        wait_until(lambda: get_order(api, orders[state])["failure"] == "limited", "it is put off")
    ok(api.delete(f"/api/leads/{get_order(api, orders['cancelled'])['lead_id']}"), 204)
    server.stop()
    fake.stop()
    # A simulator that keeps its projects takes the place.
    keep = str(stage.folder / "ledger.jsonl")
    simulator = stage.simulate("0:0", port, keep=keep)
    server.start()
    api = server.api
    orders["completed"] = order_model(api)
    wait_order(api, orders["completed"], "completed")
    wait_until(lambda: get_order(api, orders["completed"])["files"] == "done", "its files")
    simulator.stop()
    simulator = stage.simulate(f"{GENERATION_MS}:{GENERATION_MS}", port, keep=keep)
    orders["processing"] = order_model(api)
    wait_order(api, orders["processing"], "processing")
    server.stop()
    simulator.stop()
    return orders


def test_what_was_asked_for_is_remembered(target: str, stage: Stage, postgres: Postgres) -> None:
    body = {"orders": [project(reference="Öst"), project(reference="b", latitude=1), {"latitude": 91}]}
    headers = {"Idempotency-Key": "k"}
    source = stage.serve()
    first = source.api.post("/api/projects/3d/batch", body, headers=headers)
    made = source.api.post("/api/leads", small_lead(), headers=headers)
    source.stop()
    assert_complete(copy(stage, stage.database_url, postgres.url(target)))
    api = stage.serve(environment={"DATABASE_URL": postgres.url(target)}).api
    for path, sent, answer in (("/api/projects/3d/batch", body, first), ("/api/leads", small_lead(), made)):
        again = api.post(path, sent, headers=headers)
        assert (again.status, again.body) == (answer.status, answer.body)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert ok(api.post("/api/projects/3d/batch", body), 202)["repeated"] == 2
    batch = ok(api.get(first.headers["Location"]))
    assert (batch["accepted"], batch["items"]) == (2, 3)


def test_all_is_there_and_goes_on(target: str, stage: Stage, postgres: Postgres) -> None:
    port = free_port()
    orders = ordered_in_all_states(stage, port)
    upstream = f"http://127.0.0.1:{port}"
    # What is to be compared must stand still.
    change_source(stage, f"UPDATE sunlead_jobs SET run_at = run_at + {HOUR_US}")
    source = stage.serve(upstream)
    before = snapshot(source.api)
    source.stop()
    for state, order_id in orders.items():
        assert before[f"/api/orders/{order_id}"][1]["state"] == state

    assert_complete(copy(stage, stage.database_url, postgres.url(target)))

    server = stage.serve(upstream, environment={"DATABASE_URL": postgres.url(target)})
    api = server.api
    assert snapshot(api) == before
    done = get_order(api, orders["completed"])
    for kind in ("jpg", "obj", "ply", "mtl"):
        assert api.get(f"/media/{done['project_id']}/scene.{kind}").status == 200
    # Ids go on behind those that were there.
    last = max(int(path.rsplit("/", 1)[1]) for path in before if re.fullmatch(r"/api/leads/\d+", path))
    assert ok(api.post("/api/leads", small_lead()), 201)["id"] > last

    # What was under way comes to its end.
    simulator = stage.simulate("0:0", port, keep=str(stage.folder / "ledger.jsonl"))
    postgres.execute(target, "UPDATE sunlead_jobs SET run_at = now()")
    wait_order(api, orders["processing"], "completed")
    wait_order(api, orders["requested"], "completed")
    assert len(simulator.ledger()) == 3  # none of them was paid for twice
    ok(api.post(f"/api/orders/{orders['parked']}/order-again"))
    wait_order(api, orders["parked"], "completed")


# ---- Cut off

BULK = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {leads})
INSERT INTO leads (company_id, creator_id, latitude, longitude, address, created_at, updated_at)
SELECT i % 50, 1, i / 1000.0, i / 700.0, i || ' Solar St', i, i FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {leads} / 20)
INSERT INTO sunlead_files (project_id, company_id, name, kind, state) SELECT i, 1, 'scene.obj', 'obj', 'missing' FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {leads} / 20)
INSERT INTO sunlead_events (at, type) SELECT i, 'lead.created' FROM n;
INSERT INTO sunlead_project_id_sources VALUES ('lead.id', 1, 0);
"""


def fill(stage: Stage, leads: int) -> None:
    migrate(stage, stage.database_url)
    change_source(stage, BULK.format(leads=leads))


def copy_killed(stage: Stage, url: str, delay_s: float) -> bool:
    """Kills a copy after a while; whether it had not come to its end by then."""
    with subprocess.Popen(command(stage, stage.database_url, url), cwd=stage.folder, env={},
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(delay_s)
        process.kill()
        return process.wait() != 0


def test_killed_again_and_again(target: str, stage: Stage, postgres: Postgres) -> None:
    fill(stage, 100_000)
    url = postgres.url(target)
    delays = random.Random(1)
    for _ in range(20):
        assert copy_killed(stage, url, delays.uniform(0, 0.12))
    assert_complete(copy(stage, stage.database_url, url))
    api = stage.serve(environment={"DATABASE_URL": url}).api
    assert ok(api.get("/api/leads?limit=1"))["total"] == 100_000


def test_killed_once_at_any_point(stage: Stage, postgres: Postgres) -> None:
    """Of copies that take as long as their beginning and their end do."""
    fill(stage, 300)
    delays = random.Random(2)
    name = postgres.create()
    began = time.monotonic()
    copy(stage, stage.database_url, postgres.url(name))
    whole_s = time.monotonic() - began
    postgres.drop(name)
    killed = 0
    for _ in range(20):
        name = postgres.create()
        if copy_killed(stage, postgres.url(name), delays.uniform(0, whole_s)):
            killed += 1
            done = subprocess.run(command(stage, stage.database_url, postgres.url(name)),
                                  cwd=stage.folder, capture_output=True, text=True, env={},
                                  timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            if "Nothing was done" not in done.stdout:
                assert_complete(done.stdout)
            else:  # it was over, but for saying so
                postgres.execute(name, "SELECT 1 / (count(*) = 300)::int FROM leads")
                postgres.execute(name, "SELECT 1 / (to_regclass('sunlead_copy') IS NULL)::int")
        postgres.drop(name)
    assert killed > 0


def test_again_after_the_end(target: str, stage: Stage, postgres: Postgres) -> None:
    url = postgres.url(target)
    fill(stage, 200)
    assert_complete(copy(stage, stage.database_url, url))
    assert "Nothing was done" in copy(stage, stage.database_url, url)
    # Once somebody works there it is another database's.
    stage.serve(environment={"DATABASE_URL": url}).api.post("/api/leads", small_lead())
    said = copy(stage, stage.database_url, url, status=1)
    assert "the target has rows in leads" in said
    assert "the source was copied to postgres://" in said and "may have gone on since" in said


def test_the_source_is_not_served_by_mistake(target: str, stage: Stage, postgres: Postgres) -> None:
    fill(stage, 200)
    assert_complete(copy(stage, stage.database_url, postgres.url(target)))
    server = stage.prepare_serve()
    server.launch()
    assert server.wait_exit() == 1
    assert "its leads were copied to postgres://" in server.tail()
    assert PASSWORD not in server.tail()
    server.expect_errors("not-json")
    source_file(stage).with_name(source_file(stage).name + ".copied").unlink()
    assert ok(stage.serve().api.get("/api/leads?limit=1"))["total"] == 200


# ---- Refused

def unfinished(stage: Stage, url: str) -> None:
    """Leaves a copy that has not ended: a job cannot be copied."""
    fill(stage, 2000)
    change_source(stage, "INSERT INTO sunlead_jobs (id, kind, order_id, company_id, state, attempt, "
                         "last_error) VALUES (1, 'poll', 1, 1, 'dead', 1, char(0))")
    said = copy(stage, stage.database_url, url, status=1)
    assert "sunlead_jobs, id 1, column last_error: holds a NUL" in said
    change_source(stage, "UPDATE sunlead_jobs SET last_error = 'x'")


def test_serve_does_not_start_on_half_a_copy(target: str, stage: Stage, postgres: Postgres) -> None:
    url = postgres.url(target)
    unfinished(stage, url)
    server = stage.prepare_serve(environment={"DATABASE_URL": url})
    server.launch()
    assert server.wait_exit() == 1
    assert "the copy into this database has not ended" in server.tail()
    server.expect_errors("not-json")
    assert_complete(copy(stage, stage.database_url, url))
    server.start()


def test_serve_that_runs_there_is_held_off(target: str, stage: Stage, postgres: Postgres) -> None:
    url = postgres.url(target)
    server = stage.serve(environment={"DATABASE_URL": url})
    unfinished(stage, url)
    problem(server.api.post("/api/leads", small_lead()), 503)
    assert_complete(copy(stage, stage.database_url, url))
    assert ok(server.api.post("/api/leads", small_lead()), 201)["id"] == 2001


def test_refusals(target: str, stage: Stage, postgres: Postgres) -> None:
    url = postgres.url(target)
    missing = f"sqlite:{stage.folder / 'missing.db'}"
    assert "there is no such file" in copy(stage, missing, url, status=1)
    assert not (stage.folder / "missing.db").exists()
    server = stage.serve()
    assert re.search(r"process \d+ uses the database", copy(stage, stage.database_url, url, status=1))
    server.stop()
    assert "no such database" in copy(stage, stage.database_url, postgres.url("missing"), status=1)

    # A target with leads of its own, which keeps them.
    other = stage.serve(environment={"DATABASE_URL": url})
    made = ok(other.api.post("/api/leads", small_lead()), 201)
    said = copy(stage, stage.database_url, url, status=1)
    assert "the target has rows in leads" in said
    assert ok(other.api.get(f"/api/leads/{made['id']}")) == made
    assert ok(other.api.post("/api/leads", small_lead()), 201)["id"] > made["id"]


def test_a_source_that_is_not_migrated(target: str, stage: Stage, postgres: Postgres) -> None:
    source_file(stage).touch()
    said = copy(stage, stage.database_url, postgres.url(target), status=1)
    assert "the source lacks migration 000_create_leads: run sunlead migrate up" in said


@pytest.mark.parametrize("arguments", [
    (), ("sqlite:a.db",), ("sqlite:a.db", "sqlite:b.db"), ("postgres://x/y", "sqlite:b.db"),
    ("a.db", "postgres://x/y"), ("sqlite:a.db", "postgres://x/y", "more"),
    ("--force", "sqlite:a.db", "postgres://x/y"), ("sqlite:a.db", "")])
def test_wrong_words(stage: Stage, arguments: tuple[str, ...]) -> None:
    said = copy(stage, *arguments, status=2)
    assert said.count("\n") == 1, said
    assert not (stage.folder / "a.db").exists()


def test_through_a_pooler(pooler: Postgres, stage: Stage) -> None:
    """A copy by way of PgBouncer leaves its connections to the others as they were."""
    server = stage.serve()
    ok(server.api.post("/api/leads", small_lead()), 201)
    server.stop()
    name = pooler.create()
    try:
        assert_complete(copy(stage, stage.database_url, pooler.pooled_url(name)))
        changed = subprocess.run(
            ["psql", "-XAtc", "SELECT count(*) FROM pg_settings WHERE source = 'session' AND name "
             "IN ('default_transaction_read_only', 'statement_timeout', 'jit', 'plan_cache_mode')",
             pooler.pooled_url(name)], capture_output=True, text=True, check=True, timeout=30)
        assert changed.stdout.strip() == "0"
    finally:
        pooler.drop(name)
