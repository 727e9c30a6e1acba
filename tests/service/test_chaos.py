"""Every order ends, is paid for once, and nothing acknowledged is lost, whenever the program is killed. Short
as it stands; make chaos runs all of it (CHAOS=full)."""
import contextlib
import itertools
import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import chaos
from harness import Stage, sunlead_path
from postgres import Postgres

FULL = os.environ.get("CHAOS") == "full"
KILLS = int(os.environ.get("CHAOS_KILLS") or (1000 if FULL else 20))
SEED = int(os.environ.get("CHAOS_SEED") or random.randrange(1, 1_000_000))
AT_ONCE = int(os.environ.get("CHAOS_AT_ONCE") or 8)
# Those that are tried together.
ENGINES = [["sqlite"], ["postgres"]] if FULL else [["sqlite", "postgres"]]
LOOKUPS = list(chaos.LOOKUPS) if FULL else ["present"]
# How many times the same step is passed until the process dies there; db.* are passed by every operation.
COUNTS = range(1, 3) if FULL else range(1, 2)
COUNTS_DB = range(1, 25) if FULL else range(1, 4)


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> str:
    """A database that is migrated already: hundreds are made of it."""
    name = postgres.create()
    subprocess.run([str(sunlead_path()), "migrate", "up"], check=True, capture_output=True,
                   env=os.environ | {"DATABASE_URL": postgres.url(name)})
    return name


_numbers = itertools.count(1)


@contextlib.contextmanager
def a_stage(engine: str, postgres: Postgres, template: str) -> Iterator[Stage]:
    """A database and a folder of its own, for one thread of several."""
    with tempfile.TemporaryDirectory(prefix="sunlead-chaos-") as name:
        folder = Path(name)
        if engine == "sqlite":
            stage = Stage(folder, engine, f"sqlite:{folder / 'sunlead.db'}")
        else:
            database = f"chaos_{next(_numbers)}"
            postgres.execute("postgres", f"CREATE DATABASE {database} TEMPLATE {template}")
            stage = Stage(folder, engine, postgres.url(database))
        try:
            yield stage
            stage.close()
        finally:
            for program in stage.programs:
                if program.process is not None:
                    program.kill()
            if engine == "postgres":
                postgres.drop(database)


def at_once(work: Callable[[Any], Any], parts: list[Any]) -> list[Any]:
    """Does all parts, several at a time, and fails with all that failed."""
    def attempt(part: Any) -> tuple[Any, str]:
        try:
            return work(part), ""
        except Exception as error:  # noqa: BLE001 what went wrong in a thread is told by the test
            return None, f"{part}: {type(error).__name__}: {error}"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(attempt, parts))
    failures = [failure for _, failure in done if failure]
    assert not failures, f"{len(failures)} of {len(parts)} failed\n\n" + "\n\n".join(failures)
    return [result for result, _ in done]


@pytest.mark.parametrize("engines", ENGINES, ids="-".join)
@pytest.mark.parametrize("lookup", LOOKUPS)
def test_killed_at_every_step(postgres: Postgres, template: str, engines: list[str], lookup: str) -> None:
    parts = [chaos.Case(engine, case.lookup, case.fate, case.step, count)
             for engine in engines for case in chaos.cases(engine, [lookup])
             for count in (COUNTS_DB if case.step.startswith("db.") else COUNTS)
             if count == 1 or case.step != chaos.PAID]

    def run(case: chaos.Case) -> bool:
        with a_stage(case.engine, postgres, template) as stage:
            return chaos.run_case(stage, case)
    reached = at_once(run, parts)
    missed = [str(case) for case, was in zip(parts, reached) if not was and case.count == 1]
    assert not missed, "never reached:\n" + "\n".join(missed)
    print(f"{engines}, look-up {lookup}: killed {sum(reached)} times at {len(chaos.steps())} steps")


@pytest.mark.parametrize("engines", ENGINES, ids="-".join)
def test_killed_at_random_instants(postgres: Postgres, template: str, engines: list[str]) -> None:
    parts = [(engine, lookup) for engine in engines for lookup in LOOKUPS]
    each = -(-KILLS // (2 * len(LOOKUPS)))

    def run(part: tuple[str, str]) -> str:
        engine, lookup = part
        with a_stage(engine, postgres, template) as stage:
            verdict, clients = chaos.run_random(stage, lookup, each, SEED + list(chaos.LOOKUPS).index(lookup))
            assert not verdict.problems, f"CHAOS_SEED={SEED}\n" + "\n".join(verdict.problems[:20])
            return (f"{engine}, look-up {lookup}, CHAOS_SEED={SEED}: {each} kills, {verdict.orders} orders "
                    f"{dict(verdict.states)}, {verdict.paid} paid, {clients.reads} read back")
    print("\n".join(at_once(run, parts)))


@pytest.mark.parametrize("variable", ["SUNLEAD_TIME_SCALE=60", "SUNLEAD_CRASH_AT=stored.sending"])
def test_trials_are_for_a_simulator_alone(tmp_path: Path, variable: str) -> None:
    """Where projects cost money nothing is shortened, and nothing dies."""
    name, value = variable.split("=")
    done = subprocess.run([str(sunlead_path()), "serve"], cwd=tmp_path, capture_output=True, text=True,
                          check=False, timeout=60,
                          env={"PORT": "0", "LIGHTFUSION_API": "https://api.example.com", name: value})
    assert done.returncode == 2
    assert name in done.stderr and "LIGHTFUSION_API" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("variable", ["SUNLEAD_TIME_SCALE=0", "SUNLEAD_TIME_SCALE=1001",
                                      "SUNLEAD_CRASH_AT=nowhere"])
def test_a_bad_trial_does_not_start(tmp_path: Path, variable: str) -> None:
    name, value = variable.split("=")
    done = subprocess.run([str(sunlead_path()), "serve"], cwd=tmp_path, capture_output=True, text=True,
                          check=False, timeout=60, env={"PORT": "0", name: value})
    assert done.returncode == 2
    assert value in done.stderr
