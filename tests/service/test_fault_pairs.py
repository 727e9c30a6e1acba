"""Each of LightFusion's faults, and two of them at once: the lead ends right, and nothing is paid twice.

Some pairs are tried in each run, by a seed that the tests' names tell (SUNLEAD_SEED); SUNLEAD_PAIRS=50 tries
more of them, `make faults` all."""
import concurrent.futures
import os
import random
from collections.abc import Iterator

import pytest

from faults import PAIRS, SINGLES, Case, run_case
from harness import free_port
from postgres import Postgres

AT_ONCE = 24
SEED = int(os.environ.get("SUNLEAD_SEED") or random.randrange(1_000_000))
WANTED = os.environ.get("SUNLEAD_PAIRS") or "12"
SAMPLE = PAIRS if WANTED == "all" else random.Random(SEED).sample(PAIRS, int(WANTED))

Runs = dict[str, concurrent.futures.Future[float]]


@pytest.fixture(scope="module")
def database(engine: str) -> Iterator[Postgres | None]:
    """A server with room for all that run at once; None on SQLite."""
    if engine == "sqlite":
        yield None
        return
    server = Postgres(free_port(), max_connections=1000)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, engine: str, database: Postgres | None,
         tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """The runs of the cases that are asked for, under way side by side: most of their time is waiting."""
    wanted = [item.callspec.params["case"] for item in request.session.items
              if "case" in item.callspec.params and item.callspec.params["engine"] == engine]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case.name(): pool.submit(run_case, case, tmp_path_factory.mktemp("fault"), database)
               for case in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", SINGLES, ids=Case.name)
def test_alone(case: Case, runs: Runs) -> None:
    runs[case.name()].result()


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: f"{case.name()} (seed {SEED})")
def test_pair(case: Case, runs: Runs) -> None:
    print(f"{case.name()}: {runs[case.name()].result():.1f} s")
