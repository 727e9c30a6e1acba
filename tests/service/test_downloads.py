"""Mesh files on their way here: a disk that is full, a server that is killed between two parts."""
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Client, Stage, ok, originals, wait_until
from samples import small_lead


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own for model files, where one can be mounted."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def order(api: Client) -> int:
    """A project that is done; the number by which its files are asked for."""
    ordered = ok(api.post("/api/projects/3d", {**small_lead(), "target_solar_offset": 90}), 201)
    project_id = int(ordered["id"])
    wait_until(lambda: ok(api.get(f"/api/projects/3d/{project_id}"))["status"] == "completed",
               "the model to be completed")
    return project_id


def list_files(api: Client, project_id: int) -> dict[str, Any]:
    listing = originals(ok(api.get(f"/api/projects/3d/{project_id}/files")))
    return {file["kind"]: file for file in listing["files"]}


def wait_tidy(folder: Path) -> None:
    """Waits until nothing is left half done, also of what is made of the files once they are stored."""
    wait_until(lambda: not list(folder.iterdir()), "no temporary files")


def size_of(path: Path) -> int:
    """0 for a file that was given its name meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def test_downloads_wait_for_room(stage: Stage) -> None:
    simulator = stage.simulate()
    folder = stage.folder / "data" / "files"
    with small_disk(folder, "64k"):
        server = stage.serve(simulator.url())
        project_id = order(server.api)
        wait_until(lambda: list_files(server.api, project_id)["jpg"]["error"] is not None, "the disk to be full")
        files = list_files(server.api, project_id)
        assert (files["jpg"]["state"], files["jpg"]["error"]) == ("pending", "our disk is full")
        assert ok(server.api.get("/api/leads"))["total"] == 1  # all else goes on

        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        wait_until(lambda: all(file["state"] == "stored" for file in list_files(server.api, project_id).values()),
                   "the files to be stored", timeout_s=90)
        wait_tidy(folder / "tmp")


def test_a_killed_download_goes_on(stage: Stage) -> None:
    simulator = stage.simulate("0:0", 0, "--fault", "jpg:drip:rate=100000,times=1")
    server = stage.serve(simulator.url())
    project_id = order(server.api)
    folder = stage.folder / "data" / "files" / "tmp"
    wait_until(lambda: any(size_of(file) > 20000 for file in folder.iterdir()), "some of the picture")
    # One that is late keeps none of the others back.
    wait_until(lambda: sorted(file["state"] for file in list_files(server.api, project_id).values()) ==
               ["pending", "stored", "stored", "stored"], "the three others")
    server.kill()
    (partial,) = folder.glob("part-*")
    assert partial.stat().st_size < 200000

    api = stage.serve(simulator.url()).api
    wait_until(lambda: all(file["state"] == "stored" for file in list_files(api, project_id).values()),
               "the files to be stored", timeout_s=60)
    wait_tidy(folder)
