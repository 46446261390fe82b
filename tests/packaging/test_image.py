"""The image: what its Dockerfile says, and that every package of it can be had by its hash."""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib
import zipfile
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from programs import BIN, ROOT, run

from reconciler.controller.install.workload import ARGUMENTS, HOME

LINES: Final = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
STEPS: Final = [tuple(line.split(" ", 1)) for line in LINES if line and not line.startswith("#")]
FILES: Final = ("requirements", "build")
PINNED: Final = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>\S+?)( ; (?P<marker>.+?))? \\?$", re.MULTILINE)


def steps(word: str) -> list[str]:
    return [rest for name, rest in STEPS if name == word]


def text_of(name: str) -> str:
    return (ROOT / f"image/{name}.txt").read_text("utf-8")


def pinned(name: str) -> dict[str, str]:
    return {found["name"]: found["version"] for found in PINNED.finditer(text_of(name))}


def test_the_base_is_named_by_its_digest_everywhere() -> None:
    """Both stages are the one base, which no tag can move."""
    (argument,) = steps("ARG")
    assert re.fullmatch(r"BASE=python:3\.13\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", argument)
    assert {stage.split()[0] for stage in steps("FROM")} == {"${BASE}"}


def test_the_image_runs_as_nobody_and_without_a_shell() -> None:
    """The last stage has a user by number, as a cluster wants it to tell that it is not root; its program is called directly."""
    last = STEPS[max(index for index, (name, _) in enumerate(STEPS) if name == "FROM") :]
    said = dict(last)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", said["USER"])
    assert json.loads(said["ENTRYPOINT"]) == ["/opt/reconciler/bin/reconciler"]
    assert set(json.loads(said["CMD"])) <= set(ARGUMENTS)
    assert said["WORKDIR"] == HOME
    assert not {"RUN", "ADD"} & {name for name, _ in last}


def test_nothing_is_installed_without_its_hash() -> None:
    """Each call of pip checks hashes, or is kept from asking for anything."""
    calls = [call for step in steps("RUN") for call in step.split("&&") if re.search(r"pip (install|download)", call)]
    assert len(calls) == 3
    for call in calls:
        assert "--require-hashes --only-binary :all:" in call or "--no-deps --no-index" in call


@pytest.mark.parametrize("name", FILES)
def test_every_package_has_its_hashes_and_no_address(name: str) -> None:
    """A line is a package with one version, for some machines perhaps, or a hash of it."""
    lines = [line for line in text_of(name).splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) or PINNED.fullmatch(line) for line in lines)
    blocks = re.split(r"^(?=\S)", "\n".join(lines), flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pinned(name))
    assert all("--hash=" in block for block in blocks)


def test_the_versions_are_those_that_the_tests_use() -> None:
    """What the image installs is what passed: the versions of constraints/dev.txt, and all that the extra asks for."""
    tested = (ROOT / "constraints/dev.txt").read_text("utf-8")
    for name in FILES:
        for package, version in pinned(name).items():
            assert re.search(rf"^{re.escape(package)}=={re.escape(version)} ", tested, re.MULTILINE), package
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        "requirements": [
            *project["project"]["dependencies"],
            *project["project"]["optional-dependencies"]["kubernetes"],
        ],
        "build": [*project["build-system"]["requires"], *project["dependency-groups"]["build"]],
    }
    for name, requirements in wanted.items():
        found = pinned(name)
        for requirement in map(Requirement, requirements):
            assert requirement.specifier.contains(found[canonicalize_name(requirement.name)]), requirement


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    """.dockerignore leaves everything out but the sources of COPY: no history, no environment, no file of a user's."""
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    copied = [source for step in steps("COPY") if "--from=" not in step for source in step.split()[:-1]]
    assert all(any(fnmatch.fnmatch(source, pattern) for pattern in let_in) for source in copied)
    assert all(any(fnmatch.fnmatch(source, pattern) for source in copied) for pattern in let_in)


@pytest.mark.parametrize("platform", ["x86_64-manylinux_2_36", "aarch64-manylinux_2_36"])
def test_all_of_it_can_be_had_as_wheels(tmp_path: Path, platform: str) -> None:
    """For both kinds of machine, in the Python of the image: every hash is that of what the index has."""
    given = ("--python-platform", platform, "--python-version", "3.13", "--only-binary", ":all:", "--no-deps")
    for name in FILES:
        requirements = ("--require-hashes", "--requirement", ROOT / f"image/{name}.txt")
        run(BIN / "uv", "pip", "install", "--quiet", "--target", tmp_path / name, *given, *requirements, cwd=tmp_path)
    assert (tmp_path / "requirements/lightkube").is_dir()


def test_what_is_copied_is_enough_to_build_the_package(tmp_path: Path) -> None:
    """The wheel of the sources that COPY names is the whole one: nothing that it needs stays outside of the image."""
    for step in steps("COPY"):
        *sources, _ = step.split()
        if "--from=" not in step and not sources[0].startswith("image/"):
            run("cp", "-R", *(ROOT / one for one in sources), tmp_path, cwd=ROOT)
    run(BIN / "uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--python", BIN / "python", cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "reconciler").rglob("*.py")}
    assert modules <= names
