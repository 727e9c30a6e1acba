"""Each fault of the simulator by itself under a real server: the order ends right, is paid once at most, and
the server goes on answering. All cases run side by side, since most of their time is waiting."""
import concurrent.futures
import contextlib
import itertools
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import Client, Server, Simulator, Stage, ok, sunlead_path, wait_until
from samples import project, small_lead

AT_ONCE = 24
PATIENCE_S = 45.0
PLACES = itertools.count(1)


@dataclass
class Case:
    """What an order meets and how it ends. failure: of a failed or parked order."""
    rules: str  # several ones apart by spaces
    state: str = "completed"
    paid: int = 1
    failure: str | None = None
    files: str | None = None
    progress: int | None = None
    arguments: str = ""
    generation_ms: str = "0:0"

    def name(self) -> str:
        return f"{self.rules} {self.arguments}".strip()


# Left out is what takes longer than a test may. The look-up that proves that nothing was made comes after
# five minutes: what is unknown here and was not paid for stays so. A refused login and an open breaker hold
# back for half a minute, and a stuck project is given up after half an hour.
CASES = [
    # The login.
    Case("session:500:times=1"),
    Case("session:reset-before:times=1"),
    Case("session:page:times=1"),
    Case("session:wrong-json:times=1"),
    Case("session:cut:times=1"),
    Case("session:429:times=1,retry-after=1s"),
    # A create that certainly did nothing.
    Case("create:401:times=1"),
    Case("create:expire:times=1"),
    Case("create:429:times=1,retry-after=1s"),
    *[Case(f"create:{status}", "failed", 0, "refused") for status in (400, 403, 404, 422)],
    # One of which nobody knows.
    *[Case(f"create:{fault}", "unknown", 0, "unclear")
      for fault in ("reset-before", "408", "500", "502", "503", "504", "outage")],
    # One that was paid for. The look-up finds it.
    *[Case(f"create:{fault}") for fault in (
        "lost-after-commit", "lost-after-commit:status=500", "reset-during", "reset-during:at=0", "cut",
        "short", "short:at=0", "page", "wrong-json", "wrong-types", "huge:mb=8")],
    Case("create:reset-after"),
    Case("create:latency:by=2s"),
    Case("create:drip:rate=2000"),
    Case("create:lost-after-commit leads:500:times=1"),
    Case("create:lost-after-commit leads:page:times=1"),
    Case("create:lost-after-commit leads:wrong-json:times=1"),
    Case("create:lost-after-commit leads:cut:times=1"),
    Case("create:lost-after-commit complete:500:times=1"),
    Case("create:lost-after-commit any:reset-after"),
    Case("create:lost-after-commit any:clock-skew:by=1h"),
    Case("create:lost-after-commit any:clock-skew:by=-1h"),
    # The look-up cannot tell.
    Case("create:lost-after-commit lookup:404", "parked", failure="unclear"),
    Case("create:lost-after-commit project:twin", "parked", failure="unclear"),
    Case("create:lost-after-commit project:no-project-id", "parked", failure="unclear"),
    Case("create:lost-after-commit complete:404", "parked", failure="unclear"),
    Case("create:lost-after-commit project:index-delay:by=1h", "unknown", failure="unclear"),
    # The state.
    *[Case(f"complete:{fault},times=1" if ":" in fault else f"complete:{fault}:times=1") for fault in (
        "401", "expire", "404", "429:retry-after=1s", "500", "502", "503", "504", "reset-before",
        "reset-during", "reset-after", "cut", "short", "page", "wrong-json", "wrong-types", "huge:mb=8",
        "latency:by=1s", "drip:rate=2000")],
    Case("adders:500"),
    Case("price:wrong-types adders:page"),
    Case("project:stuck", "processing", progress=0),
    Case("project:stuck:at=40", "processing", progress=40),
    Case("project:errored", "failed", failure="errored"),
    Case("project:flapping:by=700ms", generation_ms="2000:2000"),
    Case("project:done-then-errored:by=1ms", "failed", failure="errored"),
    # The files.
    Case("project:files-late:by=3s", files="done"),
    Case("project:files-missing", files="pending"),
    Case("obj:404", files="partial"),
    Case("mtl:short", files="partial"),  # an MTL may end anywhere: its hash tells
    Case("ply:short", files="partial"),
    Case("jpg:huge:mb=2", files="partial"),
    Case("file:cut:at=100000", files="done"),
    Case("file:reset-during:at=100000", files="done"),
    Case("jpg:cut:at=100000,times=1 jpg:changed:every=2", files="done"),
    *[Case(f"file:{fault},times=2" if ":" in fault else f"file:{fault}:times=2", files="done") for fault in (
        "404", "500", "reset-before", "reset-during", "cut", "page", "latency:by=1s", "drip:rate=500000")],
    # All of it.
    Case("any:outage:for=3s"),
    Case("any:outage:for=3s,status=503"),
    Case("any:latency:by=300ms", files="done"),
    Case("any:clock-skew:by=-1h", files="done"),
    Case("any:reset-after", files="done"),
    Case("any:expire:every=2"),
    Case("any:429:times=3,retry-after=1s", files="done"),
    Case("", arguments="--time-scale 100", generation_ms="100000:100000", files="done"),
]


def place() -> dict[str, float]:
    """Somewhere that no other order is."""
    return {"latitude": 37 + next(PLACES) * 0.01, "longitude": -122.4}


def order(api: Client, **changes: Any) -> dict[str, Any]:
    answer = api.post("/api/projects/3d", project(**place(), **changes), headers={"Prefer": "respond-async"})
    return ok(answer, 202)


def look(api: Client, order_id: int) -> dict[str, Any]:
    """The order; asking for its project is what makes it fresh before the next poll is due."""
    found = ok(api.get(f"/api/orders/{order_id}"))
    if found["project_id"] is not None:
        assert api.get(f"/api/projects/3d/{found['project_id']}").status == 200
        found = ok(api.get(f"/api/orders/{order_id}"))
    return found


def has_ended(case: Case, found: dict[str, Any]) -> bool:
    if found["state"] != case.state:
        return False
    if case.state == "unknown" and case.paid > 0 and found["lookups"] == 0:
        return False
    return case.files is None or found["files"] == case.files


def paid_twice(simulator: Simulator) -> list[Any]:
    paid = Counter((line["latitude"], line["longitude"]) for line in simulator.ledger())
    return [where for where, count in paid.items() if count > 1]


def run(case: Case, simulator: Simulator, server: Server) -> None:
    ordered = order(server.api)
    deadline = time.monotonic() + PATIENCE_S
    found = look(server.api, ordered["order_id"])
    while not has_ended(case, found):
        assert time.monotonic() < deadline, f"{case}: {found}\n{server.tail(15)}\n{simulator.tail(15)}"
        time.sleep(0.3)
        found = look(server.api, ordered["order_id"])
    if case.failure is not None:
        assert found["failure"] == case.failure, found
    if case.progress is not None:
        assert ok(server.api.get(f"/api/projects/3d/{found['project_id']}"))["progress"] == case.progress
    if case.state == "completed":
        (paid,) = simulator.ledger()
        assert (found["project_id"], found["house_id"]) == (paid["project_id"], paid["house_id"])
    assert len(simulator.ledger()) == case.paid, simulator.ledger()
    assert server.api.get("/health").status == 200
    ok(server.api.post("/api/leads", small_lead()), 201)


def run_alone(case: Case, folder: Path) -> None:
    stage = Stage(folder, "sqlite", f"sqlite:{folder / 'sunlead.db'}")
    try:
        rules = [word for rule in case.rules.split() for word in ("--fault", rule)]
        simulator = stage.simulate(case.generation_ms, 0, *rules, *case.arguments.split())
        run(case, simulator, stage.serve(simulator.url()))
    finally:
        stage.close()


# By counts rather than by chance: five failures in a row would hold all calls back for half a minute.
BAD_DAY = ["any:latency:by=200ms,every=5", "create:lost-after-commit:every=3", "complete:500:every=7",
           "complete:wrong-json:every=11", "complete:expire:every=13", "file:cut:every=8", "file:500:every=9",
           "leads:page:every=4", "project:errored:p=0.1", "project:twin:p=0.1", "session:502:times=1"]


def run_bad_day(folder: Path) -> None:
    stage = Stage(folder, "sqlite", f"sqlite:{folder / 'sunlead.db'}")
    with contextlib.closing(stage):
        rules = [word for rule in BAD_DAY for word in ("--fault", rule)]
        simulator = stage.simulate("0:2000", 0, *rules, "--seed", "7")
        api = stage.serve(simulator.url()).api
        orders = [order(api)["order_id"] for _ in range(16)]

        def all_ended() -> bool:
            found = [look(api, order_id) for order_id in orders]
            return all(one["state"] in ("completed", "failed", "parked") for one in found)
        wait_until(all_ended, "all orders to end", timeout_s=90)
        assert not paid_twice(simulator)
        assert len(simulator.ledger()) == len(orders)
        assert api.get("/health").status == 200


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest,
         tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, concurrent.futures.Future[None]]]:
    """The runs of the cases that are asked for, under way."""
    wanted = [item.callspec.params["case"] for item in request.session.items
              if getattr(item, "originalname", "") == test_fault.__name__]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        day = {item.name: pool.submit(run_bad_day, tmp_path_factory.mktemp("day"))
               for item in request.session.items if item.name == test_a_bad_day.__name__}
        yield day | {case.name(): pool.submit(run_alone, case, tmp_path_factory.mktemp("fault")) for case in wanted}


@pytest.mark.parametrize("case", CASES, ids=Case.name)
def test_fault(case: Case, runs: dict[str, concurrent.futures.Future[None]]) -> None:
    runs[case.name()].result()


def test_a_bad_day(runs: dict[str, concurrent.futures.Future[None]]) -> None:
    """Whatever comes together, nothing is paid twice."""
    runs[test_a_bad_day.__name__].result()


@pytest.mark.parametrize("arguments,words", [
    (["--fault", "create:oops"], "--fault create:oops: oops: no such fault"),
    (["--fault", "create:500", "--fault=any:stuck"], "--fault any:stuck: any: stuck cannot happen there"),
    (["--fault", "create:500:p=2"], "p=2: wanted a number from 0 to 1"),
    (["--fault"], "--fault wants a value: RULE"),
    (["--fault", "create:500"] * 65, "--fault can be given 64 times at most"),
    (["--fault", "create:500"] * 64 + ["--clock-skew", "1s"], "--clock-skew: there are too many faults"),
    (["--clock-skew", "soon"], "--clock-skew soon: wanted a duration"),
    (["--time-scale", "0"], "--time-scale 0: wanted a number above 0"),
    (["--time-scale", "fast"], "--time-scale fast: wanted a number above 0"),
])
def test_a_wrong_command_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    ended = subprocess.run([str(sunlead_path()), "simulate", "--port", "0", "--keep", "none", *arguments],
                           cwd=tmp_path, env={}, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_help_names_every_fault(tmp_path: Path) -> None:
    help_text = subprocess.run([str(sunlead_path()), "simulate", "--help"], cwd=tmp_path, env={},
                               capture_output=True, text=True, timeout=30, check=True).stdout
    faults = {rule.split(":")[1] for case in CASES for rule in case.rules.split()}
    assert all(f"\n  {fault}" in help_text for fault in faults)
