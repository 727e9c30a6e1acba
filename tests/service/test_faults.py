"""What goes wrong between us and LightFusion, and what a killed server goes on with."""
import json
from typing import Any

import pytest

from harness import Client, FakeUpstream, Reply, Stage, free_port, ok, problem, wait_until
from samples import lead, project, project_for, small_lead

CREATE = ("POST", "/v1/lead/create")
SESSION = ("POST", "/v1/users/sessions")
ADDERS = ("POST", "/v3/adders.ListProjectAdders")
COMPLETE = ("POST", "/v1/leads/456/complete")


@pytest.fixture
def fake(stage: Stage) -> FakeUpstream:
    return stage.fake()


@pytest.fixture
def api(stage: Stage, fake: FakeUpstream) -> Client:
    return stage.serve(fake.url()).api


def order_async(api: Client, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return ok(api.post("/api/projects/3d", body or project(), headers={"Prefer": "respond-async"}), 202)


def get_order(api: Client, order_id: int) -> dict[str, Any]:
    return ok(api.get(f"/api/orders/{order_id}"))


def wait_order(api: Client, order_id: int, *states: str, timeout_s: float = 30) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        order = get_order(api, order_id)
        return order if order["state"] in states else None
    return wait_until(look, f"order {order_id} {' or '.join(states)}", timeout_s)


def lead_of(api: Client, ordered: dict[str, Any]) -> dict[str, Any]:
    return ok(api.get(f"/api/leads/{ordered['lead_id']}"))


# ---- LightFusion is down

def test_a_lead_is_made_whatever_lightfusion_does(stage: Stage) -> None:
    api = stage.serve().api
    made = ok(api.post("/api/leads", lead(create_3d_model=True)), 201)
    assert made["model_3d_status"] == "pending"
    assert made["has_3d_model"] is False
    synced = ok(api.post(f"/api/leads/{made['id']}/sync-3d-status"))
    assert (synced["id"], synced["model_3d_status"]) == (made["id"], "pending")


def test_an_order_waits_for_lightfusion(stage: Stage) -> None:
    port = free_port()
    api = stage.serve(f"http://127.0.0.1:{port}").api
    answer = api.post("/api/projects/3d", project())
    ordered = ok(answer, 202)
    assert (ordered["id"], ordered["status"]) == (None, "pending")
    assert answer.headers["Location"] == f"/api/orders/{ordered['order_id']}"
    order = get_order(api, ordered["order_id"])
    assert order["state"] in ("requested", "sending")
    assert lead_of(api, ordered)["model_3d_status"] == "pending"
    wait_until(lambda: get_order(api, ordered["order_id"])["failure"] == "unavailable", "the failure")

    simulator = stage.simulate("0:0", port)
    wait_until(lambda: lead_of(api, ordered)["has_3d_model"], "ordered by itself", timeout_s=90)
    assert len(simulator.ledger()) == 1


def test_a_lead_that_is_deleted_is_not_ordered(stage: Stage) -> None:
    port = free_port()
    api = stage.serve(f"http://127.0.0.1:{port}").api
    ordered = ok(api.post("/api/projects/3d", project()), 202)

    def waits() -> bool:
        order = get_order(api, ordered["order_id"])
        return order["state"] == "requested" and order["failure"] == "unavailable"
    wait_until(waits, "the order waits for its next try")
    assert api.delete(f"/api/leads/{ordered['lead_id']}").status == 204
    wait_order(api, ordered["order_id"], "cancelled")


# ---- What an answer to a paid create means

@pytest.mark.parametrize("fate", ["close", "reset"])
def test_a_create_without_an_answer_is_never_sent_again(api: Client, fake: FakeUpstream,
                                                        fate: str) -> None:
    # The connection is a kept-alive one by now, which is where HTTP clients repeat requests.
    problem(api.get("/api/projects/3d/999?house_id=999"), 404)
    fake.on(*CREATE, Reply(fate=fate))
    ordered = ok(api.post("/api/projects/3d", project()), 202)
    order = get_order(api, ordered["order_id"])
    assert order["state"] in ("unknown", "parked")
    assert order["failure"] == "unclear"
    assert order["attempts"] == 1
    assert fake.count(*CREATE) == 1
    assert lead_of(api, ordered)["model_3d_status"] == "pending"


@pytest.mark.parametrize("reply", [
    Reply({"error": "oops"}, 500), Reply({"error": "gateway"}, 502), Reply({"error": "slow"}, 504),
    Reply({}, 408), Reply({"status": "processing"}, 200), Reply(b"<html>", 200), Reply(b"", 201),
    Reply({}, 302, {"Location": "/elsewhere"}), Reply({"id": "none"}, 201),
], ids=lambda reply: f"{reply.status}-{str(reply.body)[:12]}")
def test_an_unclear_answer_is_never_sent_again(api: Client, fake: FakeUpstream, reply: Reply) -> None:
    fake.on(*CREATE, reply)
    ordered = ok(api.post("/api/projects/3d", project()), 202)
    assert get_order(api, ordered["order_id"])["state"] in ("unknown", "parked")
    assert fake.count(*CREATE) == 1
    assert fake.count("GET", "/elsewhere") == fake.count("POST", "/elsewhere") == 0


def test_a_refusal_is_told(api: Client, fake: FakeUpstream) -> None:
    fake.on(*CREATE, Reply({"error": "the roof is too small"}, 422))
    body = problem(api.post("/api/projects/3d", project()), 422)
    assert "the roof is too small" in body["detail"]
    order = get_order(api, body["order_id"])
    assert (order["state"], order["failure"]) == ("failed", "refused")
    assert "the roof is too small" in order["failure_detail"]
    refused = ok(api.get(f"/api/leads/{body['lead_id']}"))
    assert refused["model_3d_status"] == "failed"
    assert fake.count(*CREATE) == 1


def test_what_was_refused_can_be_retried(api: Client, fake: FakeUpstream) -> None:
    fake.on(*CREATE, Reply({"error": "not today"}, 422))
    body = problem(api.post("/api/projects/3d", project()), 422)
    fake.on(*CREATE, Reply({"id": 123, "lead_id": 456, "status": "processing"}))
    retried = api.post(f"/api/leads/{body['lead_id']}/retry-3d-model")
    assert retried.status in (200, 201, 202), retried
    assert retried.json()["order_id"] != body["order_id"]
    wait_until(lambda: ok(api.get(f"/api/leads/{body['lead_id']}"))["has_3d_model"], "ordered")
    assert fake.count(*CREATE) == 2


def test_one_login_for_a_token_that_ran_out(api: Client, fake: FakeUpstream) -> None:
    fake.on(*CREATE, Reply({"error": "token"}, 401),
            Reply({"id": 123, "lead_id": 456, "status": "processing"}))
    assert ok(api.post("/api/projects/3d", project()), 201)["id"] == 123
    assert fake.count(*SESSION) == 2
    assert fake.count(*CREATE) == 2


def test_bad_credentials_are_told_and_tried_later(api: Client, fake: FakeUpstream) -> None:
    fake.on(*SESSION, Reply({"error": "wrong password"}, 401))
    ordered = ok(api.post("/api/projects/3d", project()), 202)
    wait_until(lambda: get_order(api, ordered["order_id"])["failure"] == "unauthorized", "the failure")
    assert fake.count(*CREATE) == 0


def test_too_many_requests_are_sent_later(api: Client, fake: FakeUpstream) -> None:
    fake.on(*CREATE, Reply({"error": "slow down"}, 429, {"Retry-After": "1"}),
            Reply({"id": 123, "lead_id": 456, "status": "processing"}))
    ordered = order_async(api)
    order = wait_order(api, ordered["order_id"], "created", "processing", "completed")
    assert order["project_id"] == 123
    assert fake.count(*CREATE) == 2


# ---- What is unknown is looked up, or settled by a person

def lead_at_the_place(house_id: int = 456) -> Reply:
    return Reply({"leads": [{"id": house_id, "state": 0, "company_id": 7, "latitude": 37.7749,
                             "longitude": -122.4194}]})


def test_a_project_that_was_made_without_an_answer_is_parked(api: Client, fake: FakeUpstream) -> None:
    fake.on(*CREATE, Reply(fate="close"))
    fake.on("GET", "/v1/leads", lead_at_the_place())
    ordered = order_async(api)
    # No ordinary order has shown yet which of LightFusion's numbers is the project's.
    order = wait_order(api, ordered["order_id"], "parked", timeout_s=60)
    assert order["house_id"] == 456
    assert order["project_id"] is None
    assert fake.count(*CREATE) == 1

    assert ok(api.get("/health"))["orders"]["parked"] == 1

    # LightFusion is asked first whether there is such a project.
    link = f"/api/orders/{order['id']}/link"
    fake.on(*ADDERS, Reply({"error": "there is no such project"}, 404))
    assert "no such project" in problem(api.post(link, {"project_id": 999}), 422)["detail"]
    fake.on(*ADDERS, Reply(fate="close"))
    problem(api.post(link, {"project_id": 123}), 502)
    assert get_order(api, order["id"])["state"] == "parked"
    fake.on(*ADDERS, Reply({"panel": None, "inverter": [], "storage": None, "adders": []}))
    linked = ok(api.post(link, {"project_id": 123}))
    assert (linked["project_id"], linked["house_id"]) == (123, 456)
    wait_order(api, order["id"], "completed")
    finished = lead_of(api, ordered)
    assert (finished["lightfusion_3d_project_id"], finished["model_3d_status"]) == (123, "completed")
    assert fake.count(*CREATE) == 1


def test_a_parked_order_can_be_ordered_again(api: Client, fake: FakeUpstream) -> None:
    fake.on(*CREATE, Reply(fate="close"))
    fake.on("GET", "/v1/leads", Reply({"error": "no such thing"}, 404))
    ordered = order_async(api)
    order = wait_order(api, ordered["order_id"], "parked", timeout_s=60)
    assert order["house_id"] is None
    problem(api.post(f"/api/orders/{order['id']}/link", {"project_id": 123}), 400, "/house_id")
    problem(api.post(f"/api/orders/{order['id']}/link", {}), 400, "/project_id")
    fake.on(*CREATE, Reply({"id": 123, "lead_id": 456, "status": "processing"}))
    ok(api.post(f"/api/orders/{order['id']}/order-again"))
    wait_order(api, order["id"], "created", "processing", "completed")
    assert fake.count(*CREATE) == 2
    problem(api.post(f"/api/orders/{order['id']}/order-again"), 409)
    problem(api.post(f"/api/orders/{order['id']}/link", {"project_id": 9, "house_id": 9}), 409)


def test_what_ordinary_orders_showed_finds_the_project(api: Client, fake: FakeUpstream) -> None:
    ok(api.post("/api/projects/3d", project(latitude=10, longitude=10)), 201)
    wait_until(lambda: ok(api.get("/api/projects/3d/123"))["status"] == "completed", "a first reading")

    fake.on(*CREATE, Reply(fate="close"))
    fake.on("GET", "/v1/leads", lead_at_the_place(house_id=790))
    fake.on("POST", "/v1/leads/790/complete",
            Reply(FakeUpstream.completion(state=1, project_id=789, house_id=790)))
    lost = order_async(api)
    order = wait_order(api, lost["order_id"], "completed", timeout_s=60)
    assert (order["project_id"], order["house_id"]) == (789, 790)
    assert lead_of(api, lost)["lightfusion_3d_project_id"] == 789
    assert fake.count(*CREATE) == 2


# ---- The generation itself

def test_a_generation_that_failed(api: Client, fake: FakeUpstream) -> None:
    fake.on(*COMPLETE, Reply(FakeUpstream.completion(state=2, progress=40)))
    ordered = ok(api.post("/api/projects/3d", project()), 201)
    wait_until(lambda: ok(api.get("/api/projects/3d/123"))["status"] == "failed", "failed")
    assert lead_of(api, ordered)["model_3d_status"] == "failed"
    order = get_order(api, ordered["order_id"])
    assert (order["state"], order["failure"]) == ("failed", "errored")
    problem(api.get("/api/projects/3d/123/files"), 409)


@pytest.mark.parametrize("state,status", [(0, "processing"), (1, "completed"), (2, "failed"),
                                          (3, "processing")])
def test_states_of_lightfusion(api: Client, fake: FakeUpstream, state: int, status: str) -> None:
    fake.on(*COMPLETE, Reply(FakeUpstream.completion(state, progress=50)))
    ordered = ok(api.post("/api/projects/3d", project()), 201)
    wait_until(lambda: ok(api.get("/api/projects/3d/123"))["status"] == status
               and fake.count(*COMPLETE) > 0, status)
    assert lead_of(api, ordered)["model_3d_status"] == status


@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b"<html>", b'{"lead": null}', b'{"lead": {"state": "soon"}}',
    b'{"lead": {"state": 7}}', b'{"lead": []}', b'{"lead": {"state": 1', b"[" * 10_000,
], ids=lambda body: body.decode()[:16])
def test_nonsense_changes_nothing(api: Client, fake: FakeUpstream, body: bytes) -> None:
    fake.on(*COMPLETE, Reply(body))
    ordered = ok(api.post("/api/projects/3d", project()), 201)
    assert ok(api.get("/api/projects/3d/123"))["status"] == "processing"
    assert lead_of(api, ordered)["model_3d_status"] == "processing"


def test_figures_may_be_missing(api: Client, fake: FakeUpstream) -> None:
    fake.on(*CREATE, Reply({"id": 123, "lead_id": 456}))
    ordered = ok(api.post("/api/projects/3d", project()), 201)
    for figure in ("annual_production", "system_size", "estimated_cost", "annual_savings"):
        assert ordered[figure] is None


def test_refreshes_are_limited(api: Client, fake: FakeUpstream) -> None:
    fake.on(*COMPLETE, Reply(FakeUpstream.completion(state=0, progress=10)))
    ok(api.post("/api/projects/3d", project()), 201)
    for _ in range(20):
        ok(api.get("/api/projects/3d/123"))
    # One at most every 3 s; these took a moment altogether.
    assert 1 <= fake.count(*COMPLETE) <= 5


# ---- Files that are not what they should be

def test_a_page_instead_of_a_file_is_not_taken(stage: Stage, fake: FakeUpstream) -> None:
    for kind in ("jpg", "obj", "ply", "mtl"):
        fake.on("GET", f"/storage/leads/123/mesh/scene.{kind}", Reply(b"<html>sorry</html>", 200))
    server = stage.serve(fake.url())
    api = server.api
    ok(api.post("/api/projects/3d", project()), 201)
    wait_until(lambda: ok(api.get("/api/projects/3d/123"))["status"] == "completed", "completed")
    server.wait_event("files.fetched")
    failed = server.events("files.fetch_failed")
    assert {"scene.jpg", "scene.obj", "scene.ply", "scene.mtl"} == {event["file"] for event in failed}
    assert all(event["project_id"] == 123 and event["order_id"] > 0 for event in failed)
    listing = ok(api.get("/api/projects/3d/123/files"))
    assert listing["downloaded"] is False
    problem(api.get("/media/123/scene.obj"), 404)
    calls = fake.calls("GET", "/storage/leads/123/mesh/scene.obj")
    assert calls and all("Authorization" not in call.headers for call in calls)


# ---- Killed at any moment

MOMENTS = {
    "at once": lambda order: True,
    "sent": lambda order: order["attempts"] > 0,
    "created": lambda order: order["project_id"] is not None,
    "completed": lambda order: order["state"] == "completed",
    "fetched": lambda order: order["files"] == "done",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_server_goes_on_where_it_was(stage: Stage, moment: str) -> None:
    simulator = stage.simulate("500:1000")
    server = stage.serve(simulator.url())
    ordered = order_async(server.api)

    def look() -> dict[str, Any]:
        order = get_order(server.api, ordered["order_id"])
        if order["project_id"]:  # asking is what makes it fresh before the next poll
            server.api.get(f"/api/projects/3d/{order['project_id']}")
        return order

    wait_until(lambda: MOMENTS[moment](look()), moment, timeout_s=60)
    server.kill()
    server.start()

    def has_ended() -> bool:
        order = look()
        if order["state"] == "unknown" and not simulator.ledger():
            return True  # killed before the request left: the proof of absence takes minutes
        if order["state"] == "parked":  # killed before the answer: a person looks it up
            (paid,) = simulator.ledger()
            ok(server.api.post(f"/api/orders/{order['id']}/link",
                               {"project_id": paid["project_id"], "house_id": paid["house_id"]}))
        return order["state"] == "completed" and order["files"] == "done"

    wait_until(has_ended, "the end after the restart", timeout_s=120)
    if simulator.ledger():
        assert len(simulator.ledger()) == 1
        finished = lead_of(server.api, ordered)
        assert finished["model_3d_status"] == "completed"
        assert finished["lightfusion_3d_project_id"] == 123


def test_the_end_answers_who_waits(stage: Stage, fake: FakeUpstream) -> None:
    fake.on(*CREATE, Reply({"id": 123, "lead_id": 456}, delay_s=60))
    server = stage.serve(fake.url())
    made = ok(server.api.post("/api/leads", small_lead()), 201)
    body = json.dumps(project_for(made["id"])).encode()
    with server.api.connect() as waiting:
        waiting.send(f"POST /api/projects/3d HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
                     f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                     + body)
        wait_until(lambda: fake.count(*CREATE) == 1, "the create under way")
        server.stop()
        answer = waiting.answer()
        assert answer is not None and answer.status in (202, 503), answer
    server.start()
    # Whether LightFusion made the project is not known, so it is not asked for again.
    wait_order(server.api, 1, "unknown", "parked")
    assert fake.count(*CREATE) == 1
