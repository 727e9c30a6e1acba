"""Fixtures of the service tests: an engine, and a stage of programs that ends with its test or module."""
import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("faults", "harness", "load", "postgres", "samples")

from harness import Stage, free_port, sunlead_path  # noqa: E402
from postgres import Postgres  # noqa: E402


def pytest_configure() -> None:
    if not sunlead_path().exists():
        raise pytest.UsageError(f"{sunlead_path()} is not there: run make build, or set SUNLEAD_BIN")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of all tests that run on PostgreSQL; each stage has a database of its own."""
    server = Postgres(free_port())
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def pooler(postgres: Postgres) -> Iterator[Postgres]:
    """The same server, with a pooler in front."""
    postgres.start_pooler(free_port())
    yield postgres
    postgres.stop_pooler()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """The database that sunlead runs on: every test runs once on each."""
    return request.param


@contextlib.contextmanager
def _stage(folder: Path, engine: str, request: pytest.FixtureRequest) -> Iterator[Stage]:
    if engine == "sqlite":
        stage = Stage(folder, engine, f"sqlite:{folder / 'sunlead.db'}")
        yield stage
        stage.close()
        return
    is_pooled = engine == "pgbouncer"
    server: Postgres = request.getfixturevalue("pooler" if is_pooled else "postgres")
    name = server.create()
    if is_pooled:  # where sunlead sets no session up, the server's own settings must do
        server.execute(name, f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    stage = Stage(folder, engine, server.pooled_url(name) if is_pooled else server.url(name))
    yield stage
    try:
        stage.close()
    finally:
        server.drop(name)


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory, engine: str,
          request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Programs of one test."""
    with _stage(tmp_path_factory.mktemp("stage"), engine, request) as stage:
        yield stage


@pytest.fixture(scope="module")
def module_stage(tmp_path_factory: pytest.TempPathFactory, engine: str,
                 request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Programs that the tests of a module share."""
    with _stage(tmp_path_factory.mktemp("module"), engine, request) as stage:
        yield stage


_companies = itertools.count(1001)


@pytest.fixture
def company() -> int:
    """The id of a company that no other test has leads of."""
    return next(_companies)
