"""sunlead mesh convert as its users meet it: what it says, what it leaves in the file system."""
import json
import os
import stat
import subprocess
import zipfile

import pytest

BOX = """mtllib box.mtl
v 0 0 0
v 4 0 0
v 4 0 4
v 0 0 4
v 2 3 2
usemtl roof
f 4 3 2 1
f 1 2 5
f 2 3 5
f 3 4 5
f 4 1 5
"""


def convert(folder, *args):
    return subprocess.run([os.path.abspath(os.environ["SUNLEAD_BIN"]), "mesh", "convert", *args], cwd=folder,
                          capture_output=True, text=True, timeout=60, umask=0o027)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "box.obj").write_text(BOX)
    (tmp_path / "box.mtl").write_text("newmtl roof\nKd 0.5 0.1 0.1\n")
    return tmp_path


def check_usdz(path):
    """Stored, aligned, the layer first: what the specification of USDZ wants."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.infolist()[0].filename == "model.usda"
        data = path.read_bytes()
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED and entry.flag_bits == 0
            at = entry.header_offset
            start = at + 30 + int.from_bytes(data[at + 26:at + 28], "little") + int.from_bytes(data[at + 28:at + 30], "little")
            assert start % 64 == 0
            assert data[start:start + entry.file_size] == archive.read(entry)
        layer = archive.read("model.usda").decode()
    assert layer.startswith("#usda 1.0\n")
    assert 'upAxis = "Y"' in layer and "metersPerUnit = 1\n" in layer and 'defaultPrim = "Model"' in layer
    assert "extent = [(-2,0,-2),(2,3,2)]" in layer
    return layer


def test_folder(folder):
    done = convert(folder, "box.obj", "models")
    assert (done.returncode, done.stderr) == (0, "")
    names = {"hd.glb", "web.glb", "ar.glb", "model.usdz", "preview.glb", "poster.jpg", "manifest.json"}
    assert {path.name for path in (folder / "models").iterdir()} == names
    assert [line.split()[0] for line in done.stdout.splitlines()][-1] == "models/manifest.json"
    # The umask rules.
    assert stat.S_IMODE((folder / "models").stat().st_mode) == 0o750
    assert stat.S_IMODE((folder / "models/hd.glb").stat().st_mode) == 0o640
    manifest = json.loads((folder / "models/manifest.json").read_text())
    assert all(made["triangles"] == 6 and made["texture_px"] == 0 for made in manifest["files"])
    layer = check_usdz(folder / "models/model.usdz")
    assert layer.count("def Mesh ") == 1 and "faceVertexCounts = [3,3,3,3,3,3]" in layer


def test_single_usdz(folder):
    done = convert(folder, "box.obj", "model.USDZ", "--triangles", "100", "--texture", "64")
    assert (done.returncode, done.stderr) == (0, "")
    check_usdz(folder / "model.USDZ")


@pytest.mark.parametrize("args, words", [
    (["model.gltf"], "OUT is a .glb, a .usdz or a folder (model.gltf/ for a folder of that name)"),
    (["model.usdz", "--plain"], "--plain is for a single .glb"),
    (["models", "--triangles", "5"], "--triangles and --texture are for a single .glb or .usdz"),
    (["a.glb", "--texture", "0"], "--texture wants a whole number from 1 to 16384"),
])
def test_wrong_words(folder, args, words):
    done = convert(folder, "box.obj", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sunlead: mesh convert: {words}\n"
    assert {path.name for path in folder.iterdir()} == {"box.obj", "box.mtl"}


def test_more_triangles_than_wanted(folder):
    """A pyramid cannot do with one."""
    done = convert(folder, "box.obj", "a.glb", "--triangles", "1")
    assert done.returncode == 0
    assert done.stderr == ("sunlead: warning: 6 triangles are left where 1 were wanted: with fewer the surface would "
                           "tear\n")


def test_folder_with_a_file_name(folder):
    assert convert(folder, "box.obj", "model.obj/").returncode == 0
    assert (folder / "model.obj/hd.glb").exists()
    assert convert(folder, "box.obj", "model.obj").returncode == 0


def test_what_is_missing_is_said(folder):
    (folder / "box.mtl").unlink()
    done = convert(folder, "box.obj", "a.glb")
    assert done.returncode == 0 and (folder / "a.glb").exists()
    assert done.stderr == "sunlead: warning: The materials box.mtl are not there\n"
