"""Batches: many models ordered by one call, each right or wrong by itself; lists of orders, and orders called off."""
import json
import time
from typing import Any

import pytest

from harness import (Answer, Client, FakeUpstream, Reply, Server, Stage, cancel_model, ok, problem,
                     wait_until)
from samples import PROJECT, project, project_for, small_lead

CREATE = ("POST", "/v1/lead/create")
BATCH = "/api/projects/3d/batch"
ITEMS_MAX = 1000
BODY_MAX = 4 << 20


def item(number: int, **changes: Any) -> dict[str, Any]:
    """A project of its own place and name."""
    place = {"latitude": 10 + number / 100, "longitude": 20 + number / 100, "reference": f"r-{number}"}
    return project(**place | changes)


def items(count: int, **changes: Any) -> dict[str, Any]:
    return {"orders": [item(number, **changes) for number in range(count)]}


def post(api: Client, body: Any, **more: Any) -> Any:
    return ok(api.post(BATCH, body, **more), 202)


def by_status(answer: dict[str, Any]) -> dict[str, int]:
    counts = {"accepted": 0, "rejected": 0, "repeated": 0}
    for result in answer["results"]:
        counts[result["status"]] += 1
    return counts


def check_counts(answer: dict[str, Any], **wanted: int) -> None:
    counts = {"accepted": 0, "rejected": 0, "repeated": 0} | wanted
    assert {name: answer[name] for name in counts} == counts == by_status(answer)


@pytest.fixture
def api(stage: Stage) -> Client:
    """LightFusion is down: orders stay requested."""
    return stage.serve().api


def test_a_batch(api: Client) -> None:
    answer = api.post(BATCH, {"orders": [item(0), item(1) | {"reference": None}, item(2)]})
    batch = ok(answer, 202)
    assert answer.headers["Location"] == f"/api/batches/{batch['batch_id']}"
    check_counts(batch, accepted=3)
    assert [result["index"] for result in batch["results"]] == [0, 1, 2]
    assert [result["reference"] for result in batch["results"]] == ["r-0", None, "r-2"]
    for number, result in enumerate(batch["results"]):
        assert result["errors"] == []
        order = ok(api.get(f"/api/orders/{result['order_id']}"))
        assert (order["lead_id"], order["company_id"]) == (result["lead_id"], 1)
        assert (order["batch_id"], order["reference"]) == (batch["batch_id"], result["reference"])
        assert order["state"] in ("requested", "sending") and order["model_3d_status"] == "pending"
        lead = ok(api.get(f"/api/leads/{result['lead_id']}"))
        assert (lead["latitude"], lead["longitude"]) == (10 + number / 100, 20 + number / 100)
    assert ok(api.get("/api/leads"))["total"] == 3


def test_a_lead_is_as_a_single_order_makes_it(api: Client) -> None:
    for number, body in enumerate([project(), {name: PROJECT[name] for name in
                                               ("company_id", "creator_id", "latitude", "longitude")}]):
        single = ok(api.post("/api/projects/3d", body, headers={"Prefer": "respond-async"}), 202)
        (result,) = post(api, {"orders": [body | {"reference": f"x-{number}"}]})["results"]
        leads = [ok(api.get(f"/api/leads/{lead_id}")) for lead_id in (single["lead_id"], result["lead_id"])]
        for lead in leads:
            assert lead["model_3d_created_at"] == lead["created_at"] == lead["updated_at"]
            for name in ("id", "created_at", "updated_at", "model_3d_created_at", "model_3d_error"):
                del lead[name]
        assert leads[0] == leads[1]
        orders = [ok(api.get(f"/api/orders/{order_id}")) for order_id in (single["order_id"], result["order_id"])]
        assert orders[0]["batch_id"] is None and orders[0]["reference"] is None
        assert set(orders[0]) == set(orders[1])


def test_company_and_creator_of_all(api: Client) -> None:
    body = {"company_id": 7, "creator_id": 8, "orders": [
        {"latitude": 1, "longitude": 2}, {"latitude": 1, "longitude": 3, "company_id": 9}]}
    first, second = post(api, body)["results"]
    leads = [ok(api.get(f"/api/leads/{result['lead_id']}")) for result in (first, second)]
    assert [(lead["company_id"], lead["creator_id"]) for lead in leads] == [(7, 8), (9, 8)]


def test_models_are_made(stage: Stage) -> None:
    simulator = stage.simulate()
    server = stage.serve(simulator.url())
    batch = post(server.api, items(5))
    path = f"/api/batches/{batch['batch_id']}"
    wait_until(lambda: ok(server.api.get(path))["processing"] == 5, "all to be sent")
    assert len(simulator.ledger()) == 5


# ---- Right and wrong items

def test_wrong_items_harm_no_other(api: Client) -> None:
    body = {"orders": [
        item(0), item(1, latitude=91), item(2, unknown=1), item(3) | {"company_id": None}, item(4, lead_id=999),
        "text", item(6, address=7), item(7, homeowner={"email": 1}), item(8, consumption=[1]), item(9)]}
    batch = post(api, body)
    check_counts(batch, accepted=2, rejected=8)
    results = batch["results"]
    assert [result["index"] for result in results if result["status"] == "accepted"] == [0, 9]
    named = {result["index"]: [place["pointer"] for place in result["errors"]] for result in results}
    assert named == {0: [], 1: ["/orders/1/latitude"], 2: ["/orders/2/unknown"], 3: ["/orders/3/company_id"],
                     4: ["/orders/4/lead_id"], 5: ["/orders/5"], 6: ["/orders/6/address"],
                     7: ["/orders/7/homeowner/email"], 8: ["/orders/8/consumption"], 9: []}
    for result in results:
        assert (result["lead_id"] is None) == (result["order_id"] is None) == (result["status"] == "rejected")
    assert ok(api.get("/api/leads"))["total"] == 2
    shown = ok(api.get(f"/api/batches/{batch['batch_id']}"))
    assert (shown["items"], shown["accepted"]) == (10, 2)


def test_all_wrong(api: Client) -> None:
    answer = api.post(BATCH, {"orders": [item(0, latitude=91), item(1, lead_id=999)]})
    body = problem(answer, 422)
    check_counts(body, rejected=2)
    assert [result["errors"][0]["pointer"] for result in body["results"]] == \
        ["/orders/0/latitude", "/orders/1/lead_id"]
    assert ok(api.get("/api/leads"))["total"] == 0
    assert api.get("/api/batches/1").status == 404


def test_for_leads_that_are_there(api: Client) -> None:
    free, busy, other = (ok(api.post("/api/leads", small_lead(create_3d_model=model)), 201)
                         for model in (False, True, True))
    body = project_for(busy["id"])
    cancel_model(api, busy["id"])
    ordered = ok(api.post("/api/projects/3d", body, headers={"Prefer": "respond-async"}), 202)
    batch = post(api, {"orders": [project_for(free["id"], reference="free"), body,
                                  project_for(other["id"], target_solar_offset=55),
                                  project_for(free["id"]), project_for(free["id"], mode="min")]})
    results = batch["results"]
    assert [result["status"] for result in results] == ["accepted", "repeated", "rejected", "repeated", "rejected"]
    assert results[0]["lead_id"] == free["id"]
    assert results[1]["order_id"] == ordered["order_id"]
    assert results[2]["errors"][0]["pointer"] == "/orders/2/lead_id"
    assert "under way" in results[2]["errors"][0]["detail"]
    assert results[2]["order_id"] == other["order_id"]
    assert results[3]["order_id"] == results[0]["order_id"]
    lead = ok(api.get(f"/api/leads/{free['id']}"))
    assert lead["model_3d_status"] == "pending" and lead["model_3d_created_at"] is not None
    assert ok(api.get("/api/leads"))["total"] == 3


def test_completed_models(stage: Stage) -> None:
    fake = stage.fake()
    api = stage.serve(fake.url()).api
    made = ok(api.post("/api/projects/3d", project()), 201)
    wait_until(lambda: ok(api.get(f"/api/projects/3d/{made['id']}"))["status"] == "completed", "the model")
    body = {"orders": [project_for(made["lead_id"])]}
    refused = problem(api.post(BATCH, body), 422)
    assert "completed" in refused["results"][0]["errors"][0]["detail"]
    fake.on(*CREATE, Reply({"id": 124, "lead_id": 457}))
    body["orders"][0]["force"] = True
    (result,) = post(api, body)["results"]
    assert result["lead_id"] == made["lead_id"] and result["order_id"] > made["order_id"]
    wait_until(lambda: ok(api.get(f"/api/orders/{result['order_id']}"))["project_id"] == 124, "the second")


# ---- References

def test_a_reference_is_ordered_once(api: Client) -> None:
    first = post(api, items(3))
    second = post(api, items(5))
    check_counts(second, accepted=2, repeated=3)
    for old, new in zip(first["results"], second["results"]):
        assert new == old | {"status": "repeated"}
    assert ok(api.get("/api/leads"))["total"] == 5
    check_counts(post(api, items(5, mode="min")), repeated=5)
    assert ok(api.get("/api/leads"))["total"] == 5
    # Of another company it is another one.
    check_counts(post(api, items(2, company_id=2)), accepted=2)


def test_a_reference_twice_in_a_batch(api: Client) -> None:
    batch = post(api, {"orders": [item(0), item(1), item(0), item(0, latitude=5)]})
    check_counts(batch, accepted=2, repeated=2)
    results = batch["results"]
    assert {results[i]["order_id"] for i in (0, 2, 3)} == {results[0]["order_id"]}
    assert ok(api.get("/api/leads"))["total"] == 2


@pytest.mark.parametrize("reference", ["x", "x" * 200, "é" * 100, 'q"\\u0041/\u2028', " "])
def test_a_good_reference(api: Client, reference: str) -> None:
    batch = post(api, {"orders": [project(reference=reference)]})
    assert batch["results"][0]["reference"] == reference
    check_counts(post(api, {"orders": [project(reference=reference)]}), repeated=1)


@pytest.mark.parametrize("reference", ["", "x" * 201, "é" * 101, 1, True, [], {}])
def test_a_bad_reference(api: Client, reference: Any) -> None:
    body = problem(api.post(BATCH, {"orders": [project(reference=reference)]}), 422)
    assert body["results"][0]["errors"][0]["pointer"] == "/orders/0/reference"


# ---- As large as it may be

def memory_kb(server: Server) -> int:
    assert server.process is not None
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def test_a_thousand(stage: Stage, record_property: Any) -> None:
    server = stage.serve()
    before = memory_kb(server)
    started = time.monotonic()
    batch = post(server.api, items(ITEMS_MAX))
    took = time.monotonic() - started
    record_property("seconds", took)
    record_property("kilobytes", memory_kb(server) - before)
    print(f"{stage.engine}: {took:.3f} s, {(memory_kb(server) - before) / 1024:.1f} MB")
    check_counts(batch, accepted=ITEMS_MAX)
    assert len({result["lead_id"] for result in batch["results"]}) == ITEMS_MAX
    assert len({result["order_id"] for result in batch["results"]}) == ITEMS_MAX
    assert ok(server.api.get("/api/leads"))["total"] == ITEMS_MAX
    assert took < 10 and memory_kb(server) - before < 100 * 1024
    check_counts(post(server.api, items(ITEMS_MAX)), repeated=ITEMS_MAX)
    seen: list[int] = []
    before_id = ""
    while True:
        page = ok(server.api.get(f"/api/orders?batch_id={batch['batch_id']}&limit=100{before_id}"))
        seen += [order["id"] for order in page["orders"]]
        if page["next_before"] is None:
            break
        before_id = f"&before={page['next_before']}"
    assert seen == sorted((result["order_id"] for result in batch["results"]), reverse=True)


def test_all_of_a_thousand_wrong(api: Client) -> None:
    wrong = {f"unknown {number} {'x' * 100}": 1 for number in range(20)}
    body = problem(api.post(BATCH, {"orders": [wrong] * ITEMS_MAX}), 422)
    check_counts(body, rejected=ITEMS_MAX)
    assert all(len(result["errors"]) == 8 for result in body["results"])


@pytest.mark.parametrize("orders", [None, [], {}, "x", 1, [project()] * (ITEMS_MAX + 1)],
                         ids=["null", "empty", "object", "text", "number", "too-many"])
def test_no_list_of_orders(api: Client, orders: Any) -> None:
    problem(api.post(BATCH, {"orders": orders}), 400, "/orders")


def test_a_batch_without_orders(api: Client) -> None:
    problem(api.post(BATCH, {}), 400, "/orders")


def sized(size: int) -> bytes:
    """A body of exactly so many bytes."""
    head, tail = b'{"orders": [{"company_id": 1, "creator_id": 1, "latitude": 1, "longitude": 1}]', b"}"
    return head + b" " * (size - len(head) - len(tail)) + tail


def test_the_largest_body(api: Client) -> None:
    assert api.post(BATCH, raw=sized(BODY_MAX)).status == 202
    problem(api.post(BATCH, raw=sized(BODY_MAX + 1)), 413)


def valued(count: int) -> dict[str, Any]:
    """A body of so many JSON values, counted as they are: one for it, and one for each comma and bracket."""
    extra = count - 7
    return {"orders": [{"consumption": [0] * extra, "latitude": 1}, {}]}


def test_as_many_values_as_are_allowed(api: Client) -> None:
    problem(api.post(BATCH, valued(100_000)), 422)
    assert "more than 100000 values" in problem(api.post(BATCH, valued(100_001)), 400)["detail"]


# ---- Killed in the middle

@pytest.mark.parametrize("delay_ms", [5, 20, 60, 150, 400])
def test_killed_in_the_middle(stage: Stage, delay_ms: int) -> None:
    """The same call, with its key, orders each item once, whenever it was cut."""
    server = stage.serve()
    body = {"orders": [{name: value for name, value in item(number).items() if name != "reference"}
                       for number in range(ITEMS_MAX)]}

    data = json.dumps(body).encode()
    head = (f"POST {BATCH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: k\r\nContent-Length: {len(data)}\r\n\r\n").encode()
    with server.api.connect() as connection:
        connection.send(head + data)
        time.sleep(delay_ms / 1000)  # the moment is the point
        server.kill()
    server.start()

    def again() -> Answer | None:
        answer = server.api.post(BATCH, body, headers={"Idempotency-Key": "k"})
        return None if answer.status == 409 else answer

    batch = ok(wait_until(again, "the first one to count as gone", 90), 202)
    check_counts(batch, accepted=ITEMS_MAX)
    assert ok(server.api.get("/api/leads"))["total"] == ITEMS_MAX
    assert len({result["order_id"] for result in batch["results"]}) == ITEMS_MAX


# ---- How far a batch is

def test_the_state_of_a_batch(stage: Stage) -> None:
    fake = stage.fake()
    fake.on(*CREATE, Reply({"id": 123, "lead_id": 456}), Reply({"error": "no roof"}, status=422), Reply({}, status=503))
    api = stage.serve(fake.url(), environment={"JOB_CONCURRENCY": "1"}).api
    batch = post(api, items(3) | {"company_id": 5, "creator_id": 6})
    path = f"/api/batches/{batch['batch_id']}"
    fresh = ok(api.get(path))
    assert set(fresh) == {"id", "company_id", "creator_id", "items", "created_at", "pending", "processing",
                          "completed", "failed", "cancelled", "parked", "accepted", "eta"}
    assert (fresh["id"], fresh["company_id"], fresh["creator_id"]) == (batch["batch_id"], 5, 6)
    wait_until(lambda: ok(api.get(path))["failed"] == 1 and ok(api.get(path))["processing"] == 1, "two answers")
    shown = ok(api.get(path))
    assert (shown["pending"], shown["accepted"], shown["items"]) == (1, 3, 3)
    assert shown["eta"] > shown["created_at"]


@pytest.mark.parametrize("path", ["/api/batches/1", "/api/batches/0", "/api/batches/x"])
def test_no_such_batch(api: Client, path: str) -> None:
    problem(api.get(path), 404)


# ---- Lists of orders

def listed(api: Client, query: str) -> list[int]:
    return [order["id"] for order in ok(api.get(f"/api/orders?{query}"))["orders"]]


def test_orders_are_listed(api: Client) -> None:
    first = [result["order_id"] for result in post(api, items(3))["results"]]
    second = post(api, items(2, company_id=2))
    others = [result["order_id"] for result in second["results"]]
    cancelled = cancel_model(api, second["results"][0]["lead_id"])["id"]
    assert listed(api, "") == sorted(first + others, reverse=True)
    assert listed(api, "company_id=1") == first[::-1]
    assert listed(api, f"batch_id={second['batch_id']}") == others[::-1]
    assert listed(api, f"lead_id={second['results'][0]['lead_id']}") == [others[0]]
    assert listed(api, "state=cancelled") == [cancelled] == listed(api, "state=cancelled&company_id=2")
    assert listed(api, "state=cancelled&company_id=1") == []
    assert listed(api, f"batch_id={second['batch_id']}&state=cancelled&company_id=2") == [cancelled]
    assert listed(api, "batch_id=999") == []
    page = ok(api.get("/api/orders?limit=2"))
    assert (page["limit"], page["next_before"]) == (2, page["orders"][1]["id"])
    rest = ok(api.get(f"/api/orders?limit=3&before={page['next_before']}"))
    assert [order["id"] for order in page["orders"] + rest["orders"]] == listed(api, "")
    assert rest["next_before"] is None
    for order in rest["orders"]:
        whole = ok(api.get(f"/api/orders/{order['id']}"))
        assert {name: whole.pop(name) for name in order} == order
        assert set(whole) == {"eta", "exchanges", "model_3d_error", "next_try_at"}


@pytest.mark.parametrize("name,values", [
    ("company_id", ["0", "-1", "x", "", "1.5", "9007199254740992"]), ("lead_id", ["0", "x"]),
    ("batch_id", ["0", "x"]), ("before", ["0", "x"]), ("limit", ["0", "101", "x", "-1"]),
    ("state", ["", "Requested", "none", "x" * 500]), ("offset", ["1"])])
def test_a_bad_query(api: Client, name: str, values: list[str]) -> None:
    for value in values:
        problem(api.get(f"/api/orders?{name}={value}"), 400, f"?{name}")


# ---- Called off

def test_an_order_is_cancelled(stage: Stage) -> None:
    fake = stage.fake()
    server = stage.serve()  # without LightFusion
    made = ok(server.api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    path = f"/api/leads/{made['id']}/cancel-3d-model"
    order = cancel_model(server.api, made["id"])
    assert (order["id"], order["state"], order["model_3d_status"]) == (made["order_id"], "cancelled", None)
    assert ok(server.api.post(path)) == order
    lead = ok(server.api.get(f"/api/leads/{made['id']}"))
    assert (lead["model_3d_status"], lead["model_3d_created_at"], lead["sync_status"]) == (None, None, None)
    assert ok(server.api.get("/health"))["jobs"]["ready"] == 0
    server.stop()
    up = stage.serve(fake.url())
    assert ok(up.api.get(f"/api/orders/{order['id']}"))["state"] == "cancelled"
    again = ok(up.api.post("/api/projects/3d", project_for(made["id"])), 201)
    assert again["order_id"] > order["id"]
    refused = problem(up.api.post(path), 409)
    assert refused["order_id"] == again["order_id"]
    assert "created" in refused["detail"] or "processing" in refused["detail"]
    assert fake.count(*CREATE) == 1


def test_what_cannot_be_cancelled(stage: Stage) -> None:
    fake: FakeUpstream = stage.fake()
    server = stage.serve(fake.url())
    api = server.api
    problem(api.post("/api/leads/1/cancel-3d-model"), 404)
    bare = ok(api.post("/api/leads", small_lead()), 201)
    problem(api.post(f"/api/leads/{bare['id']}/cancel-3d-model"), 409)
    fake.on(*CREATE, Reply({"id": 123, "lead_id": 456}, delay_s=600))
    made = ok(api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    wait_until(lambda: fake.count(*CREATE) == 1, "the order to be sent")
    refused = problem(api.post(f"/api/leads/{made['id']}/cancel-3d-model"), 409)
    assert "sending" in refused["detail"]
    problem(api.post(f"/api/leads/{made['id']}/cancel-3d-model", {"x": 1}), 400)
    server.kill()  # the order would hold it


def test_a_second_model_that_is_cancelled(stage: Stage) -> None:
    """The lead is shown with its first one again."""
    fake = stage.fake()
    server = stage.serve(fake.url())
    made = ok(server.api.post("/api/projects/3d", project()), 201)
    wait_until(lambda: ok(server.api.get(f"/api/projects/3d/{made['id']}"))["status"] == "completed", "the model")
    lead = ok(server.api.get(f"/api/leads/{made['lead_id']}"))
    server.stop()
    down = stage.serve()
    body = project_for(made["lead_id"], force=True)
    ok(down.api.post("/api/projects/3d", body, headers={"Prefer": "respond-async"}), 202)
    assert ok(down.api.get(f"/api/leads/{made['lead_id']}"))["model_3d_status"] == "pending"
    cancel_model(down.api, made["lead_id"])
    shown = ok(down.api.get(f"/api/leads/{made['lead_id']}"))
    changing = {"updated_at", "last_synced_at"}
    assert {name: shown[name] for name in shown.keys() - changing} == \
        {name: lead[name] for name in lead.keys() - changing}
