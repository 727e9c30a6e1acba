"""Fixtures of the service tests: an engine, and a stage of programs that ends with its test or module."""
import itertools
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("harness", "samples")

from harness import Stage, sunlead_path  # noqa: E402


def pytest_configure() -> None:
    if not sunlead_path().exists():
        raise pytest.UsageError(f"{sunlead_path()} is not there: run make build, or set SUNLEAD_BIN")


@pytest.fixture(scope="module", params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """The database that sunlead runs on: every test runs once on each."""
    return request.param


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Stage]:
    """Programs of one test."""
    stage = Stage(tmp_path_factory.mktemp("stage"), engine)
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def module_stage(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Stage]:
    """Programs that the tests of a module share."""
    stage = Stage(tmp_path_factory.mktemp("module"), engine)
    yield stage
    stage.close()


_companies = itertools.count(1001)


@pytest.fixture
def company() -> int:
    """The id of a company that no other test has leads of."""
    return next(_companies)
