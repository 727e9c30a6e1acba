"""Kills sunlead at every numbered step of an order and at random instants, and looks at what became of all
that it had acknowledged."""
import collections
import hashlib
import json
import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness import TOP, Answer, Client, Program, Server, Simulator, Stage, wait_until
from samples import project, small_lead

# Time-outs and generation are this much shorter: the proof of absence takes 5 s instead of 300. A slow program,
# as with the sanitizers, needs more of them.
PACE = int(os.environ.get("CHAOS_PACE") or 60)
END_S = 45.0 + 600 / PACE  # without any progress
GENERATION_MS = "60000:90000"  # after the first poll
ENDED = ("completed", "failed", "cancelled", "parked")
CONTENT_OF = 10  # of so many orders one's files are read whole

# ---- What there is to try

# Kinds of look-up, as rules of the simulator.
LOOKUPS = {
    "present": [],
    "absent": ["lookup:404"],
    "no-id": ["project:no-project-id"],
    "slow": ["project:index-delay:by=60s"],
    "several": ["project:twin"],
}
# Where an order may end parked: the look-up is absent, or gives no unique project.
MAY_PARK = ("absent", "no-id", "several")

# What becomes of the create, as rules of the simulator.
FATES = {
    "answered": [],
    "lost": ["create:lost-after-commit:times=1"],
    "missed": ["create:reset-before:times=1"],
    "limited": ["create:429:times=1,retry-after=1s"],
    "refused": ["create:422:times=1"],
    "errored": ["project:errored"],
    "unlooked": ["create:lost-after-commit:times=1", "leads:503:times=1"],
    "dripping": ["create:drip:rate=100"],
}
MAY_FAIL = ("refused", "errored")

# By the beginning of a step's name: the fates with which it is reached, and the look-ups. Of the first that
# fits.
REACHED: list[tuple[str, list[str], tuple[str, ...]]] = [
    ("job.leaving", ["unlooked"], ("present", "no-id", "slow", "several")),
    ("storing.requested", ["limited", "missed"], ("present", "no-id", "slow", "several")),
    ("stored.requested", ["limited", "missed"], ("present", "no-id", "slow", "several")),
    ("storing.unknown", ["lost", "missed"], tuple(LOOKUPS)),
    ("stored.unknown", ["lost", "missed"], tuple(LOOKUPS)),
    ("lookup.tried", ["lost"], ("present", "no-id", "slow")),
    ("lookup.", ["lost"], tuple(LOOKUPS)),
    ("storing.parked", ["lost"], ("absent", "several")),
    ("stored.parked", ["lost"], ("absent", "several")),
    ("storing.failed", ["refused", "errored"], tuple(LOOKUPS)),
    ("stored.failed", ["refused", "errored"], tuple(LOOKUPS)),
    ("", ["answered"], tuple(LOOKUPS)),
]

# A step that no process of ours can tell: LightFusion has the project, and its answer is on its way.
PAID = "create.paid"


def steps() -> list[str]:
    """The numbered steps of an order, from the program's own table."""
    header = (TOP / "src/base/crash.h").read_text()
    names = re.findall(r'^\s*STEP\(\w+, "([^"]+)", "[^"]+"\)', header, re.MULTILINE)
    assert len(names) > 30 and len(set(names)) == len(names), names
    return [*names, PAID]


@dataclass(frozen=True)
class Case:
    """One order, and the moment at which its process is killed."""
    engine: str
    lookup: str
    fate: str
    step: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.engine}, look-up {self.lookup}, create {self.fate}, {self.step}:{self.count}"


def cases(engine: str, lookups: list[str], count: int = 1) -> Iterator[Case]:
    """Every step with every kind of look-up with which it can be reached."""
    for step in steps():
        fates, reached = next((fates, kinds) for start, fates, kinds in REACHED if step.startswith(start))
        if step == PAID:
            fates = ["dripping"]
        wanted = [kind for kind in lookups if kind in reached] or [kind for kind in reached][:1]
        for lookup in wanted:
            for fate in fates:
                yield Case(engine, lookup, fate, step, count)


# ---- A stage for it

def simulate(stage: Stage, rules: list[str], seed: int = 1) -> Simulator:
    arguments = ["--time-scale", str(PACE), "--seed", str(seed)]
    for rule in rules:
        arguments += ["--fault", rule]
    return stage.simulate(GENERATION_MS, 0, *arguments)


def settings(**more: str) -> dict[str, str]:
    return {"SUNLEAD_TIME_SCALE": str(PACE), "LOG_LEVEL": "info"} | more


def place(number: int) -> dict[str, Any]:
    """A place of its own for each order."""
    return {"latitude": 10 + number / 1000, "longitude": 20 + number / 1000}


class Died(Exception):
    """The process that was asked is gone, or does not answer any more."""


def send(server: Server, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """An answer, or Died."""
    try:
        return Client(server.port).send(method, path, body,
                                        headers={name.replace("_", "-"): text
                                                 for name, text in headers.items()})
    except (AssertionError, OSError, ValueError) as error:
        raise Died(f"{method} {path}: {error}") from None


def read(server: Server, path: str) -> Any:
    answer = send(server, "GET", path)
    assert answer.status == 200, f"{path}: {answer}"
    return answer.json()


def pages(server: Server, path: str, name: str) -> list[dict[str, Any]]:
    """All rows of a list that goes by before."""
    rows: list[dict[str, Any]] = []
    before: Any = None
    while True:
        page = read(server, f"{path}{'&' if '?' in path else '?'}limit=100"
                            + (f"&before={before}" if before else ""))
        rows += page[name]
        before = page["next_before"]
        if before is None:
            return rows


# ---- What must hold in the end

@dataclass
class Promise:
    """A request under its own Idempotency-Key, and what was answered to it."""
    route: str
    body: dict[str, Any]
    key: str
    answer: dict[str, Any] | None = None

    def keep(self, server: Server) -> bool:
        """Sends it. Whether it was acknowledged."""
        answer = send(server, "POST", self.route, self.body, Idempotency_Key=self.key,
                      Prefer="respond-async")
        if answer.status in (409, 503):
            return False
        assert answer.status in (200, 201, 202), f"{self.route}: {answer}"
        self.answer = answer.json()
        return True

    def orders(self) -> list[tuple[int, int]]:
        """The leads and orders that were acknowledged."""
        assert self.answer is not None
        if "results" in self.answer:
            return [(row["lead_id"], row["order_id"]) for row in self.answer["results"]]
        # A lead that was made tells its number as its id.
        return [(self.answer.get("lead_id", self.answer["id"]), self.answer["order_id"])]


@dataclass
class Verdict:
    """What is wrong, with all that is known of it."""
    problems: list[str] = field(default_factory=list)
    orders: int = 0
    paid: int = 0
    states: collections.Counter = field(default_factory=collections.Counter)

    def blame(self, what: str, *known: Any) -> None:
        self.problems.append(what + "".join("\n    " + json.dumps(part) for part in known))


def settle(server: Server) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Waits until nothing is under way any more, or moves any more. The orders and jobs that there are then."""
    before: Any = None
    deadline = time.monotonic() + END_S
    while True:
        orders = pages(server, "/api/orders", "orders")
        jobs = pages(server, "/api/jobs", "jobs")
        live = ([(order["id"], order["state"], order["attempts"]) for order in orders
                 if order["state"] not in ENDED],
                [(job["id"], job["kind"]) for job in jobs if job["state"] not in ("dead", "cancelled")])
        if live != before:
            before, deadline = live, time.monotonic() + END_S
        if live == ([], []) or time.monotonic() > deadline:
            return orders, jobs  # what has not ended is told by judge()
        time.sleep(0.1)


def judge(server: Server, simulator: Simulator, lookup: str, promises: list[Promise],
          may_fail: bool) -> Verdict:
    """Looks at everything, once nothing is under way any more."""
    verdict = Verdict()
    orders, jobs = settle(server)
    ledger = collections.defaultdict(list)
    for row in simulator.ledger():
        ledger[round(row["latitude"], 6), round(row["longitude"], 6)].append(row)
    verdict.orders, verdict.paid = len(orders), sum(map(len, ledger.values()))
    for job in jobs:
        verdict.blame(f"job {job['id']} is {job['state']}", job)
    per_lead = collections.Counter(order["lead_id"] for order in orders)
    for row in orders:
        order = read(server, f"/api/orders/{row['id']}")
        lead = read(server, f"/api/leads/{row['lead_id']}")
        paid = ledger.pop((round(lead["latitude"], 6), round(lead["longitude"], 6)), [])
        verdict.states[order["state"]] += 1
        for wrong in _wrong_of_order(server, order, lead, paid, lookup, may_fail):
            verdict.blame(f"order {order['id']} ({order['state']}): {wrong}", order, lead, paid)
        if per_lead[order["lead_id"]] > 1:
            verdict.blame(f"lead {order['lead_id']} has {per_lead[order['lead_id']]} orders", order)
    for where, rows in ledger.items():
        verdict.blame(f"paid at {where}, where there is no order", rows)
    _judge_promises(server, verdict, orders, promises)
    return verdict


def _wrong_of_order(server: Server, order: dict[str, Any], lead: dict[str, Any],
                    paid: list[dict[str, Any]], lookup: str, may_fail: bool) -> Iterator[str]:
    state = order["state"]
    public = {"completed": "completed", "failed": "failed", "parked": "pending"}
    if state not in public:
        yield "has not ended"
    elif lead["model_3d_status"] != public[state]:
        yield f"the lead says {lead['model_3d_status']}"
    if len(paid) > 1:
        yield f"paid {len(paid)} times"
    if state == "completed":
        if [row["project_id"] for row in paid] != [order["project_id"]]:
            yield "its project is not the one that was paid"
        yield from _wrong_of_files(server, order)
    if state == "failed" and not may_fail:
        yield "failed, with nothing to fail by"
    if state == "failed" and not (order["failure"] and order["failure_detail"]):
        yield "failed without a reason"
    if state == "parked" and lookup not in MAY_PARK:
        yield "parked, though the look-up gives one project"


def _wrong_of_files(server: Server, order: dict[str, Any]) -> Iterator[str]:
    files = read(server, f"/api/projects/3d/{order['project_id']}/files")
    if order["files"] != "done" or not files["downloaded"] or len(files["files"]) <= 4:
        yield f"its files are not all here: {files}"
    if any(file["state"] != "stored" for file in files["files"]):
        yield f"its model was not converted: {files}"
    # They are large: the content of a few tells.
    for file in files["files"] if order["id"] % CONTENT_OF == 0 or order["id"] == 1 else []:
        answer = send(server, "GET", file["url"])
        if answer.status != 200 or hashlib.sha256(answer.body).hexdigest() != file["sha256"]:
            yield f"{file['name']} is not what it should be: {answer.status}"


def _judge_promises(server: Server, verdict: Verdict, orders: list[dict[str, Any]],
                    promises: list[Promise]) -> None:
    known = {order["id"]: order for order in orders}
    seen: collections.Counter = collections.Counter()
    for promise in promises:
        if promise.answer is None:
            verdict.blame(f"{promise.key} was never acknowledged", promise.body)
            continue
        for lead_id, order_id in promise.orders():
            order = known.get(order_id)
            if order is None or order["lead_id"] != lead_id:
                verdict.blame(f"{promise.key}: order {order_id} of lead {lead_id} is lost", promise.answer)
            else:
                seen[order["id"]] += 1
        if "batch_id" in promise.answer:
            batch = send(server, "GET", f"/api/batches/{promise.answer['batch_id']}")
            if batch.status != 200:
                verdict.blame(f"{promise.key}: its batch is lost", promise.answer)
    for order_id, count in seen.items():
        if count > 1:
            verdict.blame(f"order {order_id} was given to {count} requests", known[order_id])
    for order_id in known.keys() - seen.keys():
        verdict.blame(f"order {order_id} was made by no request", known[order_id])


# ---- One step

def run_case(stage: Stage, case: Case) -> bool:
    """Whether the step was reached. Raises AssertionError where something does not hold."""
    simulator = simulate(stage, FATES[case.fate] + LOOKUPS[case.lookup])
    by_us = {} if case.step == PAID else {"SUNLEAD_CRASH_AT": f"{case.step}:{case.count}"}
    server = stage.prepare_serve(simulator.url(), environment=settings(**by_us))
    promise = Promise("/api/projects/3d", project(**place(1)), "the-order")
    reached = _run_until_death(server, simulator, promise, case)
    if reached:
        server.environment.pop("SUNLEAD_CRASH_AT", None)
        server.start()
    wait_until(lambda: promise.answer or promise.keep(server), f"{case}: the acknowledgement")
    verdict = judge(server, simulator, case.lookup, [promise], case.fate in MAY_FAIL)
    assert not verdict.problems, f"{case}:\n" + "\n".join(verdict.problems) + "\n" + server.tail(40)
    return reached


def _run_until_death(server: Server, simulator: Simulator, promise: Promise, case: Case) -> bool:
    server.launch()
    try:
        server.port = server.wait_event(server.listening, since=server._start_mark)["port"]
        wait_until(lambda: promise.keep(server), f"{case}: the acknowledgement")

        def is_over() -> bool:
            if case.step == PAID and simulator.ledger():
                return True
            orders = pages(server, "/api/orders", "orders")
            live = [job for job in pages(server, "/api/jobs", "jobs") if job["state"] != "dead"]
            return not live and all(order["state"] in ENDED for order in orders)
        wait_until(is_over, f"{case}: the end", END_S)
        if case.step != PAID:
            return False
        server.kill()
        return True
    except (Died, AssertionError):
        # Nobody else kills it: it reached the step.
        process = server.process
        if process is None or process.wait(10) != -signal.SIGKILL:
            raise
        server.wait_exit()
        return True


# ---- Random instants

# What LightFusion does besides, so that orders are in all their states when the process dies.
WEATHER = ["create:lost-after-commit:p=0.08", "create:reset-before:p=0.05",
           "create:429:p=0.05,retry-after=1s", "create:drip:p=0.1,rate=400", "complete:500:p=0.05",
           "file:cut:p=0.03", "any:latency:p=0.3,by=60ms"]
ORDERS_PER_KILL = 1


class Clients:
    """Order, read, and ask again what was not acknowledged, for as long as they are told."""

    def __init__(self, front: Server, seed: int, count: int = 2):
        self.front = front
        self.promises: list[Promise] = []
        self.problems: list[str] = []
        self.reads = 0
        self.room = 20  # for orders
        self._numbers = iter(range(1, 1_000_000))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(random.Random(seed * 100 + i),))
                         for i in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, chance: random.Random) -> None:
        while not self._stop.is_set():
            try:
                self._act(chance)
            except Died:
                self._stop.wait(0.02)
            except Exception as error:  # noqa: BLE001 what goes wrong in a thread is told by the test
                self.problems.append(f"{type(error).__name__}: {error}")
                return

    def _act(self, chance: random.Random) -> None:
        open_ones = [promise for promise in self.promises if promise.answer is None]
        if open_ones and chance.random() < 0.5:
            chance.choice(open_ones).keep(self.front)
        elif chance.random() < 0.4 and len(self.promises) > len(open_ones):
            self._read_back(chance)
        elif len(open_ones) < 10 and self.room > 0:
            self._make(chance).keep(self.front)
        self._stop.wait(0.05)

    def _make(self, chance: random.Random) -> Promise:
        with self._lock:
            numbers = [next(self._numbers) for _ in range(4)]
        key = f"key-{numbers[0]}"
        kind = chance.choice(["single", "single", "lead", "batch"])
        if kind == "single":
            promise = Promise("/api/projects/3d", project(**place(numbers[0])), key)
        elif kind == "lead":
            promise = Promise("/api/leads", small_lead(create_3d_model=True, **place(numbers[0])), key)
        else:
            items = [project(reference=f"r-{number}", **place(number)) for number in numbers]
            promise = Promise("/api/projects/3d/batch", {"orders": items}, key)
        self.room -= len(promise.body.get("orders", [1]))
        self.promises.append(promise)
        return promise

    def _read_back(self, chance: random.Random) -> None:
        """Nothing that was acknowledged may be gone, at any time."""
        promise = chance.choice([promise for promise in self.promises if promise.answer is not None])
        for lead_id, order_id in promise.orders():
            for path in (f"/api/leads/{lead_id}", f"/api/orders/{order_id}"):
                answer = send(self.front, "GET", path)
                if answer.status not in (200, 503):
                    raise AssertionError(f"{path} was acknowledged, and is {answer}")
        self.reads += 1


def kill_at_random(programs: list[Program], clients: Clients, kills: int,
                   chance: random.Random) -> None:
    """Kills one program or several, again and again, and starts them again; now and then while it starts."""
    done = 0
    while done < kills:
        time.sleep(chance.uniform(0, 0.4))
        victims = programs if chance.random() < 0.3 else [chance.choice(programs)]
        for victim in victims[:kills - done]:
            victim.kill()
            done += 1
            clients.room += ORDERS_PER_KILL
        for victim in victims:
            if victim.process is None:
                revive(victim, chance.random() < 0.9)


def revive(program: Program, wait: bool) -> None:
    program.launch()
    if wait:
        wait_ready(program)


def wait_ready(program: Program) -> None:
    event = program.listening if isinstance(program, Server) else "worker.started"
    line = program.wait_event(event, since=program._start_mark)
    if isinstance(program, Server):
        program.port = line["port"]


def run_random(stage: Stage, lookup: str, kills: int, seed: int) -> tuple[Verdict, Clients]:
    """Kills at random instants, under load. The caller looks at the verdict's problems."""
    chance = random.Random(seed)
    simulator = simulate(stage, WEATHER + LOOKUPS[lookup], seed)
    front = stage.prepare_serve(simulator.url(), environment=settings())
    front.start()
    programs: list[Program] = [front]
    if stage.engine == "postgres":
        worker = Program("worker", ["worker"], front.environment, stage.folder)
        stage.programs.append(worker)
        worker.launch()
        programs.append(worker)
    clients = Clients(front, seed)
    clients.start()
    try:
        kill_at_random(programs, clients, kills, chance)
    finally:
        clients.stop()
    for program in programs:
        if program.process is not None and not program.is_running():
            program.wait_exit()
        if program.process is None:
            program.launch()
        wait_ready(program)
    for promise in clients.promises:
        wait_until(lambda: promise.answer or promise.keep(front), f"{promise.key} to be acknowledged")
    verdict = judge(front, simulator, lookup, clients.promises, may_fail=False)
    verdict.problems += clients.problems
    return verdict, clients
