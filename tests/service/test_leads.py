"""Leads: create, get, list, update, delete, without LightFusion."""
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness import Client, Server, Stage, ok, problem
from samples import LEAD_MEMBERS, LEAD_READ_ONLY, PROJECT, TIME, lead, small_lead


@pytest.fixture(scope="module")
def server(module_stage: Stage) -> Server:
    return module_stage.serve()


@pytest.fixture
def api(server: Server) -> Client:
    return server.api


def create(api: Client, body: dict[str, Any]) -> dict[str, Any]:
    return ok(api.post("/api/leads", body), 201)


def total(api: Client, query: str) -> int:
    return ok(api.get(f"/api/leads?limit=1&{query}"))["total"]


# ---- Create and get

def test_create_the_specifications_lead(api: Client, company: int) -> None:
    answer = api.post("/api/leads", lead(company_id=company))
    created = ok(answer, 201)
    assert set(created) == LEAD_MEMBERS
    sent = lead(company_id=company)
    del sent["create_3d_model"]
    assert {name: created[name] for name in sent} == sent
    assert created["id"] > 0
    assert TIME.fullmatch(created["created_at"])
    assert created["updated_at"] == created["created_at"]
    assert created["has_3d_model"] is False
    for name in ("lightfusion_3d_project_id", "lightfusion_3d_house_id", "model_3d_status",
                 "model_3d_created_at", "model_3d_completed_at"):
        assert created[name] is None
    assert answer.headers["Location"] == f"/api/leads/{created['id']}"
    assert ok(api.get(f"/api/leads/{created['id']}")) == created


def test_create_with_the_required_members_only(api: Client, company: int) -> None:
    created = create(api, small_lead(company_id=company))
    assert created["source"] == 4
    assert created["state"] == 0
    assert created["is_2d"] is False
    for name in ("address", "kwh_usage", "system_size", "panel_count", "annual_production",
                 "promo_code", "external_lead_id", "sync_status", "last_synced_at", "panel_id",
                 "inverter_id", "utility_id", "roof_material", "installation_date"):
        assert created[name] is None, name


EVERYTHING = {
    "latitude": -33.8688,
    "longitude": 151.2093,
    "address": "1 Macquarie St, Sydney",
    "source": 0,
    "kwh_usage": 1234.5,
    "system_size": 0.1,
    "panel_count": 0,
    "annual_production": 15000,
    "state": 3,
    "promo_code": "SPRING",
    "is_2d": True,
    "external_lead_id": "ext-1",
    "sync_status": "syncing",
    "panel_id": 7,
    "inverter_id": 8,
    "utility_id": 2147483647,
    "roof_material": "slate",
    "installation_date": "2026-05-01T00:00:00Z",
}


def test_create_with_all_members(api: Client, company: int) -> None:
    created = create(api, {"company_id": company, "creator_id": 2} | EVERYTHING)
    assert {name: created[name] for name in EVERYTHING} == EVERYTHING
    assert ok(api.get(f"/api/leads/{created['id']}")) == created


def test_null_is_as_good_as_absent(api: Client, company: int) -> None:
    nothing = {name: None for name in EVERYTHING
               if name not in ("latitude", "longitude", "source", "state", "is_2d")}
    created = create(api, small_lead(company_id=company) | nothing)
    assert {name: created[name] for name in nothing} == nothing


@pytest.mark.parametrize("latitude,longitude", [(0, 0), (90, 180), (-90, -180), (90.0, -180.0),
                                                (0.000001, -0.000001)])
def test_places_at_the_edges(api: Client, company: int, latitude: float, longitude: float) -> None:
    created = create(api, small_lead(company_id=company, latitude=latitude, longitude=longitude))
    assert (created["latitude"], created["longitude"]) == (latitude, longitude)


@pytest.mark.parametrize("sent,shown", [
    ("37.7749", "37.7749"), ("0.1", "0.1"), ("1.50", "1.5"), ("15000.0", "15000"), ("1e3", "1000"),
    ("0.30000000000000004", "0.30000000000000004"), ("123456.789", "123456.789"), ("-0.0", "0"),
    ("2.5E-3", "0.0025"), ("100000000", "100000000"),
])
def test_numbers_are_as_short_as_they_can_be(api: Client, company: int, sent: str,
                                             shown: str) -> None:
    text = (f'{{"company_id": {company}, "creator_id": 1, "latitude": 0, "longitude": 0, '
            f'"kwh_usage": {sent}}}')
    answer = api.post("/api/leads", raw=text.encode())
    assert answer.status == 201, answer
    for body in (answer.body, api.get(f"/api/leads/{answer.json()['id']}").body):
        assert re.search(rb'"kwh_usage":([^,]*),', body)[1].decode() == shown


@pytest.mark.parametrize("text", [
    "", "Zürich, Bahnhofstraße 1", "東京都千代田区1-1", "🏠", "a\"b\\c/d", "two\nlines\tand a tab",
    "' OR 1=1; DROP TABLE leads; --", "%s%n", "<script>", "\u007f\u0080\u2028", "x" * 500, "é" * 250,
])
def test_texts_come_back_as_they_went(api: Client, company: int, text: str) -> None:
    created = create(api, small_lead(company_id=company, address=text))
    assert created["address"] == text
    assert ok(api.get(f"/api/leads/{created['id']}"))["address"] == text


@pytest.mark.parametrize("sent,shown", [
    ("2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z"),
    ("2026-05-01T12:00:00+02:00", "2026-05-01T10:00:00Z"),
    ("2026-05-01T00:30:00.25-01:00", "2026-05-01T01:30:00.250Z"),
    ("2026-05-01T12:00:00.123456789Z", "2026-05-01T12:00:00.123456Z"),
    ("2024-02-29", "2024-02-29T00:00:00Z"),
    ("1899-12-31T23:59:59Z", "1899-12-31T23:59:59Z"),
])
def test_times_are_utc(api: Client, company: int, sent: str, shown: str) -> None:
    created = create(api, small_lead(company_id=company, installation_date=sent))
    assert created["installation_date"] == shown


# ---- The address as an object

@pytest.mark.parametrize("postal_code", ["Postalcode", "postal_code", "postalCode"])
def test_an_address_object_is_joined(api: Client, company: int, postal_code: str) -> None:
    address = {"street": "123 Solar Street", "city": "San Francisco", "state": "CA",
               postal_code: "94102", "country": "USA"}
    created = create(api, small_lead(company_id=company, address=address))
    assert created["address"] == "123 Solar Street, San Francisco, CA 94102, USA"


@pytest.mark.parametrize("address,joined", [
    ({"street": "1 Main St"}, "1 Main St"),
    ({"street": "1 Main St", "city": "Reno"}, "1 Main St, Reno"),
    ({"city": "Reno", "state": "NV"}, "Reno, NV"),
    ({"street": "1 Main St", "postal_code": "89501"}, "1 Main St, 89501"),
    ({"street": "", "city": "Reno", "country": None}, "Reno"),
    ({}, None),
])
def test_a_part_of_an_address(api: Client, company: int, address: dict[str, Any],
                              joined: str | None) -> None:
    created = create(api, small_lead(company_id=company, address=address))
    assert created["address"] == joined


def test_one_member_under_two_names(api: Client, company: int) -> None:
    address = {"street": "1 Main St", "Postalcode": "89501", "postal_code": "89501"}
    answer = api.post("/api/leads", small_lead(company_id=company, address=address))
    pointers = {place["pointer"] for place in problem(answer, 400)["errors"]}
    assert pointers & {"/address/Postalcode", "/address/postal_code"}
    assert total(api, f"company_id={company}") == 0


def test_members_of_a_project_may_stand_by(api: Client, company: int) -> None:
    body = PROJECT | {"company_id": company, "create_3d_model": False}
    created = create(api, body)
    assert set(created) == LEAD_MEMBERS
    assert created["model_3d_status"] is None
    assert created["address"] == "123 Solar Street, San Francisco, CA 94102, USA"


@pytest.mark.parametrize("name", sorted(LEAD_READ_ONLY))
def test_what_is_ours_cannot_be_sent(api: Client, company: int, name: str) -> None:
    problem(api.post("/api/leads", small_lead(company_id=company) | {name: 1}), 400, f"/{name}")
    assert total(api, f"company_id={company}") == 0


# ---- Ids

MALFORMED_IDS = ["abc", "0", "-1", "+1", "1.0", "1e3", "0x1", "01x", "1%20", "%201", "1,2", "null",
                 "9223372036854775807", "9223372036854775808", "99999999999999999999", "1;2", "*"]


@pytest.mark.parametrize("lead_id", MALFORMED_IDS + ["9007199254740991"])
@pytest.mark.parametrize("method,more", [("GET", ""), ("PUT", ""), ("DELETE", ""),
                                         ("POST", "/sync-3d-status"), ("POST", "/retry-3d-model")])
def test_there_is_no_such_lead(api: Client, method: str, more: str, lead_id: str) -> None:
    body = {"address": "nowhere"} if method == "PUT" else None
    problem(api.send(method, f"/api/leads/{lead_id}{more}", body), 404)


# ---- Lists

def test_a_list(api: Client, company: int) -> None:
    created = [create(api, small_lead(company_id=company, panel_count=i)) for i in range(5)]
    page = ok(api.get(f"/api/leads?company_id={company}"))
    assert set(page) == {"leads", "total", "limit", "offset"}
    assert page["total"] == 5
    assert page["offset"] == 0
    assert 1 <= page["limit"] <= 100
    # Newest first, and each as GET shows it.
    assert page["leads"] == created[::-1]


def test_an_empty_list(api: Client, company: int) -> None:
    page = ok(api.get(f"/api/leads?company_id={company}&limit=7&offset=3"))
    assert page == {"leads": [], "total": 0, "limit": 7, "offset": 3}


def test_pages(api: Client, company: int) -> None:
    ids = [create(api, small_lead(company_id=company))["id"] for _ in range(7)][::-1]
    for offset, want in ((0, ids[:3]), (3, ids[3:6]), (6, ids[6:]), (7, []), (1000, []),
                         (10**9, [])):
        page = ok(api.get(f"/api/leads?company_id={company}&limit=3&offset={offset}"))
        assert [entry["id"] for entry in page["leads"]] == want
        assert (page["total"], page["limit"], page["offset"]) == (7, 3, offset)


def test_a_list_of_all_companies(api: Client, company: int) -> None:
    before = total(api, "")
    mine = create(api, small_lead(company_id=company))
    other = create(api, small_lead(company_id=company + 500_000))
    page = ok(api.get("/api/leads?limit=2"))
    assert page["total"] == before + 2
    assert [entry["id"] for entry in page["leads"]] == [other["id"], mine["id"]]


def test_has_3d_model_filters(api: Client, company: int) -> None:
    create(api, small_lead(company_id=company))
    assert total(api, f"company_id={company}&has_3d_model=false") == 1
    assert total(api, f"company_id={company}&has_3d_model=true") == 0
    page = ok(api.get(f"/api/leads?has_3d_model=true&company_id={company}&limit=20&offset=0"))
    assert page == {"leads": [], "total": 0, "limit": 20, "offset": 0}


def test_a_full_page(api: Client, company: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: create(api, lead(company_id=company)), range(101)))
    page = ok(api.get(f"/api/leads?company_id={company}&limit=100"))
    assert len(page["leads"]) == 100 and page["total"] == 101
    ids = [entry["id"] for entry in page["leads"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ok(api.get(f"/api/leads?company_id={company}&limit=1"))["leads"]) == 1


@pytest.mark.parametrize("query,pointer", [
    ("limit=0", "?limit"), ("limit=101", "?limit"), ("limit=-1", "?limit"), ("limit=", "?limit"),
    ("limit", "?limit"), ("limit=ten", "?limit"), ("limit=1.0", "?limit"), ("limit=%2B1", "?limit"),
    ("limit=1e1", "?limit"), ("limit=99999999999999999999", "?limit"), ("limit=+1", "?limit"),
    ("offset=-1", "?offset"), ("offset=x", "?offset"), ("offset=", "?offset"),
    ("offset=9223372036854775808", "?offset"),
    ("company_id=0", "?company_id"), ("company_id=-1", "?company_id"),
    ("company_id=x", "?company_id"), ("company_id=", "?company_id"), ("company_id=1.5", "?company_id"),
    ("company_id=9007199254740992", "?company_id"),
    ("has_3d_model=maybe", "?has_3d_model"), ("has_3d_model=", "?has_3d_model"),
    ("has_3d_model=TRUE", "?has_3d_model"), ("has_3d_model=2", "?has_3d_model"),
    ("limit=1&limit=1", "?limit"), ("limit=1&limit=2", "?limit"),
    ("unknown=1", "?unknown"), ("Limit=1", "?Limit"), ("a%2Fb=1", "?a/b"),
])
def test_bad_queries(api: Client, query: str, pointer: str) -> None:
    problem(api.get(f"/api/leads?{query}"), 400, pointer)


# ---- Update

def test_update_changes_what_is_there(api: Client, company: int) -> None:
    created = create(api, lead(company_id=company))
    changed = ok(api.put(f"/api/leads/{created['id']}", {"kwh_usage": 9000.5, "address": "elsewhere"}))
    assert changed == created | {"kwh_usage": 9000.5, "address": "elsewhere",
                                 "updated_at": changed["updated_at"]}
    assert changed["updated_at"] >= created["updated_at"]
    assert ok(api.get(f"/api/leads/{created['id']}")) == changed


def test_update_of_every_member(api: Client, company: int) -> None:
    created = create(api, small_lead(company_id=company))
    changed = ok(api.put(f"/api/leads/{created['id']}", {"creator_id": 77} | EVERYTHING))
    assert changed == created | {"creator_id": 77} | EVERYTHING | {"updated_at": changed["updated_at"]}


@pytest.mark.parametrize("name", sorted(
    set(EVERYTHING) - {"latitude", "longitude", "source", "state", "is_2d"}))
def test_null_clears(api: Client, company: int, name: str) -> None:
    created = create(api, {"company_id": company, "creator_id": 2} | EVERYTHING)
    changed = ok(api.put(f"/api/leads/{created['id']}", {name: None}))
    assert changed == created | {name: None, "updated_at": changed["updated_at"]}


@pytest.mark.parametrize("name", ["company_id", "creator_id", "latitude", "longitude", "source",
                                  "state", "is_2d"])
def test_what_cannot_be_null(api: Client, company: int, name: str) -> None:
    created = create(api, lead(company_id=company))
    problem(api.put(f"/api/leads/{created['id']}", {name: None}), 400, f"/{name}")
    assert ok(api.get(f"/api/leads/{created['id']}")) == created


def test_nothing_to_update(api: Client, company: int) -> None:
    created = create(api, lead(company_id=company))
    changed = ok(api.put(f"/api/leads/{created['id']}", {}))
    assert changed == created | {"updated_at": changed["updated_at"]}


def test_what_get_gave_can_be_sent_back(api: Client, company: int) -> None:
    created = create(api, {"company_id": company, "creator_id": 2} | EVERYTHING)
    path = f"/api/leads/{created['id']}"
    changed = ok(api.put(path, raw=api.get(path).body))
    assert changed == created | {"updated_at": changed["updated_at"]}


@pytest.mark.parametrize("name,value", [
    ("id", 1), ("has_3d_model", True), ("lightfusion_3d_project_id", 5),
    ("lightfusion_3d_house_id", 5), ("model_3d_status", "completed"),
    ("model_3d_created_at", "2026-01-01T00:00:00Z"), ("model_3d_completed_at", "2026-01-01T00:00:00Z"),
    ("created_at", "2020-01-01T00:00:00Z"), ("created_at", None),
])
def test_what_is_ours_cannot_be_changed(api: Client, company: int, name: str, value: Any) -> None:
    created = create(api, lead(company_id=company))
    body = created | {name: value, "address": "elsewhere"}
    if name == "id":
        body["id"] = created["id"] + 1
    problem(api.put(f"/api/leads/{created['id']}", body), 400, f"/{name}")
    assert ok(api.get(f"/api/leads/{created['id']}")) == created


@pytest.mark.parametrize("name", ["updated_at", "last_synced_at"])
def test_what_changes_by_itself_may_be_old(api: Client, company: int, name: str) -> None:
    created = create(api, lead(company_id=company))
    body = created | {name: "2020-01-01T00:00:00Z", "address": "elsewhere"}
    changed = ok(api.put(f"/api/leads/{created['id']}", body))
    assert changed == created | {"address": "elsewhere", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] >= created["updated_at"]


def test_a_bad_update_changes_nothing(api: Client, company: int) -> None:
    created = create(api, lead(company_id=company))
    problem(api.put(f"/api/leads/{created['id']}", {"address": "elsewhere", "latitude": 91}), 400,
            "/latitude")
    assert ok(api.get(f"/api/leads/{created['id']}")) == created


def test_an_address_object_can_be_put(api: Client, company: int) -> None:
    created = create(api, lead(company_id=company))
    address = {"street": "1 Main St", "city": "Reno", "state": "NV", "postal_code": "89501"}
    changed = ok(api.put(f"/api/leads/{created['id']}", {"address": address}))
    assert changed["address"] == "1 Main St, Reno, NV 89501"


def test_moving_to_another_company_moves_the_count(api: Client, company: int) -> None:
    other = company + 500_000
    created = create(api, lead(company_id=company))
    ok(api.put(f"/api/leads/{created['id']}", {"company_id": other}))
    assert total(api, f"company_id={company}") == 0
    assert total(api, f"company_id={other}") == 1
    assert total(api, f"company_id={other}&has_3d_model=false") == 1


# ---- Delete

def test_delete(api: Client, company: int) -> None:
    kept, gone = (create(api, lead(company_id=company)) for _ in range(2))
    everything = total(api, "")
    answer = api.delete(f"/api/leads/{gone['id']}")
    assert answer.status == 204 and answer.body == b""
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"address": "elsewhere"})):
        problem(api.send(method, f"/api/leads/{gone['id']}", body), 404)
    page = ok(api.get(f"/api/leads?company_id={company}"))
    assert page["leads"] == [kept] and page["total"] == 1
    assert total(api, "") == everything - 1


def test_an_id_is_never_given_again(api: Client, company: int) -> None:
    gone = create(api, lead(company_id=company))
    assert api.delete(f"/api/leads/{gone['id']}").status == 204
    assert create(api, lead(company_id=company))["id"] > gone["id"]


# ---- Many at once, and the end of the process

def test_many_writers_at_once(api: Client, company: int) -> None:
    def work(i: int) -> int:
        created = create(api, lead(company_id=company, panel_count=i))
        path = f"/api/leads/{created['id']}"
        assert ok(api.put(path, {"panel_count": i + 1000}))["panel_count"] == i + 1000
        if i % 4 == 0:
            assert api.delete(path).status == 204
        return created["id"]

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(80)))
    assert len(set(ids)) == 80
    page = ok(api.get(f"/api/leads?company_id={company}&limit=100"))
    assert page["total"] == len(page["leads"]) == 60
    assert {entry["panel_count"] for entry in page["leads"]} == {
        i + 1000 for i in range(80) if i % 4}


def test_what_was_acknowledged_survives_a_power_cut(stage: Stage) -> None:
    server = stage.serve()
    created = [create(server.api, lead(panel_count=i)) for i in range(10)]
    changed = ok(server.api.put(f"/api/leads/{created[0]['id']}", {"panel_count": 99}))
    assert server.api.delete(f"/api/leads/{created[1]['id']}").status == 204
    server.kill()
    server.start()
    page = ok(server.api.get("/api/leads"))
    assert page["leads"] == [*created[:1:-1], changed]
    assert page["total"] == 9
    assert create(server.api, lead())["id"] > created[-1]["id"]


def test_what_was_stored_survives_a_restart(stage: Stage) -> None:
    server = stage.serve()
    created = create(server.api, lead())
    server.stop()
    server.start()
    assert ok(server.api.get(f"/api/leads/{created['id']}")) == created
