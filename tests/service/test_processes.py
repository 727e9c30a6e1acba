"""Several processes on one PostgreSQL: what one of them changes the others see at once, and work is done
once."""
import collections
import time
from typing import Any

import pytest

from harness import Client, FakeUpstream, Reply, Server, Stage, ok, wait_until
from postgres import Postgres
from samples import lead, project

CREATE = ("POST", "/v1/lead/create")

# How often who waits for an order looks by himself: no answer that took less was found by looking.
LOOK_S = 1.0

LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'DO %'"


@pytest.fixture(scope="module")
def engine() -> str:
    """SQLite keeps a second process away."""
    return "postgres"


def place(number: int) -> dict[str, Any]:
    """A place of its own for each order."""
    return {"latitude": 10 + number / 100, "longitude": 20 + number / 100}


def order(api: Client, number: int) -> dict[str, Any]:
    """Orders without waiting for LightFusion."""
    answer = api.post("/api/projects/3d", project(**place(number)), headers={"Prefer": "respond-async"})
    return ok(answer, 202)


def get_order(api: Client, order_id: int) -> dict[str, Any]:
    return ok(api.get(f"/api/orders/{order_id}"))


def test_a_lead_is_the_same_everywhere(stage: Stage) -> None:
    first, second = stage.serve(), stage.serve()
    made = ok(first.api.post("/api/leads", lead()), 201)
    assert ok(second.api.get(f"/api/leads/{made['id']}")) == made
    for kwh in range(1000, 1020):
        changed = ok(first.api.put(f"/api/leads/{made['id']}", {"kwh_usage": kwh}))
        assert ok(second.api.get(f"/api/leads/{made['id']}")) == changed
        assert changed["kwh_usage"] == kwh
    ok(second.api.delete(f"/api/leads/{made['id']}"), 204)
    assert first.api.get(f"/api/leads/{made['id']}").status == 404


# ---- Notices

@pytest.fixture
def fake(stage: Stage) -> FakeUpstream:
    fake = stage.fake()
    fake.on(*CREATE, Reply({"id": 1, "lead_id": 1}, delay_s=600))
    return fake


def keep_busy(stage: Stage, fake: FakeUpstream, **environment: str) -> Server:
    """Starts a process that takes orders and does no work: it has room for one job, which does not end."""
    server = stage.serve(fake.url(), environment={"JOB_CONCURRENCY": "1"} | environment)
    order(server.api, 0)
    wait_until(lambda: fake.count(*CREATE) == 1, "its one job under way")
    return server


def order_and_wait(api: Client, numbers: range) -> float:
    """Makes one order after the other, waiting for LightFusion's answer to each. How long that took."""
    started = time.monotonic()
    for number in numbers:
        ok(api.post("/api/projects/3d", project(**place(number))), 201)
    return time.monotonic() - started


def test_who_waits_is_woken_by_another_process(stage: Stage, fake: FakeUpstream,
                                               postgres: Postgres) -> None:
    busy = keep_busy(stage, fake)
    worker = stage.serve(stage.simulate().url())
    # By themselves the worker looks for jobs every 5 s, who waits for the answer every second.
    rounds = range(1, 11)
    assert order_and_wait(busy.api, rounds) < len(rounds) * LOOK_S / 2
    wait_until(lambda: len(worker.events("order.created")) == len(rounds), "the log of all orders")
    assert not busy.events("order.created")
    for done in worker.events("order.created"):
        busy.wait_event("notices.heard", text=f"order {done['order_id']}")

    # The same when both connections were lost and are back.
    marks = [(server, server.mark()) for server in (busy, worker)]
    postgres.execute(stage.database_name(), f"SELECT pg_terminate_backend(pid) {LISTENERS}")
    for server, mark in marks:
        server.wait_event("notices.lost", since=mark)
        server.wait_event("notices.recovered", since=mark)
    assert order_and_wait(busy.api, range(11, 21)) < len(rounds) * LOOK_S / 2
    busy.kill()  # it would wait for the end of its job


def test_nothing_depends_on_notices(stage: Stage, fake: FakeUpstream, postgres: Postgres) -> None:
    """What nobody was told of is found by looking."""
    postgres.execute(stage.database_name(), "CREATE FUNCTION public.pg_notify(text, text) RETURNS void "
                                            "LANGUAGE sql AS $$ $$")
    stage.database_url += "?options=-csearch_path%3Dpublic,pg_catalog"
    busy = keep_busy(stage, fake)
    worker = stage.serve(stage.simulate().url())
    order_and_wait(busy.api, range(1, 2))
    worker.wait_event("order.created")
    assert not busy.events("notices.heard", text="jobs")
    assert not worker.events("notices.heard", text="jobs")
    busy.kill()  # it would wait for the end of its job


# ---- Work is done once

def test_each_order_is_sent_once(stage: Stage) -> None:
    simulator = stage.simulate("500:1000")
    first, second = stage.serve(simulator.url()), stage.serve(simulator.url())
    places = {}
    for number in range(50):
        if number == 25:
            first.kill()
        api = first.api if number % 2 == 0 and number < 25 else second.api
        made = order(api, number)
        places[made["order_id"]] = tuple(place(number).values())
    assert first.events("order.sending")
    second.wait_event("order.sending")

    def paid() -> collections.Counter[tuple[float, float]]:
        return collections.Counter((project["latitude"], project["longitude"])
                                   for project in simulator.ledger())

    def has_ended(order_id: int) -> bool:
        found = get_order(second.api, order_id)
        if found["state"] == "unknown" and not paid()[places[order_id]]:
            return True  # killed before the request left: the proof of absence takes minutes
        return found["project_id"] is not None or found["state"] == "parked"

    for order_id in places:  # those of the killed one are left to it until their lease ends
        wait_until(lambda: has_ended(order_id), f"order {order_id} to be created", timeout_s=90)
    assert set(paid().values()) == {1}
    assert set(paid()) <= set(places.values())
