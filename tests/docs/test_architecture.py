"""ARCHITECTURE.md draws the house that stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TEXT: Final = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
NAME: Final = re.compile(r"[a-z_]+/?")
FOLDERS: Final = {"__pycache__"}


def drawn() -> dict[str, list[str]]:
    """Each package of the tree, and the modules and packages (`name/`) that stand under it, if any do."""
    found: dict[str, list[str]] = {}
    for line in TEXT.partition("reconciler/\n")[2].partition("```")[0].splitlines():
        package = re.match(r"[├└]── ([a-z]+)/ ", line)
        words = line.strip("│ ").split()
        if package:
            found[package[1]] = []
        else:
            assert all(NAME.fullmatch(word) for word in words), line
            found[list(found)[-1]].extend(words)
    return found


def there(folder: Path) -> list[str]:
    """The modules and packages of a folder, as the tree writes them."""
    names = [f"{path.name}/" if path.is_dir() else path.stem for path in folder.iterdir() if path.suffix in ("", ".py")]
    return sorted(name for name in names if name.strip("/") not in FOLDERS | {"__init__"})


def test_the_tree_is_that_of_the_folder() -> None:
    """`ls reconciler/` and the page show the same packages."""
    assert sorted(drawn()) == sorted(name.strip("/") for name in there(ROOT / "reconciler") if name.endswith("/"))


def test_the_modules_are_those_of_each_package() -> None:
    """Where the page lists a package's modules it lists all of them, in order, and no other."""
    listed = {package: names for package, names in drawn().items() if names}
    assert listed == {package: there(ROOT / "reconciler" / package) for package in listed}


def test_the_layers_are_those_that_are_checked() -> None:
    """The page shows the layers of the import contract."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(one for one in config["tool"]["importlinter"]["contracts"] if one["id"] == "layers")
    assert "```text\n" + "\n".join(contract["layers"]) + "\n```" in TEXT


def test_every_module_that_the_text_names_is_there() -> None:
    """`planner.planner.make_plan`, `manifest.compile`: each begins with a module of the package."""
    named = {name for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", TEXT) if name.split(".")[0] in drawn()}
    assert {name for name in named if not is_there(name.split("."))} == set()


def is_there(parts: list[str]) -> bool:
    """Whether a dotted name begins with a package's module; what follows a module may be a name in it."""
    module = ROOT / "reconciler" / parts[0] / parts[1]
    return module.is_dir() or module.with_suffix(".py").is_file()
