"""Clients that create, change, read, delete and order, one thing after the other, and remember what they were told."""
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from harness import Answer, Client, Simulator, ok, wait_until
from samples import project_for

PAUSE_S = 0.02  # of a client that was answered 503, which comes at once
ORDERS_OF_A_CLIENT = 4


def content(name: str, version: int) -> dict[str, Any]:
    """What a lead holds after its client's change number `version`: several members that belong together."""
    return {"address": f"{name} version {version}", "kwh_usage": 1000 + version,
            "promo_code": f"P{version}", "company_id": 1 + version % 3}


@dataclass
class Known:
    """A lead as its client knows it."""
    lead_id: int
    name: str
    place: tuple[float, float]  # of no other lead: what is ordered for it can be told by that
    version: int = 0
    perhaps: set[int] = field(default_factory=set)  # versions that nobody knows the fate of
    may_be_gone: bool = False
    order_id: int | None = None
    may_be_ordered: bool = False

    def fits(self, lead: dict[str, Any]) -> int | None:
        """The version that a reading shows, if it is one that may be shown."""
        for version in {self.version} | self.perhaps:
            wanted = content(self.name, version)
            if {name: lead[name] for name in wanted} == wanted:
                return version
        return None


def is_unknown(answer: Answer) -> bool:
    """Whether an answer says that the write may have been stored or not."""
    return answer.status == 503 and answer.json().get("outcome") == "unknown"


class Worker:
    """One client, whose leads nobody else changes. It asks any of the servers, at random."""

    def __init__(self, load: "Load", number: int):
        self.load = load
        self.name = f"client {number}"
        self.number = number
        self.random = random.Random(load.seed * 1000 + number)
        self.leads: list[Known] = []
        self.gone: list[Known] = []
        self.unsure_names: set[str] = set()
        self.made = 0
        self.ordered = 0
        self.pause_s = 0.0

    def run(self) -> None:
        actions = [(self.create, 3), (self.change, 8), (self.read, 8), (self.order, 1), (self.delete, 1)]
        while not self.load.stopping.wait(self.pause_s):
            self.pause_s = 0.0
            names, weights = zip(*actions)
            (action,) = self.random.choices(names, weights) if self.leads else (self.create,)
            try:
                action()
            except (AssertionError, OSError, ValueError, KeyError) as error:
                self.wrong(f"{action.__name__}: {error!r}")

    def wrong(self, what: str) -> None:
        self.load.wrong.append(f"{self.name}: {what}")

    def ask(self, method: str, path: str, body: Any, *expected: int, **more: Any) -> Answer:
        client = self.random.choice(self.load.clients)
        answer = client.send(method, path, body, **more)
        self.load.note(answer.status)
        if answer.status == 503:
            self.pause_s = PAUSE_S
        if answer.status not in (*expected, 503):
            self.wrong(f"{method} {path}: {answer}")
        return answer

    def create(self) -> None:
        self.made += 1
        name = f"{self.name} lead {self.made}"
        place = (10.0 + self.number, 0.001 * self.made)
        body = content(name, 0) | {"creator_id": 1, "latitude": place[0], "longitude": place[1],
                                   "external_lead_id": name}
        answer = self.ask("POST", "/api/leads", body, 201)
        if answer.status == 201:
            self.leads.append(Known(answer.json()["id"], name, place))
        elif is_unknown(answer):
            self.unsure_names.add(name)

    def change(self) -> None:
        known = self.random.choice(self.leads)
        version = max({known.version} | known.perhaps) + 1
        answer = self.ask("PUT", f"/api/leads/{known.lead_id}", content(known.name, version), 200)
        if answer.status == 200:
            known.version = version
            known.perhaps.clear()
            if known.fits(answer.json()) != version:
                self.wrong(f"the change {version} was answered with {answer}")
        elif is_unknown(answer):
            known.perhaps.add(version)

    def read(self) -> None:
        self.look_at(self.random.choice(self.leads))
        if self.gone:
            known = self.random.choice(self.gone)
            self.ask("GET", f"/api/leads/{known.lead_id}", None, 404)

    def look_at(self, known: Known) -> None:
        answer = self.ask("GET", f"/api/leads/{known.lead_id}", None, 200,
                          *([404] if known.may_be_gone else []))
        if answer.status == 404:
            self.leads.remove(known)
            self.gone.append(known)
        elif answer.status == 200:
            version = known.fits(answer.json())
            if version is None:
                self.wrong(f"lead {known.lead_id}: wanted version {known.version} or {known.perhaps}, got {answer}")
            else:  # whatever it was, it is known from now on
                known.version = version
                known.perhaps.clear()
                known.may_be_gone = False

    def order(self) -> None:
        known = self.random.choice(self.leads)
        if self.ordered >= ORDERS_OF_A_CLIENT or known.order_id or known.may_be_ordered:
            return
        latitude, longitude = known.place
        answer = self.ask("POST", "/api/projects/3d",
                          project_for(known.lead_id, latitude=latitude, longitude=longitude), 202,
                          headers={"Prefer": "respond-async"})
        self.ordered += 1
        if answer.status == 202:
            known.order_id = answer.json()["order_id"]
        elif is_unknown(answer):
            known.may_be_ordered = True

    def delete(self) -> None:
        known = self.random.choice(self.leads)
        if len(self.leads) < 5 or known.order_id or known.may_be_ordered or known.may_be_gone:
            return
        answer = self.ask("DELETE", f"/api/leads/{known.lead_id}", None, 204)
        if answer.status == 204:
            self.leads.remove(known)
            self.gone.append(known)
        elif is_unknown(answer):
            known.may_be_gone = True


class Load:
    """Several clients at work, from `with` until they are told to stop."""

    def __init__(self, clients: list[Client], workers: int, seed: int):
        self.clients = clients
        self.seed = seed
        self.foreign: set[tuple[float, float]] = set()  # places of orders that are none of the clients'
        self.stopping = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._lock = threading.Lock()
        self.workers = [Worker(self, number) for number in range(workers)]
        self._threads = [threading.Thread(target=worker.run) for worker in self.workers]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def note(self, status: int) -> None:
        with self._lock:
            self.statuses[status] += 1

    def stored(self) -> int:
        """How many leads were acknowledged so far."""
        return self.statuses[201]

    def wait_for_more(self, count: int) -> None:
        """Waits until so many more leads were acknowledged."""
        wanted = self.stored() + count
        wait_until(lambda: self.stored() >= wanted or self.wrong, f"{count} more leads")

    # When all is quiet

    def check_leads(self, was_away: bool = True) -> None:
        """Every acknowledged write is there and nothing else, and the lists tell the same. was_away: some were
        refused, without which the test has shown little."""
        for worker in self.workers:
            for known in list(worker.leads):
                worker.look_at(known)
            for known in worker.gone:
                worker.ask("GET", f"/api/leads/{known.lead_id}", None, 404)
        assert self.wrong == []
        assert self.statuses[503] > 0 or not was_away, "nobody noticed that the database was away"
        wanted = {known.name: known for worker in self.workers for known in worker.leads}
        unsure = {name for worker in self.workers for name in worker.unsure_names}
        found: dict[str, dict[str, Any]] = {}
        for lead in self._list():
            assert lead["external_lead_id"] not in found, "a lead was made twice"
            found[lead["external_lead_id"]] = lead
        assert set(wanted) <= set(found) <= set(wanted) | unsure
        for name, known in wanted.items():
            assert found[name]["id"] == known.lead_id
            assert known.fits(found[name]) == known.version

    def _list(self) -> list[dict[str, Any]]:
        leads: list[dict[str, Any]] = []
        while True:
            page = ok(self.clients[0].get(f"/api/leads?limit=100&offset={len(leads)}"))
            leads += page["leads"]
            if not page["leads"]:
                assert page["total"] == len(leads)
                return leads

    def check_orders(self, simulator: Simulator, timeout_s: float = 120) -> None:
        """Every acknowledged order is completed, and none was paid for twice."""
        ordered = [known for worker in self.workers for known in worker.leads if known.order_id]
        assert ordered
        deadline = time.monotonic() + timeout_s
        projects = set()
        for known in ordered:
            order = wait_until(lambda: self._completed(known), f"order {known.order_id} completed",
                               max(deadline - time.monotonic(), 1))
            assert order["lead_id"] == known.lead_id
            projects.add(order["project_id"])
        assert len(projects) == len(ordered)
        paid = ((project["latitude"], project["longitude"]) for project in simulator.ledger())
        places = Counter(place for place in paid if place not in self.foreign)
        assert [place for place, times in places.items() if times > 1] == []
        maybe = {known.place for worker in self.workers for known in worker.leads
                 if known.may_be_ordered}
        assert {known.place for known in ordered} <= set(places)
        assert set(places) <= {known.place for known in ordered} | maybe

    def _completed(self, known: Known) -> dict[str, Any] | None:
        order = ok(self.clients[0].get(f"/api/orders/{known.order_id}"))
        if order["state"] == "completed":
            return order
        if order["project_id"]:  # asking is what makes it fresh before the next poll
            ok(self.clients[0].get(f"/api/projects/3d/{order['project_id']}"))
        return None
