"""The specification's flows against the simulator: a lead gets its 3D model."""
import gzip
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness import Client, Server, Simulator, Stage, free_port, ok, problem, wait_until
from samples import (LEAD_MEMBERS, ORDERED_MEMBERS, PROJECT, STATUS_MEMBERS, TIME, lead, project,
                     project_for, small_lead)


@pytest.fixture(scope="module", params=["sqlite", "postgres", "pgbouncer"])
def engine(request: pytest.FixtureRequest) -> str:
    """All ways to a database."""
    return request.param


@pytest.fixture
def simulator(stage: Stage) -> Simulator:
    """LightFusion, whose models are done at once."""
    return stage.simulate("0:0")


@pytest.fixture
def slow_simulator(stage: Stage) -> Simulator:
    """LightFusion, whose models are not done while a test runs."""
    return stage.simulate("3600000:3600000")


@pytest.fixture
def api(stage: Stage, simulator: Simulator) -> Client:
    return stage.serve(simulator.url()).api


@pytest.fixture
def slow_api(stage: Stage, slow_simulator: Simulator) -> Client:
    return stage.serve(slow_simulator.url()).api


def get_lead(api: Client, lead_id: int) -> dict[str, Any]:
    return ok(api.get(f"/api/leads/{lead_id}"))


def wait_status(api: Client, project_id: int, status: str) -> dict[str, Any]:
    """Asks for a project until it has this status."""
    def look() -> dict[str, Any] | None:
        answer = ok(api.get(f"/api/projects/3d/{project_id}"))
        return answer if answer["status"] == status else None
    return wait_until(look, f"project {project_id} {status}")


def wait_files(api: Client, project_id: int) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        answer = api.get(f"/api/projects/3d/{project_id}/files")
        return answer.json() if answer.status == 200 and answer.json()["downloaded"] else None
    return wait_until(look, f"files of project {project_id}")


# ---- Flow 1: the lead first

def test_a_project_for_a_lead(slow_api: Client, slow_simulator: Simulator) -> None:
    api = slow_api
    made = ok(api.post("/api/leads", lead()), 201)
    answer = api.post("/api/projects/3d", project_for(made["id"]))
    ordered = ok(answer, 201)
    assert set(ordered) >= ORDERED_MEMBERS
    assert ordered["id"] == 123
    assert ordered["house_id"] == 456
    assert ordered["lead_id"] == made["id"]
    assert ordered["status"] == "processing"
    assert ordered["message"] == "3D project created successfully. Processing in background."
    for figure in ("annual_production", "system_size", "estimated_cost", "annual_savings"):
        assert ordered[figure] > 0

    linked = get_lead(api, made["id"])
    assert linked["has_3d_model"] is True
    assert linked["lightfusion_3d_project_id"] == 123
    assert linked["lightfusion_3d_house_id"] == 456
    assert linked["model_3d_status"] == "processing"
    assert TIME.fullmatch(linked["model_3d_created_at"])
    assert linked["model_3d_completed_at"] is None

    (paid,) = slow_simulator.ledger()
    assert (paid["project_id"], paid["house_id"]) == (123, 456)
    assert (paid["latitude"], paid["longitude"]) == (37.7749, -122.4194)


def test_it_is_completed(api: Client) -> None:
    made = ok(api.post("/api/leads", lead()), 201)
    ok(api.post("/api/projects/3d", project_for(made["id"])), 201)
    status = wait_status(api, 123, "completed")
    assert set(status) >= STATUS_MEMBERS
    assert (status["id"], status["lead_id"], status["house_id"]) == (123, made["id"], 456)
    assert status["progress"] == 100
    assert status["panel"]["ID"] == 1
    assert status["inverter"]
    assert status["price_breakdown"]["total_amount"] > 0
    assert status["lead_completion"]["build"]["id"] == 123
    assert not status.get("stale")

    finished = get_lead(api, made["id"])
    assert finished["model_3d_status"] == "completed"
    assert finished["model_3d_completed_at"] >= finished["model_3d_created_at"]
    for figure in ("system_size", "panel_count", "annual_production"):
        assert finished[figure] == status[figure] > 0
    assert finished["last_synced_at"] is not None
    # What the client set stays.
    for name in ("address", "kwh_usage", "source", "latitude", "longitude"):
        assert finished[name] == made[name]


def test_it_is_completed_without_anybody_asking(api: Client) -> None:
    made = ok(api.post("/api/leads", lead()), 201)
    ok(api.post("/api/projects/3d", project_for(made["id"])), 201)
    wait_until(lambda: get_lead(api, made["id"])["model_3d_status"] == "completed",
               "completed in the background", timeout_s=60)


def test_what_a_client_sent_back_keeps_the_model(api: Client) -> None:
    made = ok(api.post("/api/leads", lead()), 201)
    ok(api.post("/api/projects/3d", project_for(made["id"])), 201)
    wait_status(api, 123, "completed")
    finished = get_lead(api, made["id"])
    changed = ok(api.put(f"/api/leads/{made['id']}", finished | {"address": "elsewhere"}))
    assert changed == finished | {"address": "elsewhere", "updated_at": changed["updated_at"]}


# ---- Flow 2: the project alone

def test_a_project_makes_its_lead(slow_api: Client) -> None:
    api = slow_api
    ordered = ok(api.post("/api/projects/3d", project()), 201)
    assert (ordered["id"], ordered["house_id"]) == (123, 456)
    linked = get_lead(api, ordered["lead_id"])
    assert set(linked) == LEAD_MEMBERS
    assert (linked["company_id"], linked["creator_id"]) == (1, 1)
    assert (linked["latitude"], linked["longitude"]) == (37.7749, -122.4194)
    assert linked["address"] == "123 Solar Street, San Francisco, CA 94102, USA"
    assert linked["source"] == 4
    assert linked["kwh_usage"] == sum(PROJECT["consumption"])
    assert linked["lightfusion_3d_project_id"] == 123
    assert linked["lightfusion_3d_house_id"] == 456
    assert linked["model_3d_status"] == "processing"
    assert ok(api.get("/api/leads?company_id=1"))["total"] == 1


def test_a_project_with_the_least_it_needs(slow_api: Client, slow_simulator: Simulator) -> None:
    ordered = ok(slow_api.post("/api/projects/3d", small_lead()), 201)
    assert ordered["id"] == 123
    assert len(slow_simulator.ledger()) == 1


@pytest.mark.parametrize("address", ["123 Solar St, San Francisco, CA 94102",
                                     "somewhere behind the hill", None])
def test_an_address_in_one_line(slow_api: Client, address: str | None) -> None:
    ordered = ok(slow_api.post("/api/projects/3d", project(address=address)), 201)
    made = get_lead(slow_api, ordered["lead_id"])
    assert (made["address"] or "").startswith(address or "")


# ---- create_3d_model

def test_the_flag_alone_gets_a_model(api: Client, simulator: Simulator) -> None:
    made = ok(api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    assert set(made) == LEAD_MEMBERS | {"order_id"}
    assert ok(api.get(f"/api/orders/{made['order_id']}"))["lead_id"] == made["id"]
    assert made["model_3d_status"] == "pending"
    assert TIME.fullmatch(made["model_3d_created_at"])
    wait_until(lambda: get_lead(api, made["id"])["has_3d_model"], "the lead is linked")
    wait_status(api, 123, "completed")
    assert get_lead(api, made["id"])["model_3d_status"] == "completed"
    assert len(simulator.ledger()) == 1


def test_what_the_lead_says_of_its_hardware_is_ordered(stage: Stage) -> None:
    fake = stage.fake()
    api = stage.serve(fake.url()).api
    made = ok(api.post("/api/leads", small_lead(create_3d_model=True, panel_id=7, utility_id=9)), 201)
    wait_until(lambda: get_lead(api, made["id"])["has_3d_model"], "the lead is linked")
    (call,) = fake.calls("POST", "/v1/lead/create")
    assert call.json()["hardware"]["panel_id"] == 7
    assert call.json()["hardware"]["inverter_id"] == 1
    assert call.json()["lseId"] == 9


def test_the_flag_with_terms_of_a_project(stage: Stage) -> None:
    fake = stage.fake()
    api = stage.serve(fake.url()).api
    body = PROJECT | {"create_3d_model": True, "kwh_usage": 5000}
    made = ok(api.post("/api/leads", body), 201)
    wait_until(lambda: get_lead(api, made["id"])["has_3d_model"], "the lead is linked")
    (call,) = fake.calls("POST", "/v1/lead/create")
    assert call.headers["Authorization"] == "Bearer t-1"
    assert call.json() == {
        "latitude": 37.7749,
        "longitude": -122.4194,
        "address": {"street": "123 Solar Street", "city": "San Francisco", "state": "CA",
                    "postalCode": "94102", "country": "USA"},
        "homeowner": {"email": "homeowner@example.com", "firstname": "John", "lastname": "Doe",
                      "phone": "+1234567890"},
        "hardware": {"panel_id": 1, "inverter_id": 1, "storage_id": 1, "storage_quantity": 2},
        "consumption": PROJECT["consumption"],
        "lseId": 1,
        "period": "month",
        "targetSolarOffset": 100,
        "mode": "max",
        "unit": "kwh",
    }


@pytest.mark.parametrize("usage,first,last", [(None, 900, 900), (12000, 1000, 1000),
                                              (12005, 1001, 1000)])
def test_what_is_sent_where_the_request_is_silent(stage: Stage, usage: int | None, first: int,
                                                  last: int) -> None:
    fake = stage.fake()
    api = stage.serve(fake.url()).api
    address = "123 Solar St, San Francisco, CA 94102"
    ok(api.post("/api/leads", small_lead(create_3d_model=True, kwh_usage=usage, address=address)), 201)
    (call,) = wait_until(lambda: fake.calls("POST", "/v1/lead/create"), "a create")
    sent = call.json()
    assert sent["address"] == {"street": "123 Solar St", "city": "San Francisco", "state": "CA",
                               "postalCode": "94102", "country": "USA"}
    assert sent["homeowner"] == {"email": "", "firstname": "", "lastname": "", "phone": ""}
    assert sent["hardware"]["panel_id"] == sent["hardware"]["inverter_id"] == 1
    assert (sent["consumption"][0], sent["consumption"][-1]) == (first, last)
    assert sum(sent["consumption"]) == (usage or 10800)
    assert all(isinstance(value, int) for value in sent["consumption"])
    assert (sent["lseId"], sent["period"], sent["targetSolarOffset"], sent["mode"],
            sent["unit"]) == (1, "month", 100, "max", "kwh")


# ---- Orders

@pytest.mark.parametrize("prefer", ["respond-async", "return=minimal, Respond-Async;wait=10"])
def test_who_prefers_it_does_not_wait(api: Client, prefer: str) -> None:
    ok(api.post("/api/projects/3d", project(), headers={"Prefer": prefer}), 202)


def test_an_order(api: Client) -> None:
    answer = api.post("/api/projects/3d", project(), headers={"Prefer": "respond-async"})
    ordered = ok(answer, 202)
    assert set(ordered) >= ORDERED_MEMBERS | {"order_id"}
    assert (ordered["id"], ordered["status"]) == (None, "pending")
    assert answer.headers["Location"] == f"/api/orders/{ordered['order_id']}"

    order = wait_until(
        lambda: next((found for found in [ok(api.get(answer.headers["Location"]))]
                      if found["project_id"]), None), "the order has a project")
    assert order["id"] == ordered["order_id"]
    assert order["lead_id"] == ordered["lead_id"]
    assert order["state"] in ("created", "processing", "completed")
    assert order["attempts"] == 1
    assert (order["project_id"], order["house_id"]) == (123, 456)
    assert order["failure"] is None and order["failure_detail"] is None
    assert TIME.fullmatch(order["requested_at"])
    assert order["created_at"] >= order["sending_at"] >= order["requested_at"]
    # The homeowner's data is nobody's business.
    assert "homeowner@example.com" not in api.get(answer.headers["Location"]).body.decode()
    wait_status(api, 123, "completed")
    assert ok(api.get(answer.headers["Location"]))["state"] == "completed"


def test_there_is_no_such_order(api: Client) -> None:
    problem(api.get("/api/orders/1"), 404)
    problem(api.post("/api/orders/1/order-again"), 404)
    problem(api.post("/api/orders/1/link", {"project_id": 1, "house_id": 1}), 404)


def test_the_same_request_again_is_the_same_order(slow_api: Client,
                                                  slow_simulator: Simulator) -> None:
    api = slow_api
    made = ok(api.post("/api/leads", lead()), 201)
    first = ok(api.post("/api/projects/3d", project_for(made["id"])), 201)
    again = ok(api.post("/api/projects/3d", project_for(made["id"])), 200)
    assert (again["id"], again["order_id"]) == (first["id"], first["order_id"])
    body = problem(api.post("/api/projects/3d", project_for(made["id"], target_solar_offset=50)), 409)
    assert body["order_id"] == first["order_id"]
    assert len(slow_simulator.ledger()) == 1


def test_a_completed_model_is_not_ordered_again_by_mistake(api: Client,
                                                           simulator: Simulator) -> None:
    made = ok(api.post("/api/leads", lead()), 201)
    ok(api.post("/api/projects/3d", project_for(made["id"])), 201)
    wait_status(api, 123, "completed")
    problem(api.post("/api/projects/3d", project_for(made["id"])), 409)
    problem(api.post(f"/api/leads/{made['id']}/retry-3d-model"), 409)
    assert len(simulator.ledger()) == 1
    forced = ok(api.post("/api/projects/3d", project_for(made["id"], force=True)), 201)
    assert forced["id"] != 123
    assert len(simulator.ledger()) == 2
    assert get_lead(api, made["id"])["lightfusion_3d_project_id"] == forced["id"]


def test_a_second_order_that_fails_leaves_the_first_model(stage: Stage) -> None:
    simulator = stage.simulate("0:0")
    api = stage.serve(simulator.url()).api
    made = ok(api.post("/api/leads", lead()), 201)
    first = ok(api.post("/api/projects/3d", project_for(made["id"])), 201)
    wait_status(api, first["id"], "completed")
    shown = get_lead(api, made["id"])
    ok(simulator.api.put("/faults", {"rules": ["create:422:times=1", "project:errored"]}))
    problem(api.post("/api/projects/3d", project_for(made["id"], force=True)), 422)
    kept = ("lightfusion_3d_project_id", "lightfusion_3d_house_id", "model_3d_status", "model_3d_created_at",
            "model_3d_completed_at", "has_3d_model", "system_size", "panel_count", "progress", "eta")

    def assert_kept(words: str) -> None:
        got = get_lead(api, made["id"])
        assert {name: got[name] for name in kept} == {name: shown[name] for name in kept}
        assert got["model_3d_error"].startswith(words)
        assert got["sync_status"] == "failed"
        assert ok(api.get("/api/leads"))["leads"] == [got]
    assert_kept("LightFusion did not accept the data of this house")
    # It can be retried as any order that failed; this one is made, and LightFusion gives it up.
    problem(api.post("/api/projects/3d", project_for(made["id"])), 409)
    second = ok(api.post(f"/api/leads/{made['id']}/retry-3d-model"), 202)
    wait_until(lambda: ok(api.get(f"/api/orders/{second['order_id']}"))["project_id"], "made")
    assert get_lead(api, made["id"])["model_3d_status"] == "processing"
    ok(api.post(f"/api/leads/{made['id']}/sync-3d-status"))
    assert ok(api.get(f"/api/orders/{second['order_id']}"))["state"] == "failed"
    assert_kept("LightFusion could not make a model of this house")
    ok(simulator.api.delete("/faults"), 204)
    ok(api.post(f"/api/leads/{made['id']}/retry-3d-model"), 202)
    wait_until(lambda: get_lead(api, made["id"])["lightfusion_3d_project_id"] not in (None, first["id"]), "a third")


def test_a_lead_without_an_order_has_nothing_to_sync_or_retry(api: Client) -> None:
    made = ok(api.post("/api/leads", lead()), 201)
    problem(api.post(f"/api/leads/{made['id']}/sync-3d-status"), 400)
    problem(api.post(f"/api/leads/{made['id']}/retry-3d-model"), 409)


def test_deleting_a_lead_leaves_its_project(slow_api: Client, slow_simulator: Simulator) -> None:
    ordered = ok(slow_api.post("/api/projects/3d", project()), 201)
    assert slow_api.delete(f"/api/leads/{ordered['lead_id']}").status == 204
    problem(slow_api.get(f"/api/leads/{ordered['lead_id']}"), 404)
    order = ok(slow_api.get(f"/api/orders/{ordered['order_id']}"))
    assert order["state"] in ("created", "processing")
    assert ok(slow_api.get("/api/leads?has_3d_model=true"))["total"] == 0


# ---- Status

def test_sync(api: Client) -> None:
    made = ok(api.post("/api/leads", lead()), 201)
    ok(api.post("/api/projects/3d", project_for(made["id"])), 201)

    def sync() -> dict[str, Any] | None:
        synced = ok(api.post(f"/api/leads/{made['id']}/sync-3d-status"))
        assert synced["id"] == made["id"]
        return synced if synced["model_3d_status"] == "completed" else None
    synced = wait_until(sync, "completed by sync")
    assert set(synced) >= LEAD_MEMBERS
    assert synced["sync_status"] != "failed"
    assert synced["lightfusion_3d_project_id"] == 123
    assert get_lead(api, made["id"])["model_3d_status"] == "completed"


def test_progress(slow_api: Client) -> None:
    ordered = ok(slow_api.post("/api/projects/3d", project()), 201)
    status = ok(slow_api.get("/api/projects/3d/123"))
    assert set(status) >= STATUS_MEMBERS
    assert status["status"] == "processing"
    assert status["lead_id"] == ordered["lead_id"]
    assert 0 <= status["progress"] < 100


def test_the_house_that_is_sent_does_not_matter_for_a_project_of_ours(api: Client) -> None:
    ok(api.post("/api/projects/3d", project()), 201)
    for query in ("", "?house_id=456", "?house_id=999"):
        assert ok(api.get(f"/api/projects/3d/123{query}"))["house_id"] == 456


def order_elsewhere(simulator: Simulator) -> None:
    """Orders project 123 past sunlead."""
    upstream = simulator.api
    session = upstream.post("/v1/users/sessions", {"contact": "a@example.com", "password": "x"})
    token = session.json()["token"]
    body = {name: PROJECT[name] for name in ("latitude", "longitude", "hardware", "consumption",
                                             "period", "mode", "unit")}
    body |= {"address": {"street": "", "city": "", "state": "", "postalCode": "", "country": ""},
             "homeowner": {"email": "", "firstname": "", "lastname": "", "phone": ""},
             "lseId": 1, "targetSolarOffset": 100}
    made = upstream.post("/v1/lead/create", body, headers={"Authorization": f"Bearer {token}"})
    assert made.status in (200, 201), made


def test_a_project_that_is_not_ours(api: Client, simulator: Simulator) -> None:
    order_elsewhere(simulator)
    problem(api.get("/api/projects/3d/123"), 400, "?house_id")
    status = ok(api.get("/api/projects/3d/123?house_id=456"))
    assert set(status) >= STATUS_MEMBERS
    assert (status["id"], status["house_id"], status["lead_id"]) == (123, 456, None)
    assert status["status"] == "completed"
    assert ok(api.get("/api/leads"))["total"] == 0


def test_a_project_that_nobody_knows(api: Client) -> None:
    problem(api.get("/api/projects/3d/999?house_id=999"), 404)
    problem(api.get("/api/projects/3d/999/files"), 404)


def test_the_last_known_state_when_lightfusion_is_gone(stage: Stage,
                                                       slow_simulator: Simulator) -> None:
    api = stage.serve(slow_simulator.url()).api
    ordered = ok(api.post("/api/projects/3d", project()), 201)
    slow_simulator.stop()
    status = wait_until(lambda: next((found for found in [ok(api.get("/api/projects/3d/123"))]
                                      if found.get("stale")), None), "a stale state")
    assert status["status"] == "processing"
    assert status["system_size"] == ordered["system_size"]
    answer = api.get("/api/projects/3d/999?house_id=999")
    assert answer.status in (502, 503), answer
    synced = ok(api.post(f"/api/leads/{ordered['lead_id']}/sync-3d-status"))
    assert synced["sync_status"] == "failed"
    assert "was not reached" in synced["sync_error"]
    assert synced["model_3d_status"] == "processing"


def test_has_3d_model_lists(slow_api: Client) -> None:
    api = slow_api
    without = ok(api.post("/api/leads", lead()), 201)
    ordered = ok(api.post("/api/projects/3d", project()), 201)
    for query, want in (("has_3d_model=true", [ordered["lead_id"]]),
                        ("has_3d_model=false", [without["id"]]),
                        ("has_3d_model=true&company_id=1&limit=20&offset=0", [ordered["lead_id"]]),
                        ("has_3d_model=true&company_id=2", []),
                        ("company_id=1", [ordered["lead_id"], without["id"]])):
        page = ok(api.get(f"/api/leads?{query}"))
        assert [entry["id"] for entry in page["leads"]] == want
        assert page["total"] == len(want)


# ---- Files

KINDS = {"jpg": "image/jpeg", "obj": "model/obj", "ply": "application/octet-stream",
         "mtl": "model/mtl"}


@pytest.fixture
def fetched(api: Client) -> Iterator[tuple[Client, dict[str, Any]]]:
    ok(api.post("/api/projects/3d", project()), 201)
    wait_status(api, 123, "completed")
    yield api, wait_files(api, 123)


def path_of(url: str) -> str:
    return urlsplit(url).path


def test_files_of_a_model_that_is_not_done(slow_api: Client) -> None:
    ok(slow_api.post("/api/projects/3d", project()), 201)
    body = problem(slow_api.get("/api/projects/3d/123/files"), 409)
    assert "processing" in body["detail"]
    problem(slow_api.get("/media/123/scene.obj"), 404)


def test_files(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, listing = fetched
    assert listing["project_id"] == 123
    assert listing["downloaded"] is True
    assert not listing["errors"]
    assert {entry["kind"] for entry in listing["files"]} == set(KINDS)
    for entry in listing["files"]:
        assert set(entry) >= {"name", "kind", "state", "size", "sha256", "content_type", "url"}
        assert entry["name"] == f"scene.{entry['kind']}"
        assert entry["state"] == "stored"
        assert entry["url"] == f"/media/{entry['sha256']}/{entry['name']}"
        assert listing[f"{entry['kind']}_url"] == entry["url"]
        answer = api.get(path_of(entry["url"]))
        assert answer.status == 200
        assert answer.headers.get_content_type() == entry["content_type"] == KINDS[entry["kind"]]
        assert len(answer.body) == entry["size"] == int(answer.headers["Content-Length"])
        assert hashlib.sha256(answer.body).hexdigest() == entry["sha256"]


def test_an_address_with_a_hash_is_kept_for_ever(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, listing = fetched
    for entry in listing["files"]:
        by_hash, by_project = api.get(entry["url"]), api.get(f"/media/123/{entry['name']}")
        assert by_hash.status == by_project.status == 200
        assert by_hash.body == by_project.body
        assert by_hash.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert by_project.headers["Cache-Control"] == "private, no-cache"
        for answer in (by_hash, by_project):
            assert answer.headers["ETag"] == f'"{entry["sha256"]}"'
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Disposition"] == f'inline; filename="{entry["name"]}"'
        assert api.get(entry["url"], headers={"If-None-Match": by_hash.headers["ETag"]}).status == 304
        assert api.send("HEAD", entry["url"]).headers["Content-Length"] == str(entry["size"])


def test_a_hash_leads_to_files_that_are_somebodys(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, listing = fetched
    jpg, obj = (next(entry for entry in listing["files"] if entry["kind"] == kind) for kind in ("jpg", "obj"))
    for path in (f"/media/{jpg['sha256']}/scene.obj", f"/media/{obj['sha256']}/scene.jpg",
                 f"/media/{obj['sha256']}/../scene.obj", f"/media/{obj['sha256'].upper()}/scene.obj",
                 f"/media/{'0' * 64}/scene.obj", f"/media/{obj['sha256'][:63]}/scene.obj",
                 f"/media/{obj['sha256']}0/scene.obj", f"/media/{'g' * 64}/scene.obj"):
        assert api.get(path).status in (400, 404), path


def resume(api: Client, url: str, step: int) -> tuple[bytes, str]:
    """The file in steps, each a request of its own, and its entity tag."""
    first = api.get(url, headers={"Range": f"bytes=0-{step - 1}"})
    body, tag = first.body, first.headers["ETag"]
    total = int(first.headers["Content-Range"].rsplit("/", 1)[1])
    while len(body) < total:
        answer = api.get(url, headers={"Range": f"bytes={len(body)}-{len(body) + step - 1}", "If-Range": tag})
        assert answer.status == 206 and answer.headers["ETag"] == tag
        body += answer.body
    return body, tag


def test_a_file_in_many_requests(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, listing = fetched
    for entry in listing["files"]:
        body, _ = resume(api, entry["url"], entry["size"] // 7 + 1)
        assert hashlib.sha256(body).hexdigest() == entry["sha256"]


def test_addresses_of_a_cdn(stage: Stage, simulator: Simulator) -> None:
    api = stage.serve(simulator.url(), environment={"CDN_BASE_URL": "https://cdn.example/solar/",
                                                    "CORS_ORIGIN": "https://viewer.example"}).api
    ok(api.post("/api/projects/3d", project()), 201)
    wait_status(api, 123, "completed")
    listing = wait_files(api, 123)
    for entry in listing["files"]:
        path = f"/media/{entry['sha256']}/{entry['name']}"
        assert entry["url"] == listing[f"{entry['kind']}_url"] == "https://cdn.example/solar" + path
        answer = api.get(path, headers={"Origin": "https://viewer.example", "Range": "bytes=0-0"})
        assert answer.status == 206
        assert answer.headers["Access-Control-Allow-Origin"] == "https://viewer.example"
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"Accept-Ranges", "Content-Range", "ETag"} <= set(exposed)


def test_text_comes_in_gzip_to_whoever_takes_it(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, listing = fetched
    files = {entry["kind"]: entry for entry in listing["files"]}
    obj, sha256 = files["obj"]["url"], files["obj"]["sha256"]
    plain = api.get(obj)
    assert plain.headers["Content-Encoding"] is None and plain.headers["Vary"] == "Accept-Encoding"
    takes = {"Accept-Encoding": "br, gzip;q=0.8"}
    packed = api.get(obj, headers=takes)
    assert packed.status == 200 and packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] == f'"{sha256}-gzip"' != plain.headers["ETag"]
    assert packed.headers.get_content_type() == "model/obj"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) == int(packed.headers["Content-Length"]) < 0.9 * len(plain.body)
    head = api.send("HEAD", obj, headers=takes)
    assert head.headers["Content-Length"] == packed.headers["Content-Length"]
    # Conditions and ranges are about what would be sent.
    for tag, status in ((packed.headers["ETag"], 304), (plain.headers["ETag"], 200)):
        assert api.get(obj, headers=takes | {"If-None-Match": tag}).status == status
    part = api.get(obj, headers=takes | {"Range": "bytes=100-199", "If-Range": packed.headers["ETag"]})
    assert part.status == 206 and part.body == packed.body[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(packed.body)}"
    whole = api.get(obj, headers=takes | {"Range": "bytes=100-199", "If-Range": plain.headers["ETag"]})
    assert whole.status == 200 and whole.body == packed.body
    beyond = api.get(obj, headers=takes | {"Range": f"bytes={len(packed.body)}-"})
    assert beyond.status == 416 and beyond.headers["Content-Encoding"] is None
    for refused in ("gzip;q=0", "identity", "*;q=0", "br"):
        assert api.get(obj, headers={"Accept-Encoding": refused}).headers["Content-Encoding"] is None
    jpg = api.get(files["jpg"]["url"], headers=takes)
    assert jpg.headers["Content-Encoding"] is None and jpg.headers["Vary"] is None


def test_the_files_are_a_house(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, _ = fetched
    content = {kind: api.get(f"/media/123/scene.{kind}").body for kind in KINDS}
    assert content["jpg"].startswith(b"\xff\xd8\xff") and content["jpg"].endswith(b"\xff\xd9")
    assert content["ply"].startswith(b"ply\n")
    assert re.search(rb"^newmtl ", content["mtl"], re.M)
    obj = content["obj"]
    points = len(re.findall(rb"^v ", obj, re.M))
    faces = [int(index) for line in re.findall(rb"^f (.*)$", obj, re.M)
             for index in re.findall(rb"(?:^|\s)(\d+)", line)]
    assert points > 0 and faces and 1 <= min(faces) and max(faces) <= points


def test_an_entity_tag_saves_the_transfer(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, _ = fetched
    path = "/media/123/scene.obj"
    tag = api.get(path).headers["ETag"]
    assert re.fullmatch(r'"[^"]+"', tag)
    for given in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        answer = api.get(path, headers={"If-None-Match": given})
        assert answer.status == 304 and answer.body == b""
        assert answer.headers["ETag"] == tag
    assert api.get(path, headers={"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize("asked,first,last", [
    ("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-10", -10, None), ("bytes=0-0", 0, 0),
    ("bytes=5-999999999999", 5, None),
])
def test_a_part_of_a_file(fetched: tuple[Client, dict[str, Any]], asked: str, first: int,
                          last: int | None) -> None:
    api, _ = fetched
    whole = api.get("/media/123/scene.obj").body
    start = first % len(whole)
    end = len(whole) - 1 if last is None else last
    answer = api.get("/media/123/scene.obj", headers={"Range": asked})
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{len(whole)}"
    assert answer.body == whole[start:end + 1]


def test_parts_that_are_not_there(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, _ = fetched
    path = "/media/123/scene.obj"
    whole = api.get(path)
    size = len(whole.body)
    assert whole.headers["Accept-Ranges"] == "bytes"
    for asked in (f"bytes={size}-", "bytes=-0"):
        answer = api.get(path, headers={"Range": asked})
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{size}"
    # What is no range of bytes, or is many, is answered with the whole.
    for asked in ("bytes=9-1", "lines=1-2", "bytes=a-b", "bytes=0-1,5-6"):
        answer = api.get(path, headers={"Range": asked})
        assert answer.status == 200 and answer.body == whole.body


def test_a_part_of_the_same_file_only(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, _ = fetched
    path = "/media/123/scene.obj"
    tag = api.get(path).headers["ETag"]
    assert api.get(path, headers={"Range": "bytes=0-9", "If-Range": tag}).status == 206
    assert api.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status == 200


def test_head_of_a_file(fetched: tuple[Client, dict[str, Any]]) -> None:
    api, _ = fetched
    get = api.get("/media/123/scene.jpg")
    head = api.send("HEAD", "/media/123/scene.jpg")
    assert head.status == 200
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("path", ["/media/123/scene.exe", "/media/123/scene", "/media/124/scene.obj",
                                  "/media/123/other.obj"])
def test_files_that_are_not_there(fetched: tuple[Client, dict[str, Any]], path: str) -> None:
    problem(fetched[0].get(path), 404)


def test_files_survive_a_restart(stage: Stage, simulator: Simulator) -> None:
    server = stage.serve(simulator.url())
    ok(server.api.post("/api/projects/3d", project()), 201)
    wait_status(server.api, 123, "completed")
    listing = wait_files(server.api, 123)
    before = server.api.get("/media/123/scene.jpg")
    simulator.stop()
    server.kill()
    server.start()
    after = server.api.get("/media/123/scene.jpg")
    assert after.body == before.body and after.headers["ETag"] == before.headers["ETag"]
    assert ok(server.api.get("/api/projects/3d/123/files"))["files"] == listing["files"]


# ---- LightFusion from one day to the next

def test_a_simulator_that_is_started_again_goes_on(stage: Stage) -> None:
    simulator = stage.simulate("2000:2000", free_port(), keep="kept/simulator.jsonl")
    api = stage.serve(simulator.url()).api
    assert ok(api.post("/api/projects/3d", project()), 201)["id"] == 123
    (paid,) = simulator.ledger()
    simulator.kill()
    simulator.start()
    (kept,) = simulator.ledger()
    assert kept | {"status": ""} == paid | {"status": ""}
    second = ok(api.post("/api/projects/3d", project()), 201)
    assert (second["id"], second["house_id"]) == (124, 457)
    for project_id in (123, 124):
        wait_status(api, project_id, "completed")
        wait_files(api, project_id)
    assert [entry["project_id"] for entry in simulator.ledger()] == [123, 124]


def test_two_simulators_do_not_share_what_they_keep(stage: Stage) -> None:
    first = stage.simulate(keep="simulator.jsonl")
    second = Simulator("simulate", ["simulate", "--port", "0", "--keep", "simulator.jsonl"], {},
                       stage.folder)
    stage.programs.append(second)
    second.launch()
    assert second.wait_exit() == 1
    second.expect_errors("not-json")  # the one line that says so
    (line,) = second.events("not-json")
    assert line["message"] == "sunlead: another simulator keeps its projects in simulator.jsonl"
    assert first.ledger() == []


# ---- The specification's curl lines, as they stand

CREATE_LEAD = r"""
curl -X POST http://localhost:8080/api/leads \
  -H "Content-Type: application/json" \
  -d '{
    "company_id": 1,
    "creator_id": 1,
    "latitude": 37.7749,
    "longitude": -122.4194,
    "address": "123 Solar St, San Francisco, CA 94102",
    "kwh_usage": 12000
  }'
"""

# {...} and [...] are filled from the specification's example body.
CREATE_PROJECT = r"""
curl -X POST http://localhost:8080/api/projects/3d \
  -H "Content-Type: application/json" \
  -d '{
    "lead_id": 1,
    "latitude": 37.7749,
    "longitude": -122.4194,
    "address": {
      "street": "123 Solar Street",
      "city": "San Francisco",
      "state": "CA",
      "Postalcode": "94102",
      "country": "USA"
    },
    "homeowner": {
      "email": "homeowner@example.com",
      "first_name": "John",
      "last_name": "Doe",
      "phone": "+1234567890"
    },
    "hardware": {
      "panel_id": 1,
      "inverter_id": 1,
      "storage_id": 1,
      "storage_quantity": 2
    },
    "consumption": [800, 850, 900, 950, 1000, 1050, 1100, 1150, 1200, 1250, 1300, 1350]
  }'
"""

CHECK_STATUS = "curl http://localhost:8080/api/projects/3d/123?house_id=456"
SYNC_STATUS = "curl -X POST http://localhost:8080/api/leads/1/sync-3d-status"
LIST_LEADS = 'curl "http://localhost:8080/api/leads?has_3d_model=true&limit=10"'


def run_curl(server: Server, line: str) -> Any:
    line = line.replace("localhost:8080", f"localhost:{server.port}")
    line = line.replace("curl ", "curl --silent --show-error --fail-with-body --max-time 60 ", 1)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_the_specifications_curl_lines(stage: Stage, simulator: Simulator) -> None:
    server = stage.serve(simulator.url())
    made = run_curl(server, CREATE_LEAD)
    assert made["id"] == 1
    ordered = run_curl(server, CREATE_PROJECT)
    assert (ordered["id"], ordered["lead_id"], ordered["house_id"]) == (123, 1, 456)

    def checked() -> bool:
        return run_curl(server, CHECK_STATUS)["status"] == "completed"
    wait_until(checked, "completed by curl")
    synced = run_curl(server, SYNC_STATUS)
    assert (synced["id"], synced["model_3d_status"]) == (1, "completed")
    (listed,) = run_curl(server, LIST_LEADS)["leads"]
    assert listed["id"] == 1
    assert listed["lightfusion_3d_project_id"] == 123
