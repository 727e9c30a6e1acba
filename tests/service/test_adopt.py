"""Adopted databases: an older system's companies, users, projects and leads, on which it goes on working."""
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import Client, Stage, ok, originals, problem, sunlead_path, wait_until
from postgres import Postgres
from samples import LEAD_MEMBERS, lead, project, project_for, small_lead

OLD = """
CREATE TABLE companies (id SERIAL PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE users (id SERIAL PRIMARY KEY, company_id INTEGER REFERENCES companies(id));
CREATE TABLE leads (
    id SERIAL PRIMARY KEY,
    company_id INTEGER NOT NULL REFERENCES companies(id),
    creator_id INTEGER NOT NULL REFERENCES users(id) DEFERRABLE INITIALLY DEFERRED,
    latitude DECIMAL(10, 8) NOT NULL,
    longitude DECIMAL(11, 8) NOT NULL,
    address VARCHAR(60),
    source INTEGER DEFAULT 0,
    kwh_usage DECIMAL(10, 2),
    system_size DECIMAL(10, 2),
    panel_count INTEGER CHECK (panel_count < 1000),
    promo_code VARCHAR(10),
    sync_status VARCHAR(20) DEFAULT 'pending'
        CHECK (sync_status IN ('pending', 'synced', 'failed', 'syncing')),
    notes TEXT,
    created_at TIMESTAMP DEFAULT now(),
    updated_at TIMESTAMP DEFAULT now()
);
CREATE TABLE projects (id SERIAL PRIMARY KEY, lead_id INTEGER NOT NULL REFERENCES leads(id));
INSERT INTO companies (name) VALUES ('one'), ('two');
INSERT INTO users (company_id) VALUES (1), (2);
INSERT INTO leads (company_id, creator_id, latitude, longitude, address, kwh_usage, created_at)
    VALUES (1, 1, 37.77491234, -122.41941234, 'first', 12000.50, '2024-01-02 03:04:05'),
           (2, 2, -33.5, 151, NULL, NULL, now());
INSERT INTO projects (lead_id) VALUES (2);
"""

WITH_3D = """
ALTER TABLE leads ADD lightfusion_3d_project_id INTEGER, ADD lightfusion_3d_house_id INTEGER,
    ADD model_3d_status VARCHAR(50)
        CHECK (model_3d_status IN ('pending', 'processing', 'completed', 'failed')),
    ADD model_3d_created_at TIMESTAMPTZ, ADD model_3d_completed_at TIMESTAMPTZ;
"""

# What another program that orders models by itself leaves behind.
FORGET = "DELETE FROM sunlead_jobs; DELETE FROM sunlead_files; DELETE FROM sunlead_orders;"


@pytest.fixture(scope="module")
def engine() -> str:
    """Only PostgreSQL is shared with other programs."""
    return "postgres"


class Old:
    """The older system's own hand on the database."""

    def __init__(self, server: Postgres, stage: Stage):
        self.server = server
        self.name = stage.database_url.rsplit("/", 1)[1]

    def execute(self, statement: str) -> None:
        self.server.execute(self.name, statement)


@pytest.fixture(params=["without 3D columns", "with 3D columns"])
def old(stage: Stage, postgres: Postgres, request: pytest.FixtureRequest) -> Old:
    old = Old(postgres, stage)
    old.execute(OLD)
    if request.param == "with 3D columns":
        old.execute(WITH_3D)
    return old


@pytest.fixture
def api(old: Old, stage: Stage) -> Client:
    return stage.serve(stage.simulate("0:0").url()).api


def get_lead(api: Client, lead_id: int) -> dict[str, Any]:
    return ok(api.get(f"/api/leads/{lead_id}"))


def wait_completed(api: Client, lead_id: int) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        ok(api.post(f"/api/leads/{lead_id}/sync-3d-status"))
        found = get_lead(api, lead_id)
        return found if found["model_3d_status"] == "completed" else None
    return wait_until(look, f"lead {lead_id} completed")


def wait_files(api: Client, project_id: int) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        answer = api.get(f"/api/projects/3d/{project_id}/files")
        return originals(answer.json()) if answer.status == 200 and answer.json()["downloaded"] else None
    return wait_until(look, f"files of project {project_id}")


def forget(api: Client, old: Old, change: str) -> None:
    """Makes all models look as if another program had ordered them, and changes a lead."""
    def is_idle() -> bool:
        jobs = ok(api.get("/health"))["jobs"]
        return jobs["ready"] == jobs["running"] == 0
    wait_until(is_idle, "no more jobs")
    old.execute(FORGET + change)


def test_rows_are_kept(api: Client) -> None:
    found = get_lead(api, 1)
    assert set(found) == LEAD_MEMBERS
    assert found["latitude"] == 37.77491234
    assert found["longitude"] == -122.41941234
    assert found["kwh_usage"] == 12000.5
    assert found["created_at"] == "2024-01-02T03:04:05Z"
    assert found["sync_status"] == "pending"
    assert found["has_3d_model"] is False
    page = ok(api.get("/api/leads"))
    assert page["total"] == 2
    assert [row["id"] for row in page["leads"]] == [2, 1]


def test_leads_are_written(api: Client, old: Old) -> None:
    made = ok(api.post("/api/leads", lead(address="3 Solar St", installation_date="2026-03-01T00:00:00Z")), 201)
    assert made["id"] == 3
    found = get_lead(api, 3)
    assert found["system_size"] == 10.5
    assert found["sync_status"] is None
    changed = ok(api.put("/api/leads/3", {"company_id": 2, "kwh_usage": 9000.25, "sync_status": "synced"}))
    assert changed["kwh_usage"] == 9000.25
    old.execute("INSERT INTO leads (company_id, creator_id, latitude, longitude) VALUES (2, 1, 1, 1);"
                "DELETE FROM leads WHERE id = 1")
    assert ok(api.get("/api/leads?company_id=2"))["total"] == 3
    assert ok(api.get("/api/leads"))["total"] == 3
    assert api.delete("/api/leads/3").status == 204


@pytest.mark.parametrize("changes, pointer", [
    ({"company_id": 77}, "/company_id"),
    ({"creator_id": 77}, None),  # told at the commit, by the constraint's name alone
    ({"panel_count": 5000}, "/panel_count"),
    ({"address": "x" * 61}, "/address"),
    ({"promo_code": "ü" * 11}, "/promo_code"),
    ({"kwh_usage": 123456789}, "/kwh_usage"),
    ({"company_id": 3000000000}, "/company_id"),
])
def test_their_rules_refuse(api: Client, changes: dict[str, Any], pointer: str | None) -> None:
    problem(api.post("/api/leads", lead(address="short") | changes), 422, pointer)
    if changes.keys() <= {"company_id", "creator_id"}:
        problem(api.post("/api/projects/3d", project(**changes)), 422, pointer)
    problem(api.put("/api/leads/1", changes), 422, pointer)
    assert ok(api.get("/api/leads"))["total"] == 2


def test_what_is_referred_to_stays(api: Client) -> None:
    problem(api.delete("/api/leads/2"), 409)
    assert get_lead(api, 2)["id"] == 2


@pytest.mark.parametrize("path", ["/api/leads/3000000000", "/api/projects/3d/3000000000/files"])
def test_ids_that_their_columns_cannot_hold(api: Client, path: str) -> None:
    problem(api.get(path), 404)


def test_lists_of_companies_that_their_columns_cannot_hold(api: Client) -> None:
    assert ok(api.get("/api/leads?company_id=3000000000"))["total"] == 0
    problem(api.get("/api/projects/3d/1?house_id=2147483648"), 400, "?house_id")


def test_a_model_for_a_lead(api: Client) -> None:
    ordered = ok(api.post("/api/projects/3d", project_for(1)), 201)
    found = wait_completed(api, 1)
    assert found["lightfusion_3d_project_id"] == ordered["id"]
    assert found["sync_status"] == "synced"
    assert len(wait_files(api, ordered["id"])["files"]) == 4
    direct = ok(api.post("/api/projects/3d", project(address={"street": "1 A"})), 201)
    assert get_lead(api, direct["lead_id"])["has_3d_model"] is True
    assert ok(api.get("/api/leads?has_3d_model=true"))["total"] == 2
    flagged = ok(api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    wait_until(lambda: get_lead(api, flagged["id"])["has_3d_model"], "the flag's model")


def test_models_that_another_program_ordered(api: Client, old: Old) -> None:
    first = ok(api.post("/api/projects/3d", project_for(1)), 201)
    wait_completed(api, 1)
    second = ok(api.post("/api/projects/3d", project_for(2)), 201)
    wait_completed(api, 2)
    forget(api, old, "UPDATE leads SET model_3d_status = 'processing', system_size = NULL, "
                     "model_3d_completed_at = NULL WHERE id = 1")
    problem(api.post("/api/projects/3d", project_for(1)), 409)
    found = wait_completed(api, 1)
    assert found["system_size"] > 0
    assert ok(api.get(f"/api/projects/3d/{first['id']}"))["lead_id"] == 1
    assert len(wait_files(api, first["id"])["files"]) == 4

    answer = ok(api.get(f"/api/projects/3d/{second['id']}/files"))
    assert answer["project_id"] == second["id"]
    assert len(wait_files(api, second["id"])["files"]) == 4
    assert ok(api.get(f"/api/projects/3d/{second['id']}"))["status"] == "completed"


def test_two_leads_of_one_project(api: Client, old: Old) -> None:
    made = ok(api.post("/api/projects/3d", project_for(1)), 201)
    wait_completed(api, 1)
    forget(api, old, "UPDATE leads SET (lightfusion_3d_project_id, lightfusion_3d_house_id, model_3d_status) = "
                     "(SELECT lightfusion_3d_project_id, lightfusion_3d_house_id, 'failed' "
                     "FROM leads WHERE id = 1) WHERE id = 2")
    assert ok(api.get(f"/api/projects/3d/{made['id']}"))["lead_id"] == 1
    problem(api.post("/api/leads/2/sync-3d-status"), 400)
    ok(api.post("/api/leads/1/sync-3d-status"))


def test_a_failed_model_of_another_program_is_tried_again(api: Client, old: Old) -> None:
    made = ok(api.post("/api/projects/3d", project_for(1)), 201)
    wait_completed(api, 1)
    forget(api, old, "UPDATE leads SET model_3d_status = 'failed' WHERE id = 1")
    again = ok(api.post("/api/leads/1/retry-3d-model"), 202)
    assert again["lead_id"] == 1
    wait_until(lambda: get_lead(api, 1)["lightfusion_3d_project_id"] not in (None, made["id"]), "another project")


def test_check_tells(stage: Stage, old: Old) -> None:
    def migrate(action: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sunlead_path(), "migrate", action], cwd=stage.folder, text=True, check=False,
                              capture_output=True, env={"DATABASE_URL": stage.database_url})
    told = migrate("check")
    assert told.returncode == 1
    assert "would be adopted" in told.stdout
    assert "would build idx_leads_model_3d_status\n" in told.stdout
    assert told.stdout.count("  locks: ") == told.stdout.count("\nwould ")
    done = migrate("up")
    assert done.returncode == 0, done.stderr
    told = migrate("check")
    assert (told.returncode, told.stdout) == (0, "up to date\n")

    old.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + OLD)
    old.execute("ALTER TABLE leads ALTER latitude TYPE TEXT, DROP longitude")
    told = migrate("check")
    assert told.returncode == 1
    assert "column latitude is text" in told.stdout
    assert "column longitude is missing" in told.stdout
    assert migrate("up").returncode == 1


@pytest.mark.parametrize("action, status, text", [
    ("status", 0, "no database yet\n"),
    ("check", 1, "no database yet: would make it\n"),
])
def test_nobody_makes_a_database_by_looking(tmp_path: Path, action: str, status: int, text: str) -> None:
    path = tmp_path / "new" / "sunlead.db"
    told = subprocess.run([sunlead_path(), "migrate", action], cwd=tmp_path, text=True, check=False,
                          capture_output=True, env={"DATABASE_URL": f"sqlite:{path}"})
    assert (told.returncode, told.stdout.startswith(text)) == (status, True)
    assert list(tmp_path.iterdir()) == []


def test_a_batch(api: Client) -> None:
    body = {"orders": [project(reference="a", latitude=12.34567891), project_for(1, reference="b"),
                       project(reference="a")]}
    batch = ok(api.post("/api/projects/3d/batch", body, headers={"Idempotency-Key": "k"}), 202)
    assert [result["status"] for result in batch["results"]] == ["accepted", "accepted", "repeated"]
    made, old_one = (get_lead(api, result["lead_id"]) for result in batch["results"][:2])
    assert old_one["id"] == 1 and made["id"] > 2
    assert made["latitude"] == 12.34567891 and made["source"] == 4 and made["kwh_usage"] == 12900
    assert made["created_at"] == made["model_3d_created_at"] == old_one["model_3d_created_at"]
    assert ok(api.get("/api/leads"))["total"] == 3
    assert ok(api.post("/api/leads", small_lead()), 201)["id"] > made["id"]
    for result in batch["results"][:2]:
        wait_completed(api, result["lead_id"])


def test_a_batch_that_the_older_system_refuses(api: Client) -> None:
    answer = api.post("/api/projects/3d/batch", {"orders": [project(), project(company_id=99)]})
    problem(answer, 422)
    assert ok(api.get("/api/leads"))["total"] == 2
    assert ok(api.get("/api/orders"))["orders"] == []


def test_a_batch_for_a_model_of_another_program(api: Client, old: Old) -> None:
    made = ok(api.post("/api/projects/3d", project_for(1)), 201)
    wait_completed(api, 1)
    forget(api, old, "UPDATE leads SET model_3d_status = 'processing' WHERE id = 1")
    refused = problem(api.post("/api/projects/3d/batch", {"orders": [project_for(1)]}), 422)
    assert "another program" in refused["results"][0]["errors"][0]["detail"]
    assert get_lead(api, 1)["lightfusion_3d_project_id"] == made["id"]


# ---- Rows and columns that do not hold what ours hold.

def test_columns_that_the_figures_do_not_fit(stage: Stage, old: Old) -> None:
    old.execute("ALTER TABLE leads ALTER system_size TYPE DECIMAL(4, 2), ADD CHECK (system_size < 1),"
                "ADD annual_production DECIMAL(6, 2)")
    server = stage.serve(stage.simulate("0:0").url())
    server.expect_errors("order.lead_refused")
    made = ok(server.api.post("/api/projects/3d", project_for(1)), 201)
    found = wait_completed(server.api, 1)
    assert found["lightfusion_3d_project_id"] == made["id"]
    assert found["sync_status"] == "failed"
    assert found["system_size"] is None
    order = ok(server.api.get(f"/api/orders/{made['order_id']}"))
    assert order["state"] == "completed"
    assert order["system_size"] > 1
    assert "figures" in order["failure_detail"]
    told = server.events("order.lead_refused")
    assert [(line["order_id"], line["lead_id"]) for line in told] == [(made["order_id"], 1)]
    assert server.events("job.commit_failed") == []


def test_what_is_rounded_is_told(api: Client) -> None:
    made = ok(api.post("/api/leads", lead(latitude=37.123456789012, kwh_usage=100.555)), 201)
    assert made["latitude"] == 37.12345679
    found = get_lead(api, made["id"])
    assert [made[name] for name in ("latitude", "kwh_usage")] == [found[name] for name in ("latitude", "kwh_usage")]


PLACE = {"latitude": 37.7749, "longitude": -122.4194}


@pytest.mark.parametrize("change, pointer", [("latitude = NULL", "/latitude"), ("longitude = NULL", "/longitude"),
                                             ("latitude = 95", "/latitude")])
def test_no_order_for_a_place_that_is_not_known(api: Client, old: Old, change: str, pointer: str) -> None:
    old.execute("ALTER TABLE leads ALTER latitude DROP NOT NULL, ALTER longitude DROP NOT NULL,"
                f"ALTER company_id DROP NOT NULL; UPDATE leads SET company_id = NULL, {change} WHERE id = 1")
    found = get_lead(api, 1)
    assert found["company_id"] is None
    assert (found[pointer[1:]] is None) == ("NULL" in change)
    request = {name: value for name, value in project_for(1).items() if name not in PLACE}
    told = problem(api.post("/api/projects/3d", request), 422, pointer)
    assert told["detail"].startswith(pointer)
    old.execute("UPDATE leads SET lightfusion_3d_project_id = 7, lightfusion_3d_house_id = 8, "
                "model_3d_status = 'failed' WHERE id = 1")
    problem(api.post("/api/leads/1/retry-3d-model"), 422, pointer)
    ok(api.post("/api/projects/3d", request | PLACE), 201)


def test_a_model_whose_house_is_not_known(api: Client, old: Old) -> None:
    made = [ok(api.post("/api/projects/3d", project_for(lead_id)), 201) for lead_id in (1, 2)]
    wait_completed(api, 1)
    wait_completed(api, 2)
    forget(api, old, "UPDATE leads SET model_3d_status = 'processing', lightfusion_3d_house_id = NULL")
    for order in made:
        path = f"/api/projects/3d/{order['id']}"
        synced = ok(api.post(f"/api/leads/{order['lead_id']}/sync-3d-status"))
        assert synced["sync_status"] == "failed"
        assert f"{path}?house_id=" in synced["sync_error"]
        assert ok(api.get(path))["stale"] is True
        problem(api.get(f"{path}?house_id=99999"), 404)
        order["order_id"] = synced["order_id"]
    assert ok(api.get(f"/api/projects/3d/{made[0]['id']}?house_id={made[0]['house_id']}"))["status"] == "completed"
    link = {"project_id": made[1]["id"], "house_id": made[1]["house_id"]}
    ok(api.post(f"/api/orders/{made[1]['order_id']}/link", link))
    for order in made:
        assert wait_completed(api, order["lead_id"])["lightfusion_3d_house_id"] == order["house_id"]


def test_the_words_name_the_place(api: Client) -> None:
    told = problem(api.post("/api/leads", lead(company_id=77)), 422, "/company_id")
    assert told["detail"] == "/company_id: refers to something that does not exist"


def test_the_simulators_words_are_whole(stage: Stage, old: Old) -> None:
    simulator = stage.simulate("0:0", 0, "--fault", "create:422:times=1")
    nobody = {"LIGHTFUSION_EMAIL": "", "LIGHTFUSION_PASSWORD": ""}
    api = stage.serve(simulator.url(), environment=nobody).api
    assert "a fault of the simulator" in problem(api.post("/api/projects/3d", project_for(1)), 422)["detail"]
