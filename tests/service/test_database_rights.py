"""What the database refuses for good is said at the start, with what to do; the least rights are enough."""
from collections.abc import Iterator

import pytest

from harness import Program, Stage, ok
from postgres import PASSWORD, Postgres
from samples import small_lead


@pytest.fixture(scope="module", params=["postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def role(postgres: Postgres) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    postgres.execute("postgres", f"CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'")
    yield "plain"
    postgres.execute("postgres", "DROP ROLE plain")


def url_of(postgres: Postgres, role: str, name: str, password: str = PASSWORD) -> str:
    return f"postgres://{role}:{password}@127.0.0.1:{postgres.port}/{name}"


def refuse(stage: Stage, url: str) -> str:
    """What a server says that must end by itself."""
    program: Program = stage.prepare_serve(environment={"DATABASE_URL": url})
    program.launch()
    assert program.wait_exit() == 1
    program.expect_errors()
    said = program.tail().replace('\\"', '"')
    assert PASSWORD not in said and "at the moment" not in said
    return said


def test_mistakes_in_the_address(stage: Stage, postgres: Postgres) -> None:
    name = stage.database_name()
    said = refuse(stage, url_of(postgres, "sunlead", name, "wrong"))
    assert "DATABASE_URL: the server refuses the password of the role sunlead" in said
    said = refuse(stage, url_of(postgres, "nobody-there", name))
    assert "the role nobody-there" in said
    said = refuse(stage, url_of(postgres, "sunlead", "nowhere"))
    assert 'the server has no such database: CREATE DATABASE "nowhere" OWNER "sunlead"' in said


def test_a_host_that_is_not_known(stage: Stage) -> None:
    said = refuse(stage, "postgres://sunlead@no-such-host.invalid/x")
    assert "the host no-such-host.invalid is not known" in said


def test_a_role_that_may_not_connect(stage: Stage, postgres: Postgres, role: str) -> None:
    name = stage.database_name()
    postgres.execute(name, f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    said = refuse(stage, url_of(postgres, role, name))
    grant = f'GRANT CONNECT ON DATABASE "{name}" TO "{role}"'
    assert grant in said
    postgres.execute(name, grant)
    postgres.execute(name, f"GRANT CREATE ON SCHEMA public TO {role}")
    stage.serve(environment={"DATABASE_URL": url_of(postgres, role, name)})
    stage.close()
    postgres.execute(name, f"DROP OWNED BY {role}")


def test_the_least_rights(stage: Stage, postgres: Postgres, role: str) -> None:
    name = stage.database_name()
    said = refuse(stage, url_of(postgres, role, name))
    grant = f"GRANT CREATE ON SCHEMA public TO {role}"
    assert grant in said
    postgres.execute(name, grant)
    server = stage.serve(environment={"DATABASE_URL": url_of(postgres, role, name)})
    made = ok(server.api.post("/api/leads", small_lead()), 201)
    ok(server.api.put(f"/api/leads/{made['id']}", {"promo_code": "SUN"}))
    assert ok(server.api.get("/api/leads"))["total"] == 1
    assert server.api.delete(f"/api/leads/{made['id']}").status == 204
    stage.close()
    postgres.execute(name, f"DROP OWNED BY {role}")


def test_backup_and_restore(stage: Stage, postgres: Postgres) -> None:
    name, restored = stage.database_name(), postgres.create()
    server = stage.serve()
    made = ok(server.api.post("/api/leads", small_lead(create_3d_model=True)), 201)
    postgres.dump(name, restored)
    server.stop()
    again = stage.serve(environment={"DATABASE_URL": postgres.url(restored)})
    assert ok(again.api.get("/api/leads"))["total"] == 1
    assert ok(again.api.get(f"/api/orders/{made['order_id']}"))["lead_id"] == made["id"]
    assert ok(again.api.post("/api/leads", small_lead()), 201)["id"] == made["id"] + 1
    assert ok(again.api.get("/api/leads"))["total"] == 2
    stage.close()
    postgres.drop(restored)
