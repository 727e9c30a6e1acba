"""The disk gives out under a running server, and comes back."""
import resource

import pytest

from harness import Client, Program, Stage, ok, problem, wait_until
from samples import small_lead

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
NO_BYTE_MORE = (1, resource.RLIM_INFINITY)


@pytest.fixture(autouse=True)
def file_of_its_own(engine: str) -> None:
    """The limit is one of the server's own process: it tells nothing where another one has the file."""
    if engine != "sqlite":
        pytest.skip("the database is a file of sunlead's own on SQLite only")


def limit_files(server: Program, limit: tuple[int, int]) -> None:
    """From now on no write of the running server may go beyond this size of a file."""
    assert server.process is not None
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limit)


def is_up(api: Client) -> bool:
    return api.get("/health").status == 200


def test_a_full_disk_is_waited_out(stage: Stage) -> None:
    server = stage.serve()
    api = server.api
    server.expect_errors("database.unavailable")
    before = ok(api.post("/api/leads", small_lead()), 201)

    limit_files(server, NO_BYTE_MORE)
    for _ in range(3):
        answer = api.post("/api/leads", small_lead())
        problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
    health = api.get("/health")
    assert (health.status, health.json()["database"]["status"]) == (503, "down")
    # What can be read is read on.
    assert ok(api.get(f"/api/leads/{before['id']}")) == before
    assert ok(api.get("/api/leads"))["total"] == 1
    # One line tells, not one a request.
    assert len(server.events("database.unavailable")) == 1

    limit_files(server, NO_LIMIT)
    wait_until(lambda: is_up(api), "the database to be up")
    after = ok(api.post("/api/leads", small_lead()), 201)
    server.wait_event("database.recovered")
    assert ok(api.get("/api/leads"))["total"] == 2
    assert after["id"] > before["id"]


def test_an_order_goes_on_when_the_disk_is_back(stage: Stage) -> None:
    simulator = stage.simulate()
    server = stage.serve(simulator.url())
    server.expect_errors("database.unavailable", "job.commit_failed")
    ordered = ok(server.api.post("/api/projects/3d", {**small_lead(), "target_solar_offset": 90}), 201)
    limit_files(server, NO_BYTE_MORE)
    # A poll that a user asks for cannot be stored.
    answer = server.api.post(f"/api/leads/{ordered['lead_id']}/sync-3d-status")
    problem(answer, 503)
    limit_files(server, NO_LIMIT)

    def completed() -> bool:
        answer = server.api.post(f"/api/leads/{ordered['lead_id']}/sync-3d-status")
        return answer.status == 200 and answer.json()["model_3d_status"] == "completed"
    wait_until(completed, "the model to be completed")
    assert len(simulator.ledger()) == 1
