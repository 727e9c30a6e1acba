"""PostgreSQL is restarted under load, over and over: 503 while it is away, and never a wrong answer."""
import os
import random
from collections.abc import Iterator

import pytest

from harness import Stage, free_port
from load import Load
from postgres import Postgres

RESTARTS = int(os.environ.get("SUNLEAD_RESTARTS", "20"))
SEED = int(os.environ.get("SUNLEAD_SEED", "1"))
PAUSE_LEADS = 60  # stored at most between two restarts

# What the log says of an outage, and of orders that wait for its end.
OUTAGE = ("database.unavailable", "job.commit_failed")


@pytest.fixture
def database() -> Iterator[Postgres]:
    """A server of this test's own: others shall not notice."""
    server = Postgres(free_port())
    server.start()
    yield server
    server.close()


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory, database: Postgres) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"), "postgres", database.url(database.create()))
    yield stage
    stage.close()


def test_restarts(stage: Stage, database: Postgres) -> None:
    chance = random.Random(SEED)
    simulator = stage.simulate("200:500")
    servers = [stage.serve(simulator.url()) for _ in range(2)]
    for server in servers:
        server.expect_errors(*OUTAGE)
    with Load([server.api for server in servers], workers=8, seed=SEED) as load:
        for number in range(RESTARTS):
            load.wait_for_more(chance.randint(1, PAUSE_LEADS))
            database.halt(crash=number % 2 == 1)
            database.start()
        load.wait_for_more(PAUSE_LEADS)
    print(f"{RESTARTS} restarts: {dict(load.statuses)}")
    load.check_leads()
    load.check_orders(simulator)
