"""constraints/: the exact files of all that development, the tests and their clients install, for every Python we support."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from programs import BIN, ROOT, run

FOLDER: Final = ROOT / "constraints"
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
CLIENTS: Final = sorted(path.stem for path in FOLDER.glob("*.in"))
COMPILED: Final = ("dev", "minimum", *CLIENTS)
PIN: Final = re.compile(
    r"(?P<pin>[a-z0-9]+(-[a-z0-9]+)*==[0-9][a-z0-9.+]*( ; [a-zA-Z0-9_ '.<>=!()]+)?)(?P<hashes>( --hash=sha256:[0-9a-f]{64})+)"
)


def _lines(path: Path) -> list[str]:
    """A file's requirements, each with its hashes on one line."""
    text = re.sub(r" \\\n +", " ", path.read_text("utf-8"))
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _versions(name: str, python: str) -> dict[str, str]:
    """What a constraints file says for one Python on Linux. Fails where it says two things of one package."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    versions: dict[str, str] = {}
    pins = [line.partition(" --hash=")[0] for line in _lines(FOLDER / f"{name}.txt")]
    for requirement in map(Requirement, pins):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            assert requirement.name not in versions
            versions[requirement.name] = str(requirement.specifier).removeprefix("==")
    return versions


def _dev_group(name: str = "dev") -> Iterator[str]:
    for entry in PROJECT["dependency-groups"][name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from _dev_group(entry["include-group"])


def test_every_file_is_looked_at() -> None:
    """A new client joins these tests: what it asks for stands beside the versions it gets."""
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(COMPILED)


@pytest.mark.parametrize("name", COMPILED)
def test_only_names_exact_versions_and_hashes(name: str) -> None:
    """A line is a package, `==`, a version, perhaps for some machines only, and hashes: no range, index, host, path or option."""
    for line in _lines(FOLDER / f"{name}.txt"):
        assert PIN.fullmatch(line), line


@pytest.mark.parametrize(("name", "python"), [*(("dev", one) for one in PYTHONS), *((one, "3.11") for one in COMPILED)])
def test_every_package_can_be_had_as_a_wheel_of_these_hashes(name: str, python: str, tmp_path: Path) -> None:
    """Nothing is built on the way, by packages that no hash would stand for: asked for each Python, without fetching it."""
    how = ("--dry-run", "--quiet", "--only-binary", ":all:", "--python-version", python, "--target", tmp_path / "x")
    unconstrained = {"UV_CONSTRAINT": "", "UV_BUILD_CONSTRAINT": ""}
    requirements = ("--require-hashes", "--requirement", FOLDER / f"{name}.txt")
    run(BIN / "uv", "pip", "install", *how, *requirements, cwd=tmp_path, env=unconstrained)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_file_of_another_hash_is_not_installed(installer: str, tmp_path: Path) -> None:
    """Both installers that the Makefile calls refuse, by its hash, a wheel that is not the one that was locked."""
    text = (FOLDER / "sops.txt").read_text("utf-8")
    (tmp_path / "other.txt").write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", text), "utf-8")
    command = (BIN / "uv", "pip") if installer == "uv" else (BIN / "python", "-m", "pip", "--disable-pip-version-check")
    unconstrained = dict.fromkeys(
        ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_BUILD_CONSTRAINT"), ""
    )
    asked = ("--target", tmp_path / "x", "--require-hashes", "--only-binary", ":all:", "--requirement", "other.txt")
    done = run(*command, "install", *asked, cwd=tmp_path, env=unconstrained, code=1)
    assert "hash" in done.stderr.lower()
    assert not list(tmp_path.glob("x/sops*"))


@pytest.mark.parametrize("python", PYTHONS)
def test_all_that_we_ask_for_is_pinned_within_its_range(python: str) -> None:
    """What we run on, what development needs, what builds us and what installs us, on every Python that we say we support."""
    versions = _versions("dev", python)
    asked = [*PROJECT["project"]["dependencies"], *_dev_group(), *PROJECT["build-system"]["requires"]]
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_the_pythons_are_those_that_we_support() -> None:
    """Each Python of pyproject.toml's classifiers has its versions."""
    named = {text.rpartition(" ")[2] for text in PROJECT["project"]["classifiers"] if "Python :: 3." in text}
    assert named == set(PYTHONS)


def test_the_minimum_is_what_pyproject_allows() -> None:
    """`make minimum` has the lower bound of every dependency, and not a newer one that something else asks for."""
    versions = _versions("minimum", "3.11")
    for requirement in map(Requirement, PROJECT["project"]["dependencies"]):
        (lower,) = (bound.version for bound in requirement.specifier if bound.operator == ">=")
        found = versions[canonicalize_name(requirement.name)]
        assert Requirement(f"x=={lower}").specifier.contains(found), requirement


@pytest.mark.parametrize("name", CLIENTS)
def test_what_a_client_is_asked_for_is_what_it_gets(name: str) -> None:
    """Where constraints/NAME.in names a version, NAME.txt has it; all else that it asks for has one."""
    versions = _versions(name, "3.11")
    for requirement in map(Requirement, _lines(FOLDER / f"{name}.in")):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", ["dev", *CLIENTS])
def test_nothing_else_is_needed(name: str, tmp_path: Path) -> None:
    """Resolved anew, with these versions preferred, nothing is added or changed: `make update` was not forgotten."""
    compiled = tmp_path / f"{name}.txt"
    shutil.copy(FOLDER / compiled.name, compiled)
    asked = [ROOT / "pyproject.toml", "--group", "dev"] if name == "dev" else [FOLDER / f"{name}.in"]
    how = (
        "--quiet",
        "--universal",
        "--generate-hashes",
        "--python-version",
        "3.11",
        "--no-annotate",
        "--output-file",
        compiled,
    )
    unconstrained = {"UV_CONSTRAINT": "", "UV_BUILD_CONSTRAINT": ""}
    run(BIN / "uv", "pip", "compile", *how, *asked, cwd=ROOT, env=unconstrained)
    assert _lines(compiled) == _lines(FOLDER / compiled.name)


@pytest.mark.parametrize("folder", ["constraints/npm", "tests/registry/litellm/prisma"])
def test_the_tools_of_npm_are_locked_without_an_index(folder: str) -> None:
    """Versions are exact, every package has its checksum, and none says which index it came from."""
    asked = json.loads((ROOT / folder / "package.json").read_text("utf-8"))["dependencies"]
    packages = json.loads((ROOT / folder / "package-lock.json").read_text("utf-8"))["packages"]
    assert packages.pop("")["dependencies"] == asked
    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked
    assert all(one["integrity"] for one in packages.values())
    assert not any("resolved" in one for one in packages.values())
