"""Every page for users does what it shows: its files are written, its commands run, and what they print is what it says.

`WRITE_DOCS=1 pytest tests/docs/test_pages.py` writes what the commands print into the pages instead of comparing.
"""

from __future__ import annotations

import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs.page import pages
from docs.running import Setting, run_page
from docs.session import ROOT, Session
from endpoint.place import serving
from endpoint.server import KEY
from programs import HANGS
from registry.aigo.server import aigo
from registry.litellm.server import LiteLLMServer
from registry.mlflow.server import create_workspace
from registry.server_process import Running
from registry.toy_server import toy
from registry.watsonx.server import orchestrate

ELSEWHERE = (ROOT / "docs" / "kubernetes.md",)  # tests/kubernetes has the cluster for it


def named(path: Path) -> str:
    """A page as its test is called."""
    return path.relative_to(ROOT).as_posix()


EVERY_PAGE = pytest.mark.parametrize(
    "path",
    [*pages(ROOT), *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"))],
    ids=named,
)


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> dict[str, Setting]:
    """How to start each server that a page may name, and to which of its words it leads. The keys are set as variables."""

    def start_aigo(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        server = stack.enter_context(aigo())
        here.words[words[0]] = server.url
        here.run(f"export LF_API_KEY={server.key} AIGO_API_KEY={server.key}")

    def start_watsonx(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        server = stack.enter_context(orchestrate())
        here.words[words[0]] = server.url
        here.run(f"export WXO_TOKEN={shlex.quote(server.token)}")

    def start_nemo(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        running: Running = request.getfixturevalue("nemo_server")
        url, workspace = words
        here.words[url] = running.url
        here.words[workspace] = f"t{secrets.token_hex(len(workspace))[: len(workspace) - 1]}"  # as long: columns stay

    def start_mlflow(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        running: Running = request.getfixturevalue("mlflow_server")
        url, workspace = words
        here.words[url] = running.url
        here.words[workspace] = create_workspace(running.url)

    def start_litellm(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        server: LiteLLMServer = request.getfixturevalue("litellm")
        here.words[words[0]] = server.url
        here.run(f"export LITELLM_MASTER_KEY={server.token}")

    def start_endpoint(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        here.words[words[0]] = stack.enter_context(serving()).host
        here.run(f"export SUPPORT_LLM_KEY={KEY}")

    def start_toy(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        server = stack.enter_context(toy())
        here.words[words[0]] = server.url
        here.run(f"export TOY_TOKEN={server.token}")

    return {
        "toy": start_toy,
        "aigo": start_aigo,
        "watsonx": start_watsonx,
        "nemo": start_nemo,
        "mlflow": start_mlflow,
        "litellm": start_litellm,
        "endpoint": start_endpoint,
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", [path for path in pages(ROOT) if path not in ELSEWHERE], ids=named)
def test_a_page_does_what_it_shows(path: Path, servers: dict[str, Setting], tmp_path: Path) -> None:
    """Run from top to bottom in one project, every command prints what stands below it."""
    # a page on one registry shows what is its own, and takes the variables of a project for set
    known = {"SUPPORT_LLM_KEY": "sk-support"} if path.parent.name == "registries" else {}
    run_page(path, servers, tmp_path, known)


def links(text: str) -> Iterator[str]:
    """The relative links of a page, without code blocks."""
    plain = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (link for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", plain) if "://" not in link)


@EVERY_PAGE
def test_relative_links_lead_somewhere(path: Path) -> None:
    """No page points at a file that is not there."""
    assert {link for link in links(path.read_text(encoding="utf-8")) if not (path.parent / link).exists()} == set()


@EVERY_PAGE
def test_lines_are_at_most_120_characters(path: Path) -> None:
    """A page is read as text, too, and its changes as diffs."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > 120] == []


def test_the_readme_is_short() -> None:
    """It is the door and not the house: what explains stands in docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert len(text) <= 6500


def test_the_reference_is_that_of_the_code() -> None:
    """What is generated is generated from this code: `make reference` writes it."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "reference"), "--check"], capture_output=True, text=True, timeout=HANGS
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_page_is_in_the_navigation() -> None:
    """A page that the navigation leaves out is found by nobody."""
    config: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    found = set(leaves(config["nav"]))
    assert found == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def leaves(nav: Any) -> Iterator[str]:
    """The pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from leaves(entry)
