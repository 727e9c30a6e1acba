"""What is kept of models' files: for whom, for how long, how much; and that nothing else stays."""
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from harness import Client, Server, Simulator, Stage, ok, problem, wait_until
from postgres import Postgres
from samples import TIME, lead, project_for

PACE = {"SUNLEAD_TIME_SCALE": "600"}  # a round of the sweep each 250 ms, an hour is 6 s
SCENES = ["scene.jpg", "scene.obj", "scene.ply", "scene.mtl"]
DAY_US = 86_400_000_000


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def simulator(stage: Stage) -> Simulator:
    return stage.simulate("0:0")


class Database:
    """What is stored, looked at and aged from outside."""

    def __init__(self, stage: Stage, postgres: Postgres):
        self.stage = stage
        self.postgres = postgres

    def run(self, statement: str) -> Any:
        if self.stage.engine != "sqlite":
            return self.postgres.query(self.stage.database_name(), statement)
        with sqlite3.connect(self.stage.database_url.removeprefix("sqlite:"), timeout=30) as db:
            row = db.execute(statement).fetchone()
        db.close()
        return row[0] if row else None

    def loose(self) -> int:
        return int(self.run("SELECT count(*) FROM sunlead_loose_files"))

    def age_files(self, project: int, days: int) -> None:
        span = days * DAY_US if self.stage.engine == "sqlite" else f"INTERVAL '{days} days'"
        self.run(f"UPDATE sunlead_files SET updated_at = updated_at - {span} "
                 f"WHERE project_id = {project}")


@pytest.fixture
def database(stage: Stage, postgres: Postgres) -> Database:
    return Database(stage, postgres)


def settings(api: Client, company: int) -> dict[str, Any]:
    return ok(api.get(f"/api/companies/{company}/settings"))


def change(api: Client, company: int, **members: Any) -> dict[str, Any]:
    return ok(api.put(f"/api/companies/{company}/settings", members))


def order_model(api: Client, company: int) -> tuple[int, int]:
    """Orders a model and waits until it is completed; its lead and its project."""
    made = ok(api.post("/api/leads", lead() | {"company_id": company}), 201)
    ordered = ok(api.post("/api/projects/3d", project_for(made["id"])), 201)
    wait_until(lambda: ok(api.get(f"/api/projects/3d/{ordered['id']}"))["status"] == "completed",
               "a completed model")
    return made["id"], ordered["id"]


def files(api: Client, project: int) -> dict[str, Any]:
    return ok(api.get(f"/api/projects/3d/{project}/files"))


def model(api: Client, lead_id: int) -> dict[str, Any]:
    return ok(api.get(f"/api/leads/{lead_id}/model"))


def wait_model(api: Client, lead_id: int, state: str) -> dict[str, Any]:
    wait_until(lambda: model(api, lead_id)["state"] == state, f"the model to be {state}", 60)
    return model(api, lead_id)


def wait_states(api: Client, project: int, state: str) -> dict[str, Any]:
    """Waits until the originals are all in a state."""
    def look() -> dict[str, Any] | None:
        answer = files(api, project)
        originals = [file for file in answer["files"] if file["name"] in SCENES]
        assert len(originals) == 4
        return answer if {file["state"] for file in originals} == {state} else None
    return wait_until(look, f"files {state}")


def wait_all_stored(api: Client, project: int) -> None:
    """Waits also for what is made of the mesh. What is stored later is kept for its own time."""
    wait_states(api, project, "stored")
    wait_until(lambda: len(listed := files(api, project)["files"]) > len(SCENES) and
               all(file["state"] == "stored" for file in listed), "all files stored")


def contents(stage: Stage) -> list[Path]:
    """What the store of files has."""
    return [path for path in (stage.folder / "data/files").glob("[0-9a-f][0-9a-f]/*")]


# ---- The settings

def test_nothing_was_said(stage: Stage) -> None:
    api = stage.serve().api
    assert settings(api, 7) == {
        "company_id": 7, "file_retention": None, "file_retention_in_force": "keep",
        "file_quota": None, "file_quota_in_force": None, "attribution": None,
        "attribution_in_force": None, "stored_files": 0, "stored_bytes": 0, "updated_at": None}


def test_the_installation_says(stage: Stage) -> None:
    api = stage.serve(environment={"FILE_RETENTION": "30", "FILE_QUOTA_MB": "5000",
                                   "MODEL_ATTRIBUTION": "Imagery © somebody"}).api
    shown = settings(api, 7)
    assert shown["file_retention"] is None and shown["file_retention_in_force"] == 30
    assert shown["file_quota"] is None and shown["file_quota_in_force"] == 5_000_000_000
    assert shown["attribution_in_force"] == "Imagery © somebody"
    # A company may also be without what the installation has.
    own = change(api, 7, file_retention="keep", file_quota=0, attribution="")
    assert own["file_retention_in_force"] == own["file_retention"] == "keep"
    assert (own["file_quota"], own["file_quota_in_force"]) == (0, None)
    assert (own["attribution"], own["attribution_in_force"]) == ("", None)


def test_a_company_says(stage: Stage) -> None:
    api = stage.serve().api
    said = change(api, 7, file_retention=14, file_quota=10_000_000_000, attribution="ours")
    assert said == settings(api, 7)
    assert (said["file_retention"], said["file_retention_in_force"]) == (14, 14)
    assert (said["file_quota"], said["file_quota_in_force"]) == (10_000_000_000, 10_000_000_000)
    assert (said["attribution"], said["attribution_in_force"]) == ("ours", "ours")
    assert TIME.fullmatch(said["updated_at"])
    # Absent is unchanged, null is cleared, and what GET gave can be sent back.
    one = change(api, 7, file_retention="stream")
    assert (one["file_retention"], one["file_quota"], one["attribution"]) == \
        ("stream", 10_000_000_000, "ours")
    two = change(api, 7, file_quota=None)
    assert (two["file_retention"], two["file_quota"], two["attribution"]) == ("stream", None, "ours")
    back = change(api, 7, **two)
    assert back | {"updated_at": 0} == two | {"updated_at": 0}
    cleared = change(api, 7, file_retention=None, attribution=None)
    assert cleared["file_retention_in_force"] == "keep" and cleared["attribution_in_force"] is None
    assert settings(api, 8)["updated_at"] is None


@pytest.mark.parametrize(("members", "pointer"), [
    ({"file_retention": 0}, "/file_retention"),
    ({"file_retention": 36501}, "/file_retention"),
    ({"file_retention": 1.5}, "/file_retention"),
    ({"file_retention": "days"}, "/file_retention"),
    ({"file_retention": "14"}, "/file_retention"),
    ({"file_retention": True}, "/file_retention"),
    ({"file_retention": ["keep"]}, "/file_retention"),
    ({"file_retention": "k" * 100}, "/file_retention"),
    ({"file_quota": -1}, "/file_quota"),
    ({"file_quota": "1"}, "/file_quota"),
    ({"file_quota": 1.5}, "/file_quota"),
    ({"attribution": "x" * 501}, "/attribution"),
    ({"attribution": 5}, "/attribution"),
    ({"company_id": 8}, "/company_id"),
    ({"retention": "keep"}, "/retention"),
])
def test_mistakes(module_stage: Stage, members: dict[str, Any], pointer: str) -> None:
    if not module_stage.programs:
        module_stage.serve()
    api = module_stage.programs[0].api
    problem(api.put("/api/companies/7/settings", members), 400, pointer)
    assert settings(api, 7)["updated_at"] is None


def test_the_longest(stage: Stage) -> None:
    api = stage.serve().api
    said = change(api, 7, file_retention=36500, file_quota=2**53 - 1, attribution="x" * 500)
    assert said["attribution"] == "x" * 500 and said["file_quota"] == 2**53 - 1
    problem(api.get("/api/companies/x/settings"), 404)
    problem(api.get("/api/companies/0/settings"), 404)


# ---- What is stored

def test_attribution(stage: Stage, simulator: Simulator) -> None:
    api = stage.serve(simulator.url(), environment={"MODEL_ATTRIBUTION": "theirs"}).api
    lead_id, project = order_model(api, 7)
    assert wait_states(api, project, "stored")["attribution"] == "theirs"
    assert model(api, lead_id)["attribution"] == "theirs"
    change(api, 7, attribution="ours")
    assert files(api, project)["attribution"] == "ours"
    assert model(api, lead_id)["attribution"] == "ours"


def test_nothing_is_kept(stage: Stage, simulator: Simulator) -> None:
    api = stage.serve(simulator.url(), environment={"FILE_RETENTION": "stream"}).api
    lead_id, project = order_model(api, 7)
    answer = wait_states(api, project, "remote")
    assert answer["downloaded"] is False and answer["errors"] == []
    assert all(answer[f"{kind}_url"].startswith(simulator.url()) for kind in ("jpg", "obj", "ply", "mtl"))
    assert ok(api.get(f"/api/leads/{lead_id}"))["model_3d_status"] == "completed"
    assert contents(stage) == []
    found = model(api, lead_id)
    assert (found["state"], found["error"], found["files"]) == ("remote", None, {})
    problem(api.get(f"/api/leads/{lead_id}/model/file"), 409)
    assert "nothing is stored" in problem(api.post(f"/api/leads/{lead_id}/reconvert"), 409)["detail"]
    # Who asks for it has it made, once the company keeps files.
    change(api, 7, file_retention="keep")
    assert model(api, lead_id)["state"] == "remote"
    ok(api.post(f"/api/leads/{lead_id}/reconvert"), 202)
    wait_model(api, lead_id, "ready")


def test_a_company_that_changes_its_mind(stage: Stage, simulator: Simulator) -> None:
    server = stage.serve(simulator.url(), environment=PACE)
    api = server.api
    lead_id, project = order_model(api, 7)
    wait_states(api, project, "stored")
    wait_model(api, lead_id, "ready")
    _, others = order_model(api, 8)
    wait_states(api, others, "stored")
    used = settings(api, 7)
    assert used["stored_files"] >= 4
    assert used["stored_bytes"] == sum(f["size"] for f in files(api, project)["files"] if f["size"])
    change(api, 7, file_retention="stream")
    gone = wait_states(api, project, "removed")
    assert gone["downloaded"] is False
    assert {error["detail"] for error in gone["errors"]} == \
        {"it was removed: it is not kept any longer"}
    assert settings(api, 7)["stored_bytes"] == 0
    problem(api.get(f"/media/{project}/scene.obj"), 404)
    shown = model(api, lead_id)
    assert (shown["state"], shown["error"], shown["manifest"], shown["files"]) == \
        ("removed", "it was removed: it is not kept any longer", None, {})
    assert "removed" in problem(api.get(f"/api/leads/{lead_id}/model/file"), 409)["detail"]
    problem(api.post(f"/api/leads/{lead_id}/reconvert"), 409)
    assert files(api, others)["downloaded"] is True
    # It does not come back by itself, whoever asks for the project.
    change(api, 7, file_retention=None)
    for _ in range(3):
        ok(api.get(f"/api/projects/3d/{project}"))
    order = ok(api.get("/api/orders?company_id=7"))["orders"][0]
    assert order["files"] == "removed"
    assert ok(api.get("/api/jobs?kind=files"))["jobs"] == []
    assert {f["state"] for f in files(api, project)["files"] if f["name"] in SCENES} == {"removed"}
    # It does when somebody wants the model.
    assert ok(api.post(f"/api/leads/{lead_id}/reconvert"), 202)["state"] == "pending"
    wait_model(api, lead_id, "ready")
    assert files(api, project)["downloaded"] is True


def test_days_are_over(stage: Stage, simulator: Simulator, database: Database) -> None:
    api = stage.serve(simulator.url(), environment=PACE).api
    _, project = order_model(api, 7)
    wait_all_stored(api, project)
    before = contents(stage)
    assert len(before) >= 4
    change(api, 7, file_retention=3)
    database.age_files(project, 3)
    wait_states(api, project, "removed")
    # The contents follow an hour later.
    wait_until(lambda: contents(stage) == [], "an empty store", 60)


def test_a_deleted_lead(stage: Stage, simulator: Simulator) -> None:
    api = stage.serve(simulator.url(), environment=PACE).api
    lead_id, project = order_model(api, 7)
    wait_states(api, project, "stored")
    ok(api.delete(f"/api/leads/{lead_id}"), 204)
    wait_until(lambda: settings(api, 7)["stored_files"] == 0, "no files", 60)
    wait_until(lambda: contents(stage) == [], "an empty store", 60)


def test_the_quota_is_full(stage: Stage, simulator: Simulator) -> None:
    server = stage.serve(simulator.url())
    api = server.api
    first_lead_id, first = order_model(api, 7)
    wait_states(api, first, "stored")
    wait_model(api, first_lead_id, "ready")
    used = settings(api, 7)["stored_bytes"]
    change(api, 7, file_quota=used)
    lead_id, second = order_model(api, 7)
    server.wait_event("files.quota_full")
    wait_until(lambda: len(files(api, second)["errors"]) == 4, "why it waits")
    waiting = wait_states(api, second, "pending")
    assert all("the company's quota of" in error["detail"] for error in waiting["errors"]), waiting
    assert ok(api.get(f"/api/leads/{lead_id}"))["model_3d_status"] == "completed"
    assert files(api, first)["downloaded"] is True
    refused = problem(api.post(f"/api/leads/{first_lead_id}/reconvert"), 507)
    assert refused["detail"].startswith("the company's quota of")
    assert model(api, first_lead_id)["state"] == "ready"
    # Another company has room, and more room for this one is noticed at once.
    _, others = order_model(api, 8)
    wait_states(api, others, "stored")
    assert not files(api, second)["downloaded"]
    change(api, 7, file_quota=100 * used)
    wait_states(api, second, "stored")


def test_a_file_is_larger_than_the_room(stage: Stage, simulator: Simulator) -> None:
    server = stage.serve(simulator.url())
    change(server.api, 7, file_quota=10)
    order_model(server.api, 7)
    server.wait_event("files.fetch_failed")
    assert all("the company's quota of" in event["message"] for event in server.events("files.fetch_failed"))


# ---- Nothing stays that nobody names

def serve_and_kill(stage: Stage, simulator: Simulator) -> Server:
    """A content is stored; the process is killed before a row names it."""
    server = stage.prepare_serve(simulator.url(),
                                 environment=PACE | {"SUNLEAD_CRASH_AT": "file.named"})
    server.start()
    made = ok(server.api.post("/api/leads", lead()), 201)
    with contextlib.suppress(OSError):  # whatever the killed process had to say
        server.api.post("/api/projects/3d", project_for(made["id"]))
    server.wait_exit()
    assert len(contents(stage)) >= 1
    server.environment.pop("SUNLEAD_CRASH_AT")
    return server


def test_killed_and_nobody_wants_it(stage: Stage, simulator: Simulator, database: Database) -> None:
    server = serve_and_kill(stage, simulator)
    assert database.loose() >= 1
    server.environment["FILE_RETENTION"] = "stream"
    server.start()
    wait_until(lambda: contents(stage) == [], "an empty store", 60)
    wait_until(lambda: database.loose() == 0, "nothing loose", 60)


def test_killed_and_the_next_one_wants_it(stage: Stage, simulator: Simulator,
                                          database: Database) -> None:
    server = serve_and_kill(stage, simulator)
    server.start()
    wanted = ok(server.api.get("/api/leads?company_id=1"))["leads"][0]
    project = wanted["lightfusion_3d_project_id"]
    wait_until(lambda: server.api.get(f"/api/projects/3d/{project}/files").status == 200, "a model")
    wait_states(server.api, project, "stored")
    # An hour later all of them are seen to be named.
    wait_until(lambda: database.loose() == 0, "nothing loose", 60)
    assert not server.events("files.removed")
    for name in SCENES:
        assert server.api.get(f"/media/{project}/{name}").status == 200
