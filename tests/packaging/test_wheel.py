"""What is published: the wheel and the source distribution, built as a release builds them, installed as a user installs them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from programs import BIN, ROOT, run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
STEM = f"model_reconciler-{PROJECT['version']}"
Reconciler = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh venv that holds the wheel, its dependencies and nothing else."""
    folder = tmp_path_factory.mktemp("venv")
    wheel = dist / f"{STEM}-py3-none-any.whl"
    uv = shutil.which("uv") or (str(BIN / "uv") if (BIN / "uv").exists() else None)
    venv.create(folder, with_pip=uv is None)
    python = folder / "bin" / "python"
    installer = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install", "--no-compile"]
    run(*installer, "--quiet", wheel, cwd=folder)
    return folder / "bin"


@pytest.fixture
def reconciler(installed: Path, tmp_path: Path) -> Reconciler:
    """The installed command, in a copy of this project's manifests."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    shutil.copy(ROOT / "reconciler.yaml", tmp_path)

    def call(*arguments: str, code: int = 0) -> CompletedProcess[str]:
        return run(installed / "reconciler", *arguments, cwd=tmp_path, code=code)

    return call


def _built(folder: Path, umask: int, **environment: str) -> dict[str, bytes]:
    """The files that `make dist` builds from a copy of this project, by name."""
    folder.mkdir(parents=True)
    ignored = shutil.ignore_patterns(
        ".*_cache", ".cache", ".venv", ".git", "__pycache__", ".hypothesis", "dist", "site"
    )
    old = os.umask(umask)
    try:
        shutil.copytree(ROOT, folder / "copy", ignore=ignored, copy_function=shutil.copyfile)
        run(sys.executable, "-m", "build", "--no-isolation", cwd=folder / "copy", env=environment)
    finally:
        os.umask(old)
    return {path.name: path.read_bytes() for path in (folder / "copy/dist").iterdir()}


def test_built_twice_it_is_the_same(tmp_path: Path) -> None:
    """In another folder, with files of another time and other rights, in another zone and language: every byte is equal."""
    first = _built(tmp_path / "a", 0o022, TZ="UTC", LC_ALL="C", PYTHONHASHSEED="1")
    second = _built(tmp_path / "b/deeper", 0o077, TZ="Asia/Kolkata", LC_ALL="C.UTF-8", PYTHONHASHSEED="2")
    assert sorted(first) == [f"{STEM}-py3-none-any.whl", f"{STEM}.tar.gz"]
    assert first == second


def test_the_bill_of_materials_names_what_the_image_installs(tmp_path: Path) -> None:
    """`make sbom` writes a valid CycloneDX of reconciler and each package of image/requirements.txt for this Python, no place of ours in it."""
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns(
        ".*_cache", ".cache", ".venv", ".git", "__pycache__", ".hypothesis", "dist", "site"
    )
    shutil.copytree(ROOT, copy, ignore=ignored)
    venv_folder = BIN.parent
    environment = dict.fromkeys(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), "")
    made = (f"VENV={venv_folder}", f"PYTHON={sys.executable}", f"--old-file={venv_folder}/.installed-dev")
    run("make", "sbom", *made, cwd=copy, env=environment)
    written = (copy / "dist/model-reconciler.cdx.json").read_text("utf-8")
    bill = json.loads(written)
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "model-reconciler")
    pins = [line for line in (ROOT / "image/requirements.txt").read_text("utf-8").splitlines() if "==" in line]
    requirements = [Requirement(line.removesuffix("\\")) for line in pins]
    wanted = {(one.name, str(one.specifier)[2:]) for one in requirements if one.marker is None or one.marker.evaluate()}
    found = {(canonicalize_name(one["name"]), one["version"]) for one in bill["components"]}
    assert found - {("model-reconciler", PROJECT["version"])} == wanted
    assert str(tmp_path) not in written


def test_the_wheel_holds_the_package_and_nothing_else(dist: Path) -> None:
    """The wheel holds every file of reconciler/, types included, the licence and the command, and neither tests nor leftovers."""
    with zipfile.ZipFile(dist / f"{STEM}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        entry_points = wheel.read(f"{STEM}.dist-info/entry_points.txt").decode()
    package = {name for name in names if not name.startswith(f"{STEM}.dist-info/")}
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "reconciler").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert package == ours
    assert "reconciler/py.typed" in package
    assert f"{STEM}.dist-info/licenses/LICENSE" in names
    assert "reconciler = reconciler.__main__:main" in entry_points


def test_the_source_distribution_can_be_tested(dist: Path) -> None:
    """The source distribution holds what its own tests need, and nothing that the machine left behind."""
    with tarfile.open(dist / f"{STEM}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = (
        "Makefile",
        "LICENSE",
        "reconciler.yaml",
        "manifests/lifecycle/renamed.yaml",
        "schemas/manifest.schema.json",
    )
    assert names.issuperset(
        (*wanted, "tests/conftest.py", "tests/tools.sh", ".pre-commit-hooks.yaml", "reconciler/py.typed")
    )
    tops = {name.partition("/")[0] for name in names}
    assert tops.isdisjoint({".venv", ".cache", ".git", ".reconciler", ".hypothesis", ".mypy_cache"})


def test_one_version(reconciler: Reconciler) -> None:
    """The command, the package and its metadata give the same version."""
    assert reconciler("--version").stdout.split()[-1] == PROJECT["version"]


def test_the_main_job_with_the_wheel(reconciler: Reconciler) -> None:
    """With nothing but the wheel, this project's manifests are validated, planned, applied, and then there is nothing to do."""
    assert "valid" in reconciler("validate").stdout
    reconciler("schema", "--check")
    reconciler("plan", "--detailed-exitcode", code=2)
    assert "created" in reconciler("apply", "--yes").stdout
    assert "Nothing to do" in reconciler("apply", "--yes").stdout
    reconciler("plan", "--detailed-exitcode", code=0)


def test_the_package_is_typed_for_its_users(installed: Path, tmp_path: Path) -> None:
    """A type checker that sees only the installed wheel knows the Python API's names and their types."""
    (tmp_path / "use.py").write_text("from reconciler import make_plan\n\nreveal_type(make_plan)\n", "utf-8")
    said = run(
        BIN / "mypy", "--config-file=", "--strict", "--python-executable", installed / "python", "use.py", cwd=tmp_path
    ).stdout
    assert "-> reconciler.planner.plan.Plan" in said
