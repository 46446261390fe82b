"""docs/write-a-driver.md: the driver that the page builds keeps the contract, with the page's own tests. What it shows is run by tests/docs."""

from __future__ import annotations

import atexit
import importlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

from docs.page import Block, items
from registry import toy_server

ROOT: Final = Path(__file__).resolve().parents[2]
FILES: Final = {
    item.title: item.text
    for item in items((ROOT / "docs" / "write-a-driver.md").read_text(encoding="utf-8"))
    if isinstance(item, Block) and item.title is not None
}
DRIVER: Final = ("reconciler_toy/__init__.py", "reconciler_toy/store.py")


def installed() -> Path:
    """The page's package where imports find it, with its entry point, as an installer leaves it."""
    folder = Path(tempfile.mkdtemp(prefix="reconciler-toy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in (*DRIVER, "tests/test_toy.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(FILES[name], encoding="utf-8")
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = folder / "reconciler_toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (group, points), *_ = project["entry-points"].items()
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in points.items()))
    return folder


PACKAGE: Final = installed()
sys.modules.setdefault("toy_server", toy_server)  # beside the tests of such a package is its fake of the registry
sys.path[:0] = [str(PACKAGE), str(PACKAGE / "tests")]

TestToy = importlib.import_module("test_toy").TestToy  # collected here as the page's own test


def test_the_driver_is_short() -> None:
    """What every driver repeats is in the driver API, and not in the driver."""
    assert sum(len(FILES[name].splitlines()) for name in DRIVER) <= 90
    lines = sum(len(FILES[name].splitlines()) for name in DRIVER)
    assert f"a whole driver, of {lines} lines" in (ROOT / "docs" / "write-a-driver.md").read_text(encoding="utf-8")


def test_the_driver_uses_the_driver_api_alone() -> None:
    """What a page shows is copied: it must be what is promised."""
    imports = [
        line
        for name in DRIVER
        for line in FILES[name].splitlines()
        if line.startswith(("from reconciler.", "import reconciler"))
    ]
    assert imports == ["from reconciler.registry import driver as api"] * 2
    tests = [line for line in FILES["tests/test_toy.py"].splitlines() if line.startswith("from reconciler.")]
    assert {line.split()[1] for line in tests} == {"reconciler.registry.driver", "reconciler.testing"}


def test_the_driver_is_typed() -> None:
    """A strict type checker finds nothing in it, nor in its tests."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--cache-dir",
            str(PACKAGE / "cache"),
            "-p",
            "reconciler_toy",
        ],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
