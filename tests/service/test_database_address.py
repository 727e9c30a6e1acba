"""What an address of PostgreSQL may ask for: TLS, several hosts, a limit to the time that connecting takes."""
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Program, Stage, free_port, ok, wait_until
from postgres import Postgres
from samples import small_lead


@pytest.fixture(scope="module", params=["postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


def make_certificate(folder: Path, name: str) -> Path:
    """A certificate of 127.0.0.1 that is its own authority, with its key beside it."""
    certificate = folder / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", folder / f"{name}.key",
                    "-out", certificate], check=True, capture_output=True)
    return certificate


@pytest.fixture
def certificate(postgres: Postgres, tmp_path: Path) -> Iterator[Path]:
    """The server takes TLS, with a certificate of its own."""
    made = make_certificate(tmp_path, "server")
    owner = os.stat(postgres.folder)
    for ending in (".crt", ".key"):
        copy = shutil.copy(made.with_suffix(ending), postgres.folder)
        os.chown(copy, owner.st_uid, owner.st_gid)
        os.chmod(copy, 0o600)
    settings = {"ssl_cert_file": f"'{postgres.folder / 'server.crt'}'",
                "ssl_key_file": f"'{postgres.folder / 'server.key'}'", "ssl": "on"}
    for name, value in settings.items():
        postgres.execute("postgres", f"ALTER SYSTEM SET {name} = {value}")
    postgres.execute("postgres", "SELECT pg_reload_conf()")
    wait_until(lambda: postgres.query("postgres", "SHOW ssl") == "on", "TLS")
    yield made
    for name in settings:
        postgres.execute("postgres", f"ALTER SYSTEM RESET {name}")
    postgres.execute("postgres", "SELECT pg_reload_conf()")
    wait_until(lambda: postgres.query("postgres", "SHOW ssl") == "off", "no TLS")


def refuse(stage: Stage, url: str) -> Program:
    """Starts a server, which must end by itself for want of a database."""
    program = stage.prepare_serve(environment={"DATABASE_URL": url})
    program.launch()
    assert program.wait_exit() == 1
    assert "DATABASE_URL" in program.tail()
    program.expect_errors()
    return program


def test_tls(stage: Stage, postgres: Postgres, certificate: Path) -> None:
    url = f"{stage.database_url}?sslmode=verify-full&sslrootcert={certificate}"
    api = stage.serve(environment={"DATABASE_URL": url}).api
    ok(api.post("/api/leads", small_lead()), 201)
    plain = postgres.query("postgres", "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity "
                           "USING (pid) WHERE application_name = 'sunlead' AND NOT ssl")
    assert plain == "0"


def test_tls_with_a_stranger(stage: Stage, certificate: Path, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "other")
    refuse(stage, f"{stage.database_url}?sslmode=verify-full&sslrootcert={other}")
    # Without any authority to go by.
    refuse(stage, f"{stage.database_url}?sslmode=verify-full&sslrootcert={tmp_path / 'none.crt'}")


def test_tls_that_is_not_to_be_had(stage: Stage) -> None:
    refuse(stage, f"{stage.database_url}?sslmode=require")


def test_several_hosts(stage: Stage, postgres: Postgres) -> None:
    name = stage.database_name()
    url = stage.database_url.replace(f"127.0.0.1:{postgres.port}",
                                     f"127.0.0.1:{free_port()},127.0.0.1:{postgres.port}")
    api = stage.serve(environment={"DATABASE_URL": f"{url}?target_session_attrs=read-write"}).api
    ok(api.post("/api/leads", small_lead()), 201)
    assert postgres.query(name, "SELECT count(*) FROM leads") == "1"


def test_a_server_that_takes_no_writes(stage: Stage, postgres: Postgres) -> None:
    name = stage.database_name()
    postgres.execute(name, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    refuse(stage, stage.database_url)


def test_a_server_that_does_not_answer(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        refuse(stage, f"postgres://sunlead@127.0.0.1:{port}/x?connect_timeout=1")
        # By default it would be 5 seconds.
        assert 1 <= time.monotonic() - began < 5
