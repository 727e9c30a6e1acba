"""LightFusion refuses connections, never answers, or resets them: leads are served on, and orders wait for its end.
bench/upstream_down.sh measures how fast."""
import concurrent.futures
import itertools
from typing import Any

import pytest

from harness import Client, FakeUpstream, Reply, Stage, free_port, ok, wait_until
from samples import small_lead

WAITING = 200
ROUNDS = 25
CLIENTS = 6

WAYS = {"refusing": None, "hanging": Reply(delay_s=600), "resetting": Reply(fate="reset")}
PLACES = itertools.count(1)


def place() -> dict[str, Any]:
    return {"latitude": 20.0, "longitude": next(PLACES) / 100}


def order_many(api: Client) -> None:
    orders = [{"company_id": 1, "creator_id": 1, **place()} for _ in range(WAITING)]
    assert ok(api.post("/api/projects/3d/batch", {"orders": orders}), 202)["accepted"] == WAITING


def use(api: Client) -> None:
    """What an office does all day; every answer is one that was asked for."""
    for _ in range(ROUNDS):
        made = ok(api.post("/api/leads", small_lead(create_3d_model=True) | place()), 201)
        assert made["model_3d_status"] == "pending"
        path = f"/api/leads/{made['id']}"
        changed = ok(api.put(path, {"kwh_usage": 9000}))
        assert ok(api.get(path))["kwh_usage"] == changed["kwh_usage"] == 9000
        assert ok(api.get("/api/leads?limit=20"))["leads"]
        assert ok(api.get(f"/api/orders?lead_id={made['id']}"))["orders"][0]["state"] in ("requested", "sending")
        ordered = api.post("/api/projects/3d", {"company_id": 1, "creator_id": 1, **place()},
                           headers={"Prefer": "respond-async"})
        assert ok(ordered, 202)["status"] == "pending"


@pytest.mark.parametrize("way", WAYS)
def test_leads_are_served_on(stage: Stage, way: str) -> None:
    port = free_port()
    reply = WAYS[way]
    fake: FakeUpstream | None = None
    if reply is not None:
        fake = stage.fake(port)
        fake.on("POST", "/v1/users/sessions", reply)
        fake.on("POST", "/v1/lead/create", reply)
    # What keeps calls back after failures passes faster than in earnest.
    environment = {"SUNLEAD_TIME_SCALE": "10"}
    api = stage.serve(f"http://127.0.0.1:{port}", environment=environment).api
    order_many(api)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(use, api) for _ in range(CLIENTS)]:
            done.result()
    assert ok(api.get("/health"))["status"]
    if fake is not None:
        fake.stop()
    simulator = stage.simulate("0:0", port)
    ordered = WAITING + 2 * ROUNDS * CLIENTS
    wait_until(lambda: len(simulator.ledger()) >= ordered, "all to be ordered", timeout_s=150)
    places = [(line["latitude"], line["longitude"]) for line in simulator.ledger()]
    assert len(set(places)) == len(places) == ordered
