"""Model files are kept in an S3 bucket: s3rver's, which each signature is checked for."""
import hashlib
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from harness import Client, FakeUpstream, Program, Reply, Stage, free_port, ok, sunlead_path, wait_until
from s3 import BUCKET, KEY_ID, REGION, SECRET, Request, S3Store, error_body, signature
from samples import project

MIB = 1 << 20
PART = 16 * MIB
MESH = "/storage/leads/123/mesh/scene.obj"
QUICK = {"SUNLEAD_TIME_SCALE": "20"}


@pytest.fixture(scope="module")
def engine() -> str:
    """The database has no part in this."""
    return "sqlite"


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Store]:
    store = S3Store(tmp_path_factory.mktemp("s3"))
    yield store
    store.close()


def obj(size: int) -> bytes:
    """A mesh of about so many bytes; another for another size."""
    head = f"# {size}\n".encode() + b"v 0 0 0\nv 1 0 0\nv 0 1 0\n"
    line = b"f 1 2 3\n"
    return head + line * ((size - len(head)) // len(line))


def upstream(stage: Stage, mesh: bytes) -> FakeUpstream:
    """A LightFusion with one project, of whose files only the OBJ is there."""
    fake = stage.fake()
    fake.on("GET", MESH, Reply(mesh, headers={"Content-Type": "text/plain"}))
    return fake


def order(api: Client) -> int:
    """The project of an order. At the tests' pace LightFusion may be given up at first, and asked again."""
    answer = api.post("/api/projects/3d", project())
    if answer.status == 201:
        return answer.json()["id"]
    path = f"/api/orders/{ok(answer, 202)['order_id']}"
    return wait_until(lambda: ok(api.get(path))["project_id"], "the project")


def mesh_file(api: Client, project_id: int) -> dict[str, Any]:
    answer = api.get(f"/api/projects/3d/{project_id}/files")
    if answer.status != 200:
        return {"state": "none"}
    return next(file for file in answer.json()["files"] if file["name"] == "scene.obj")


def wait_stored(api: Client, project_id: int) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        file = mesh_file(api, project_id)
        return file if file["state"] == "stored" else None
    return wait_until(look, "the OBJ to be stored", 60)


def name_of(content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    return f"some/prefix/{sha256[:2]}/{sha256}"


def open_address(address: str, method: str = "GET") -> Any:
    return urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=30)


def test_the_gate_checks_as_aws_does() -> None:
    """The example that AWS publishes for addresses."""
    query = ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
             "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host")
    request = Request("GET", f"/test.txt?{query}", {"host": "examplebucket.s3.amazonaws.com"})
    assert signature(request, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524/us-east-1/s3/aws4_request",
                     "20130524T000000Z", "host", "UNSIGNED-PAYLOAD") == \
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


def test_an_order_ends_in_the_bucket(stage: Stage, store: S3Store) -> None:
    simulator = stage.simulate()
    server = stage.serve(simulator.url(), environment=store.settings() | QUICK)
    api, listing = server.api, {}
    project_id = order(api)

    def all_stored() -> bool:
        answer = api.get(f"/api/projects/3d/{project_id}/files").json()
        files = answer.get("files", [])
        if len(files) > 4 and all(file["state"] == "stored" for file in files):
            listing.update(answer)
        return bool(listing)
    wait_until(all_stored, "the files to be stored")

    objects = store.objects()
    stored = [file for file in listing["files"] if file["state"] == "stored"]
    assert len(stored) >= 4
    assert {f"some/prefix/{f['sha256'][:2]}/{f['sha256']}" for f in stored} <= set(objects)
    for name, content in objects.items():
        assert name == name_of(content)
    left = [path for path in (stage.folder / "data/files").rglob("*") if path.is_file() and path.parent.name != "tmp"]
    assert left == []

    for file in stored:
        sent_to = api.get(f"/media/{project_id}/{file['name']}")
        assert sent_to.status == 302 and sent_to.headers["Cache-Control"] == "no-store", sent_to
        with open_address(sent_to.headers["Location"]) as answer:
            assert hashlib.sha256(answer.read()).hexdigest() == file["sha256"]
            assert answer.headers["Content-Type"] == file["content_type"]
            assert answer.headers["Content-Disposition"] == f'inline; filename="{file["name"]}"'
        looked = api.send("HEAD", f"/media/{project_id}/{file['name']}")
        assert looked.status == 302
        with open_address(looked.headers["Location"], "HEAD") as answer:
            assert int(answer.headers["Content-Length"]) == file["size"]

    # The same files of another project are there already.
    other_id = order(api)
    assert other_id != project_id
    wait_until(lambda: api.get(f"/api/projects/3d/{other_id}/files").json().get("downloaded"), "the other's files")
    puts = [request.path() for request in store.requests("PUT")]
    assert len(puts) == len(set(puts))
    assert SECRET not in server.tail(1_000_000)


def test_the_settings_are_shown_without_the_secret(stage: Stage) -> None:
    settings = {"FILES_URL": "s3://b-1", "FILES_S3_ACCESS_KEY_ID": KEY_ID, "FILES_S3_SECRET_ACCESS_KEY": SECRET,
                "FILES_S3_SESSION_TOKEN": "a-token"}
    shown = subprocess.run([sunlead_path(), "config"], env=settings, cwd=stage.folder, capture_output=True, check=True)
    assert b"s3://b-1" in shown.stdout and KEY_ID.encode() in shown.stdout
    assert SECRET.encode() not in shown.stdout and b"a-token" not in shown.stdout


WRONG = {
    "no bucket": ({"FILES_URL": "s3://not-there/x"}, "FILES_URL: there is no such bucket (NoSuchBucket)"),
    "no address, no key": ({"FILES_URL": "/var/files", "FILES_S3_ACCESS_KEY_ID": "", "FILES_S3_SECRET_ACCESS_KEY": ""},
                           "FILES_URL: wanted s3://bucket or s3://bucket/prefix"),
    "no address": ({"FILES_URL": "/data"}, "FILES_URL: wanted s3://bucket or s3://bucket/prefix"),
    "unknown key": ({"FILES_S3_ACCESS_KEY_ID": "OTHER"},
                    "FILES_S3_ACCESS_KEY_ID, FILES_S3_SECRET_ACCESS_KEY: the store does not know this key"),
    "wrong secret": ({"FILES_S3_SECRET_ACCESS_KEY": "wrong"},
                     "FILES_S3_ACCESS_KEY_ID, FILES_S3_SECRET_ACCESS_KEY: the secret is not that of the key"),
    "no key": ({"FILES_S3_ACCESS_KEY_ID": ""}, "FILES_S3_ACCESS_KEY_ID, FILES_S3_SECRET_ACCESS_KEY: "),
    "other region": ({"FILES_S3_REGION": "us-west-2"}, "FILES_URL: the bucket is in another region"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings_are_found_at_the_start(stage: Stage, store: S3Store, case: str) -> None:
    changes, words = WRONG[case]
    program: Program = stage.prepare_serve(environment=store.settings(**changes))
    program.launch()
    # 2: the settings are wrong whatever the store has; 1: they do not fit it
    assert program.wait_exit() == (2 if case in ("no address, no key", "no address", "no key", "other region") else 1)
    assert words in program.tail()
    program.expect_errors()


def test_a_server_that_is_no_store_is_refused(stage: Stage, store: S3Store) -> None:
    """Every web server answers 404, without S3's words."""
    endpoint = stage.fake().url()
    program: Program = stage.prepare_serve(environment=store.settings(FILES_S3_ENDPOINT=endpoint))
    program.launch()
    assert program.wait_exit() == 1
    assert "FILES_S3_ENDPOINT: what answers there is no S3 store" in program.tail()
    program.expect_errors()


def test_a_large_file_goes_in_parts(stage: Stage, store: S3Store) -> None:
    mesh = obj(2 * PART + 3 * MIB)
    server = stage.serve(upstream(stage, mesh).url(), environment=store.settings() | QUICK)
    project_id = order(server.api)
    assert wait_stored(server.api, project_id)["size"] == len(mesh)
    assert {name: len(content) for name, content in store.objects().items()} == {name_of(mesh): len(mesh)}
    assert store.objects()[name_of(mesh)] == mesh
    assert [len(r.body) for r in store.requests("PUT", "partNumber=")] == [PART, PART, len(mesh) - 2 * PART]
    with open_address(server.api.get(f"/media/{project_id}/scene.obj").headers["Location"]) as answer:
        assert answer.read() == mesh


def test_parts_that_cannot_be_put_together_are_sent_again(stage: Stage, store: S3Store) -> None:
    """S3 says 200 before it knows."""
    mesh = obj(PART + MIB)
    server = stage.prepare_serve(upstream(stage, mesh).url(), environment=store.settings() | QUICK)
    failures = [(200, error_body("InternalError"))]

    def fail(request: Request) -> tuple[int, bytes] | None:
        return failures.pop() if request.method == "POST" and "uploadId=" in request.target and failures else None
    store.on_request = fail
    server.start()
    wait_stored(server.api, order(server.api))
    assert not failures
    assert len(store.requests("DELETE", "uploadId=")) == 1
    assert store.objects()[name_of(mesh)] == mesh


def test_a_busy_store_is_asked_again(stage: Stage, store: S3Store) -> None:
    mesh = obj(1000)
    server = stage.prepare_serve(upstream(stage, mesh).url(), environment=store.settings() | QUICK)
    failures = [(503, error_body("SlowDown"))] * 2
    store.on_request = lambda request: failures.pop() if request.method == "PUT" and failures else None
    server.start()
    wait_stored(server.api, order(server.api))
    assert len(store.requests("PUT")) == 3
    away = server.events("files.store_away")
    assert away and "503" in away[0]["cause"]
    assert store.objects()[name_of(mesh)] == mesh


def test_a_store_that_is_away_is_waited_for(stage: Stage, store: S3Store) -> None:
    """It goes while a large file is on its way to it, and comes back."""
    mesh = obj(2 * PART + MIB)
    server = stage.prepare_serve(upstream(stage, mesh).url(), environment=store.settings() | QUICK)

    def go_away(request: Request) -> None:
        if "partNumber=2" in request.target:
            store.stop()
    store.on_request = go_away
    server.start()
    project_id = order(server.api)
    server.wait_event("files.store_away")
    wait_until(lambda: "our storage cannot be reached now" in (mesh_file(server.api, project_id).get("error") or ""),
               "the file to say what it waits for")
    assert mesh_file(server.api, project_id)["state"] == "pending"
    assert store.objects() == {}
    store.on_request = lambda _: None
    store.start()
    wait_stored(server.api, project_id)
    server.wait_event("files.store_back")
    assert store.objects()[name_of(mesh)] == mesh


def test_a_store_that_is_away_at_the_start_is_no_failure(stage: Stage) -> None:
    settings = {"FILES_URL": f"s3://{BUCKET}", "FILES_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",
                "FILES_S3_REGION": REGION, "FILES_S3_ACCESS_KEY_ID": KEY_ID, "FILES_S3_SECRET_ACCESS_KEY": SECRET}
    server = stage.serve(environment=settings)
    server.wait_event("files.store_away")
    assert server.events("serve.listening")[0]["files"] == f"s3://{BUCKET}"
    assert ok(server.api.get("/health"))["status"]


def test_settings_of_a_store_that_nothing_names(stage: Stage) -> None:
    server = stage.serve(environment={"FILES_S3_ACCESS_KEY_ID": KEY_ID, "FILES_S3_SECRET_ACCESS_KEY": SECRET})
    assert len(server.events("config.bucket_unused")) == 1
    assert server.events("serve.listening")[0]["files"].endswith("data/files")
    server.stop()
    plain = stage.serve()
    assert plain.events("config.bucket_unused") == []


@pytest.mark.parametrize("at", ["partNumber=1&", "partNumber=2&", "?uploadId="])
def test_killed_in_the_middle(stage: Stage, store: S3Store, at: str) -> None:
    """Nothing that is not whole can be seen, and the next process brings it to its end."""
    mesh = obj(PART + MIB)
    server = stage.prepare_serve(upstream(stage, mesh).url(), environment=store.settings() | QUICK)

    def kill(request: Request) -> tuple[int, bytes] | None:
        if at not in request.target or server.process is None:
            return None
        store.on_request = lambda _: None
        server.process.kill()
        return 500, b""
    store.on_request = kill
    server.start()
    project_id = order(server.api)
    assert server.wait_exit(60) != 0
    assert store.objects() == {}
    server.start()
    wait_stored(server.api, project_id)
    assert store.objects()[name_of(mesh)] == mesh
