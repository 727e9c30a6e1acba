"""The table of what LightFusion can do wrong, and what an order must come to that meets one or two of it."""
import itertools
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import Client, Server, Simulator, Stage, ok
from postgres import Postgres
from samples import project, small_lead

# Five failures in a row hold all calls back for half a minute, and files are waited for.
PATIENCE_S = 120.0
OUTAGE_S = 3.0
# What is unknown is proved absent after this long by look-ups. A test lets it pass by making the order older,
# once the first of them was made and everything that comes late has come.
PROOF_S = 300
LATE_S = 4.0


@dataclass(frozen=True)
class End:
    """What an order has come to."""
    state: str
    failure: str | None = None
    files: tuple[str, ...] = ("none",)
    model: str = "failed"  # model_3d_status of the lead
    says: str | None = None  # how its model_3d_error begins


DONE = End("completed", files=("done",), model="completed")
PARTIAL = End("completed", files=("partial",), model="completed")
NO_FILES = End("completed", files=("pending", "failed"), model="completed")
ERRORED_LATE = End("failed", "errored", ("pending", "partial", "done", "failed", "none"),
                   says="LightFusion could not make a model")
STUCK = End("processing", model="processing")
ERRORED = End("failed", "errored", says="LightFusion could not make a model")
PARKED = End("parked", "unclear", model="pending",
             says="LightFusion did not confirm the order, and we could not find out")
REFUSED = End("failed", "refused", says="LightFusion did not accept the data of this house")

# From the best to the worst: what ends an order earlier on its way decides.
ENDS = (DONE, PARTIAL, NO_FILES, ERRORED_LATE, STUCK, ERRORED, PARKED, REFUSED)

# What becomes of a create whose answer does not tell: it made a project, or none.
PAID, UNPAID = "paid", "unpaid"


@dataclass(frozen=True)
class Fault:
    rule: str
    end: End = DONE            # where nothing else goes wrong
    doubt: str | None = None   # it leaves open whether the create made a project ...
    blinds: tuple[str, ...] = ()  # ... of which no look-up tells: for a person then

    def place(self) -> str:
        return self.rule.split(":")[0]


FAULTS = (
    # The login, and a create that certainly did nothing.
    Fault("session:500:times=1"),
    Fault("create:401:times=1"),
    Fault("create:429:retry-after=1s,times=1"),
    Fault("create:422", REFUSED),
    # A create of which nobody knows.
    Fault("create:reset-before:times=1", doubt=UNPAID),
    Fault("create:502:times=1", doubt=UNPAID),
    Fault("create:lost-after-commit", doubt=PAID),
    Fault("create:reset-during:times=1", doubt=PAID),
    Fault("create:wrong-types", doubt=PAID),
    # The look-up.
    Fault("lookup:404", blinds=(PAID, UNPAID)),
    Fault("project:twin", blinds=(PAID,)),
    Fault("project:no-project-id", blinds=(PAID,)),
    Fault("project:index-delay:by=3s"),
    # Generation, and the way to hear of it.
    Fault("project:stuck", STUCK),
    Fault("project:errored", ERRORED),
    Fault("project:flapping:by=700ms"),
    Fault("project:done-then-errored:by=2s", ERRORED_LATE),
    Fault("complete:expire:times=1"),
    Fault("complete:503:times=2"),
    Fault("complete:short:times=1"),
    Fault("complete:wrong-json:times=1"),
    Fault("complete:huge:mb=8,times=1"),
    # The files.
    Fault("project:files-missing", NO_FILES),
    Fault("project:files-late:by=3s"),
    Fault("obj:404", PARTIAL),
    Fault("ply:short", PARTIAL),
    Fault("file:cut:times=2"),
    # All of it.
    Fault("any:latency:by=300ms"),
    Fault("any:drip:rate=200000"),
    Fault("any:reset-after"),
    Fault("any:expire:every=3"),
    Fault("any:429:retry-after=1s,times=3"),
    Fault("any:clock-skew:by=1h"),
    Fault("any:clock-skew:by=-1h"),
    Fault(f"any:outage:for={OUTAGE_S:g}s"),
    Fault(f"any:outage:status=503,for={OUTAGE_S:g}s"),
)


@dataclass(frozen=True)
class Case:
    """One fault or two at a time."""
    faults: tuple[Fault, ...]

    def name(self) -> str:
        return " ".join(self.rules())

    def rules(self) -> list[str]:
        """Of two faults that come once in a place the second follows the first."""
        rules = [fault.rule for fault in self.faults]
        if len(rules) == 2 and len({fault.place() for fault in self.faults}) == 1:
            rules[1] = rules[1].replace("times=1", "every=2,times=1")
        return rules

    def doubts(self) -> set[str]:
        return {fault.doubt for fault in self.faults if fault.doubt}

    def end(self) -> End:
        """The worst of the faults' ends; parked where the look-up that one needs is kept blind by the other."""
        ends = [fault.end for fault in self.faults]
        if any(self.doubts() & set(fault.blinds) for fault in self.faults):
            ends.append(PARKED)
        return max(ends, key=ENDS.index)

    def paid(self) -> int:
        if self.end() is REFUSED or self.end() is PARKED and PAID not in self.doubts():
            return 0
        return 1

    def has_outage(self) -> bool:
        return any("outage" in fault.rule for fault in self.faults)


SINGLES = [Case((fault,)) for fault in FAULTS]
PAIRS = [Case(pair) for pair in itertools.combinations(FAULTS, 2)]

PLACES = itertools.count(1)


def place() -> dict[str, float]:
    """Somewhere that no other order is."""
    return {"latitude": 37 + next(PLACES) * 0.01, "longitude": -122.4}


def order(api: Client, **changes: Any) -> dict[str, Any]:
    answer = api.post("/api/projects/3d", project(**place(), **changes), headers={"Prefer": "respond-async"})
    return ok(answer, 202)


def look(api: Client, order_id: int) -> dict[str, Any]:
    """The order; asking for its project is what makes it fresh before the next poll is due."""
    found = ok(api.get(f"/api/orders/{order_id}"))
    if found["project_id"] is not None and found["state"] != "parked":
        assert api.get(f"/api/projects/3d/{found['project_id']}").status == 200
        found = ok(api.get(f"/api/orders/{order_id}"))
    return found


def paid_twice(simulator: Simulator) -> list[Any]:
    paid = Counter((line["latitude"], line["longitude"]) for line in simulator.ledger())
    return [where for where, count in paid.items() if count > 1]


def make_older(stage: Stage, postgres: Postgres | None, order_id: int) -> None:
    """Lets the time pass after which an unknown order is proved absent."""
    if postgres is not None:
        span = f"interval '{PROOF_S} s'"
        statements = [f"UPDATE sunlead_orders SET sending_at = sending_at - {span} "
                      f"WHERE id = {order_id} AND state = 'unknown'",
                      f"UPDATE sunlead_jobs SET run_at = run_at - {span} WHERE order_id = {order_id}"]
        postgres.execute(stage.database_name(), ";".join(statements))
        return
    span = str(PROOF_S * 1_000_000)
    database = sqlite3.connect(stage.folder / "sunlead.db", timeout=30)
    try:
        with database:
            database.execute(f"UPDATE sunlead_orders SET sending_at = sending_at - {span} "
                             f"WHERE id = {order_id} AND state = 'unknown'")
            database.execute(f"UPDATE sunlead_jobs SET run_at = run_at - {span} WHERE order_id = {order_id}")
    finally:
        database.close()


class Run:
    """One case under a server and a simulator of its own."""

    def __init__(self, case: Case, stage: Stage, postgres: Postgres | None):
        self.case = case
        self.stage = stage
        self.postgres = postgres

    def run(self) -> None:
        self.simulator = self.stage.simulate("0:0")
        self.server = self.stage.serve(self.simulator.url())
        ok(self.simulator.api.put("/faults", {"rules": self.case.rules()}))
        self.began = time.monotonic()
        self.order_id = order(self.server.api)["order_id"]
        if self.case.has_outage():
            self._look_during_outage()
        self.seen: list[str] = []
        deadline = self.began + PATIENCE_S
        while not self._has_ended(found := look(self.server.api, self.order_id)):
            assert time.monotonic() < deadline, f"{self.case.end()}: {found}\n{self._tails()}"
            self._let_time_pass(found)
            time.sleep(0.3)
        self._check_lead(found)
        assert not paid_twice(self.simulator), self.simulator.ledger()
        assert len(self.simulator.ledger()) == self.case.paid(), self.simulator.ledger()
        assert self.server.api.get("/health").status == 200
        ok(self.server.api.post("/api/leads", small_lead()), 201)

    def _tails(self) -> str:
        return f"{self.server.tail(15)}\n{self.simulator.tail(15)}"

    def _lead(self) -> dict[str, Any]:
        lead_id = ok(self.server.api.get(f"/api/orders/{self.order_id}"))["lead_id"]
        return ok(self.server.api.get(f"/api/leads/{lead_id}"))

    def _look_during_outage(self) -> None:
        lead = self._lead()
        if time.monotonic() - self.began < OUTAGE_S / 2:
            assert lead["model_3d_status"] == "pending", lead

    def _has_ended(self, found: dict[str, Any]) -> bool:
        end = self.case.end()
        if found["state"] == "failed" and end.state != "failed":
            raise AssertionError(f"{end}: {found}\n{self._tails()}")
        return found["state"] == end.state and found["files"] in end.files

    def _let_time_pass(self, found: dict[str, Any]) -> None:
        is_late = time.monotonic() - self.began > LATE_S
        if found["state"] == "unknown" and found["lookups"] > 0 and is_late:
            make_older(self.stage, self.postgres, self.order_id)

    def _check_lead(self, found: dict[str, Any]) -> None:
        end = self.case.end()
        if end.failure is not None:
            assert found["failure"] == end.failure, found
        lead = self._lead()
        assert lead["model_3d_status"] == end.model, lead
        said = lead["model_3d_error"]
        assert said is None if end.says is None else said.startswith(end.says), lead
        if self.case.paid() and end is not PARKED:
            (paid,) = self.simulator.ledger()
            assert (found["project_id"], found["house_id"]) == (paid["project_id"], paid["house_id"])


def run_case(case: Case, folder: Path, postgres: Postgres | None) -> float:
    """Runs a case on a database of its own, on SQLite where there is no server. How long it took."""
    began = time.monotonic()
    url = f"sqlite:{folder / 'sunlead.db'}"
    if postgres is not None:
        url = postgres.url(name := postgres.create())
    stage = Stage(folder, "postgres" if postgres else "sqlite", url)
    try:
        try:
            Run(case, stage, postgres).run()
        finally:
            stage.close()
    finally:
        if postgres is not None:
            postgres.drop(name)
    return time.monotonic() - began
