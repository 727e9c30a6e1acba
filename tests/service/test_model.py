"""A lead's model as viewers get it: made of what was fetched, by a process of its own that may die at any moment."""
import hashlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import Client, Server, Stage, ok, problem, sunlead_path, wait_until
from samples import project, small_lead

NAMES = {"preview": "preview.glb", "web": "web.glb", "hd": "hd.glb", "ar": "ar.glb", "usdz": "model.usdz",
         "poster": "poster.jpg"}


def order(api: Client) -> dict[str, Any]:
    return ok(api.post("/api/projects/3d", project()), 201)


def order_completed(api: Client) -> dict[str, Any]:
    """Who asks for a project has it polled at once."""
    ordered = order(api)
    wait_until(lambda: ok(api.get(f"/api/projects/3d/{ordered['id']}"))["status"] == "completed", "the model's end")
    return ordered


def model(api: Client, lead_id: int) -> dict[str, Any]:
    return ok(api.get(f"/api/leads/{lead_id}/model"))


def wait_model(api: Client, lead_id: int, state: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = model(api, lead_id)
        return found if found["state"] == state else None
    return wait_until(look, f"the model to be {state}", timeout_s=60)


@pytest.fixture
def server(stage: Stage) -> Server:
    return stage.serve(stage.simulate("0:0").url())


def test_an_order_ends_with_a_model(server: Server) -> None:
    api = server.api
    ordered = order_completed(api)
    found = wait_model(api, ordered["lead_id"], "ready")
    assert (found["lead_id"], found["project_id"]) == (ordered["lead_id"], ordered["id"])
    assert found["error"] is None and found["attribution"] is None
    assert set(found["files"]) == set(NAMES)
    for kind, file in found["files"].items():
        content = api.get(file["url"])
        assert content.status == 200 and content.headers.get_content_type() == file["content_type"]
        assert file["url"].endswith("/" + NAMES[kind])
        assert len(content.body) == file["size"]
        assert hashlib.sha256(content.body).hexdigest() == file["sha256"]
    made = {file["name"]: file["bytes"] for file in found["manifest"]["files"]}
    assert made == {NAMES[kind]: file["size"] for kind, file in found["files"].items()}
    assert [texture["name"] for texture in found["manifest"]["textures"]] == ["scene.jpg"]
    assert found["manifest"]["warnings"] == []

    listing = ok(api.get(f"/api/projects/3d/{ordered['id']}/files"))
    assert [file["kind"] for file in listing["files"]] == ["jpg", "obj", "ply", "mtl", *NAMES, "manifest"]
    assert {file["state"] for file in listing["files"]} == {"stored"}
    assert listing["downloaded"] is True and listing["errors"] == []
    (manifest,) = (file for file in listing["files"] if file["kind"] == "manifest")
    assert api.get(manifest["url"]).json() == found["manifest"]


@pytest.mark.parametrize("accept, query, kind", [
    (None, "", "web"),
    ("*/*", "", "web"),
    ("text/html,application/xhtml+xml,*/*;q=0.8", "", "web"),
    ("model/*", "", "web"),
    ("model/gltf-binary", "", "web"),
    ("MODEL/VND.USDZ+ZIP", "", "usdz"),
    ("model/vnd.usdz+zip, model/gltf-binary;q=0.5", "", "usdz"),
    ("model/gltf-binary;q=0.4, */*;q=0.5", "", "usdz"),
    ("model/gltf-binary;q=0, model/obj", "", "obj"),
    ("model/obj", "", "obj"),
    ("model/obj", "?format=glb", "web"),
    (None, "?format=usdz", "usdz"),
    (None, "?format=obj", "obj"),
    (None, "?quality=preview", "preview"),
    (None, "?format=glb&quality=hd", "hd"),
    ("model/obj", "?quality=ar", "ar"),
    ("text/html", "", 406),
    ("model/gltf-binary;q=0", "", 406),
    (None, "?format=fbx", 400),
    (None, "?quality=best", 400),
    (None, "?format=usdz&quality=hd", 400),
    (None, "?size=3", 400),
])
def test_which_file_is_given(ready: tuple[Client, dict[str, Any]], accept: str | None, query: str,
                             kind: str | int) -> None:
    api, found = ready
    answer = api.get(f"/api/leads/{found['lead_id']}/model/file{query}",
                     headers={} if accept is None else {"Accept": accept})
    assert answer.headers["Vary"] == "Accept"
    if isinstance(kind, int):
        body = problem(answer, kind)
        assert kind != 406 or "model/gltf-binary, model/vnd.usdz+zip, model/obj" in body["detail"]
        return
    assert answer.status == 302, answer
    name = "scene.obj" if kind == "obj" else NAMES[kind]
    assert answer.headers["Location"].endswith("/" + name)
    assert api.get(answer.headers["Location"]).status == 200


@pytest.fixture(scope="module")
def ready(module_stage: Stage) -> tuple[Client, dict[str, Any]]:
    api = module_stage.serve(module_stage.simulate("0:0").url()).api
    return api, wait_model(api, order_completed(api)["lead_id"], "ready")


def test_leads_without_a_model(stage: Stage) -> None:
    api = stage.serve(stage.simulate("60000:60000").url()).api
    problem(api.get("/api/leads/77/model"), 404)
    problem(api.get("/api/leads/77/model/file"), 404)
    problem(api.post("/api/leads/77/reconvert"), 404)
    lead_id = ok(api.post("/api/leads", small_lead()), 201)["id"]
    found = model(api, lead_id)
    assert (found["state"], found["project_id"], found["files"], found["manifest"]) == ("none", None, {}, None)
    problem(api.get(f"/api/leads/{lead_id}/model/file"), 404)
    assert "nothing to convert" in problem(api.post(f"/api/leads/{lead_id}/reconvert"), 409)["detail"]
    lead_id = order(api)["lead_id"]
    assert model(api, lead_id)["state"] == "pending"
    assert "pending" in problem(api.get(f"/api/leads/{lead_id}/model/file"), 409)["detail"]
    problem(api.post(f"/api/leads/{lead_id}/reconvert"), 409)


def test_made_again(server: Server) -> None:
    api = server.api
    ordered = order_completed(api)
    before = wait_model(api, ordered["lead_id"], "ready")
    mark = server.mark()
    for _ in range(2):
        accepted = ok(api.post(f"/api/leads/{ordered['lead_id']}/reconvert"), 202)
        assert (accepted["state"], accepted["project_id"]) == ("pending", ordered["id"])
    server.wait_event("convert.done", since=mark)
    after = wait_model(api, ordered["lead_id"], "ready")
    # The same mesh makes the same models; only the manifest's times are others.
    assert after["files"] == before["files"]
    wait_until(lambda: ok(api.get("/api/jobs"))["jobs"] == [], "all jobs to end")


# ---- Killed

def child_of(pid: int) -> int | None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        if children:
            return int(children[0])
    return None


def is_confined(pid: int) -> bool:
    try:
        return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def stopped_child(server: Server, lead_id: int) -> int:
    """The process of a conversion that was asked for, held where it is. Not before it is confined: by then
    it has asked the kernel to end with sunlead."""
    pid = server.process.pid
    ok(server.api.post(f"/api/leads/{lead_id}/reconvert"), 202)

    def confined_child() -> int | None:
        child = child_of(pid)
        return child if child is not None and is_confined(child) else None
    child = wait_until(confined_child, "the process of the conversion")
    os.kill(child, signal.SIGSTOP)
    return child


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def test_its_process_is_killed(server: Server) -> None:
    lead_id = order_completed(server.api)["lead_id"]
    before = wait_model(server.api, lead_id, "ready")
    mark = server.mark()
    os.kill(stopped_child(server, lead_id), signal.SIGKILL)
    server.wait_event("convert.died", since=mark)
    assert {"order_id", "project_id"} <= set(server.events("convert.died", since=mark)[0])
    assert model(server.api, lead_id)["files"] == before["files"]
    server.wait_event("convert.done", since=mark)
    assert model(server.api, lead_id)["state"] == "ready"


def test_asked_for_while_it_is_made(server: Server) -> None:
    lead_id = order_completed(server.api)["lead_id"]
    wait_model(server.api, lead_id, "ready")
    mark = server.mark()
    child = stopped_child(server, lead_id)
    for _ in range(2):
        ok(server.api.post(f"/api/leads/{lead_id}/reconvert"), 202)
    os.kill(child, signal.SIGCONT)
    wait_until(lambda: len(server.events("convert.done", since=mark)) == 2, "it to be made twice")
    wait_until(lambda: ok(server.api.get("/api/jobs"))["jobs"] == [], "all jobs to end")
    assert len(server.events("convert.done", since=mark)) == 2


def test_making_it_anew_fails(server: Server) -> None:
    lead_id = order_completed(server.api)["lead_id"]
    before = wait_model(server.api, lead_id, "ready")
    mark = server.mark()
    os.kill(stopped_child(server, lead_id), signal.SIGKILL)
    for deaths in (1, 2):
        wait_until(lambda: len(server.events("convert.died", since=mark)) == deaths, "a process to die")
        os.kill(wait_until(lambda: child_of(server.process.pid), "the next one"), signal.SIGKILL)
    server.wait_event("convert.failed", since=mark)
    after = model(server.api, lead_id)
    assert (after["state"], after["files"]) == ("ready", before["files"])
    assert after["error"] is not None
    mark = server.mark()
    ok(server.api.post(f"/api/leads/{lead_id}/reconvert"), 202)
    server.wait_event("convert.done", since=mark)
    assert model(server.api, lead_id)["error"] is None


def test_what_lightfusion_lacks_stops_nothing(stage: Stage) -> None:
    simulator = stage.simulate("0:0", 0, "--fault", "mtl:404")
    server = stage.serve(simulator.url(), environment={"SUNLEAD_TIME_SCALE": "600"})
    lead_id = order_completed(server.api)["lead_id"]
    wait_model(server.api, lead_id, "ready")
    wait_until(lambda: ok(server.api.get("/api/jobs"))["jobs"] == [], "all tries for the MTL")
    mark = server.mark()
    ok(server.api.post(f"/api/leads/{lead_id}/reconvert"), 202)
    server.wait_event("convert.done", since=mark)


def test_what_is_not_there_yet_is_awaited(stage: Stage) -> None:
    simulator = stage.simulate("0:0", 0, "--fault", "jpg:404")
    server = stage.serve(simulator.url())
    order = order_completed(server.api)

    def has_mesh() -> bool:
        files = ok(server.api.get(f"/api/projects/3d/{order['id']}/files"))["files"]
        return {"obj": "stored", "jpg": "pending"}.items() <= {f["kind"]: f["state"] for f in files}.items()

    wait_until(has_mesh, "the mesh")
    seen = model(server.api, order["lead_id"])
    assert (seen["state"], seen["files"]) == ("pending", {})
    wait_until(lambda: "no such file" in (model(server.api, order["lead_id"])["error"] or ""), "the reason")


def test_sunlead_is_killed(server: Server, stage: Stage) -> None:
    lead_id = order_completed(server.api)["lead_id"]
    before = wait_model(server.api, lead_id, "ready")
    child = stopped_child(server, lead_id)
    server.kill()
    wait_until(lambda: is_gone(child), "its process to go with it")
    mark = server.mark()
    server.start()
    server.wait_event("convert.done", since=mark, timeout_s=60)
    assert model(server.api, lead_id)["files"] == before["files"]
    assert not list((stage.folder / "data/files/tmp").iterdir())


def test_by_hand_it_is_refused() -> None:
    refused = subprocess.run([sunlead_path(), "mesh", "worker"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "sunlead mesh convert" in refused.stderr
    helped = subprocess.run([sunlead_path(), "mesh", "--help"], capture_output=True, text=True, check=False)
    assert "worker" not in helped.stdout
    assert helped.stdout.startswith("Usage: sunlead mesh convert IN OUT [options]\n")
    assert "  convert IN OUT " in helped.stdout
