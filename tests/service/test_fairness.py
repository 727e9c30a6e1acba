"""A company orders a thousand models at once; another one's single order does not wait for them."""
from typing import Any

import pytest

from harness import Client, Server, Simulator, Stage, ok, wait_until
from samples import project

MANY = 1000
CONCURRENCY = 8  # LIGHTFUSION_CONCURRENCY of each process
SINGLES = 5
LATITUDE = {"many": 10.0, "single": 60.0}


def order_many(api: Client) -> None:
    orders = [{"company_id": 1, "creator_id": 1, "latitude": LATITUDE["many"], "longitude": number / 100}
              for number in range(MANY)]
    assert ok(api.post("/api/projects/3d/batch", {"orders": orders}), 202)["accepted"] == MANY


def order_one(api: Client, number: int) -> None:
    place = {"latitude": LATITUDE["single"], "longitude": number / 100}
    body = project(company_id=2 + number, **place)
    ok(api.post("/api/projects/3d", body, headers={"Prefer": "respond-async"}), 202)


def singles_of(ledger: list[dict[str, Any]]) -> list[int]:
    """At what place in the ledger the single orders are."""
    return [at for at, line in enumerate(ledger) if line["latitude"] == LATITUDE["single"]]


def check_turns(stage: Stage, simulator: Simulator, servers: list[Server]) -> None:
    """How many of the many are sent between the storing of each single order and its own sending."""
    slots = CONCURRENCY * len(servers)
    order_many(servers[0].api)
    wait_until(lambda: len(simulator.ledger()) >= 2 * slots, "the many to be under way")
    waited = []
    for number in range(SINGLES):
        order_one(servers[number % len(servers)].api, number)
        before = len(simulator.ledger())
        wait_until(lambda: len(singles_of(simulator.ledger())) > number, "the single order to be sent")
        waited.append(max(0, singles_of(simulator.ledger())[number] - before))
    print(f"{stage.engine}, {len(servers)} processes: {waited} of {MANY} went before, {slots} slots")
    assert len(simulator.ledger()) < MANY, "the many were through before it was shown"
    assert max(waited) <= slots


@pytest.mark.parametrize("processes", [1, 2])
def test_a_batch_delays_others_by_a_slot(stage: Stage, processes: int) -> None:
    if stage.engine == "sqlite" and processes > 1:
        pytest.skip("one process at a time")
    simulator = stage.simulate("3600000:3600000", 0, "--fault", "create:latency:by=300ms")
    room = {"LIGHTFUSION_CONCURRENCY": str(CONCURRENCY)}
    servers = [stage.serve(simulator.url(), environment=room) for _ in range(processes)]
    check_turns(stage, simulator, servers)
    for server in servers:
        server.kill()  # it would send what is left
