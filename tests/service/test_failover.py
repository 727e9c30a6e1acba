"""The primary is killed under load and its standby takes over: nothing that was acknowledged is lost."""
import os
import random
import time
from collections.abc import Iterator

import pytest

from harness import Client, Stage, free_port, ok, wait_until
from load import Load
from postgres import PASSWORD, Postgres
from samples import small_lead

DATABASE = "leads"
ANSWERS_AGAIN_S = 10.0
SEED = int(os.environ.get("SUNLEAD_SEED", "1"))

# What the log says of an outage, and of orders that wait for its end.
OUTAGE = ("database.unavailable", "job.commit_failed")


class Cluster:
    """A primary, and a standby that has everything before it is acknowledged."""

    def __init__(self, waits_for: str) -> None:
        self.primary = Postgres(free_port(), synchronous_commit=waits_for)
        self.standby: Postgres | None = None
        self.primary.start()
        self.primary.execute("postgres", f"CREATE DATABASE {DATABASE}")
        self.standby = Postgres(free_port(), self.primary, recovery_min_apply_delay="20ms")
        self.standby.start()
        self.primary.execute("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
        self.primary.execute("postgres", "SELECT pg_reload_conf()")
        wait_until(lambda: self.primary.query("postgres", "SELECT sync_state FROM pg_stat_replication")
                   == "quorum", "the standby to be a synchronous one")

    def url(self) -> str:
        assert self.standby is not None
        return (f"postgres://sunlead:{PASSWORD}@/{DATABASE}?host=127.0.0.1,127.0.0.1"
                f"&port={self.primary.port},{self.standby.port}&target_session_attrs=read-write")

    def close(self) -> None:
        self.primary.close()
        if self.standby is not None:
            self.standby.close()


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """What a commit waits for: that the standby has it, or that it shows it. The latter takes long enough
    that some are under way whenever the primary ends."""
    cluster = Cluster(request.param)
    yield cluster
    cluster.close()


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"), "postgres", cluster.url())
    yield stage
    stage.close()


def answers(api: Client) -> bool:
    """Whether a lead can be stored and read."""
    made = api.post("/api/leads", small_lead(company_id=99))
    if made.status != 201:
        assert made.status == 503, made
        return False
    got = api.get(f"/api/leads/{made.json()['id']}")
    assert got.status in (200, 503), got
    return got.status == 200 and api.delete(f"/api/leads/{made.json()['id']}").status == 204


@pytest.mark.parametrize("cluster,processes", [("on", 1), ("remote_apply", 2)], indirect=["cluster"])
def test_a_standby_takes_over(stage: Stage, cluster: Cluster, processes: int) -> None:
    chance = random.Random(SEED)
    simulator = stage.simulate("200:500")
    servers = [stage.serve(simulator.url()) for _ in range(processes)]
    for server in servers:
        server.expect_errors(*OUTAGE)
    assert cluster.standby is not None
    with Load([server.api for server in servers], workers=8, seed=SEED) as load:
        load.wait_for_more(chance.randint(50, 150))
        cluster.primary.kill()
        for server in servers:
            server.wait_event("database.unavailable")
        promoted_s = time.monotonic()
        cluster.standby.promote()
        for server in servers:
            wait_until(lambda: answers(server.api), "writes and reads", ANSWERS_AGAIN_S)
        took_s = time.monotonic() - promoted_s
        assert took_s < ANSWERS_AGAIN_S
        print(f"{processes} processes: answered {took_s:.2f} s after the promotion began")
        load.wait_for_more(50)
    load.check_leads()
    load.check_orders(simulator)
    assert ok(servers[0].api.get("/health"))["orders"]["parked"] == 0
