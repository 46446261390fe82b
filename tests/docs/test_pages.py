"""Every page for users does what it shows: its files are written, its commands run, and what they print is what it says.

`WRITE_DOCS=1 pytest tests/docs/test_pages.py` writes what the commands print into the pages instead of comparing.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs.page import Block, Command, Script, Server, commands, items, pages, same, shown
from docs.session import ROOT, Session, session
from endpoint.place import serving
from endpoint.server import KEY
from programs import HANGS
from registry.aigo.server import aigo
from registry.litellm.server import LiteLLMServer
from registry.mlflow.server import create_workspace
from registry.server_process import Running
from registry.toy_server import toy
from registry.watsonx.server import orchestrate

# What a page may show without a test running it: it installs, or takes a network that tests do not have.
NOT_RUN = re.compile(
    r"pip install (model-reconciler|'?model-reconciler\[.*|-e \.)|make (demo|test|bench|docs|reference|check)( .*)?|git (clone|push) .*"
    r"|code \.|pytest|pip install -e '.\[test\]'|reconciler completion (bash|zsh|fish) > .*|uv tool install model-reconciler|pre-commit install"
)

EVERY_PAGE = pytest.mark.parametrize(
    "path",
    [*pages(ROOT), *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)

Setting = Callable[[Session, ExitStack, tuple[str, ...]], None]


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
@pytest.mark.parametrize("path", pages(ROOT), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_does_what_it_shows(path: Path, servers: dict[str, Setting], tmp_path: Path) -> None:
    """Run from top to bottom in one project, every command prints what stands below it."""
    text = path.read_text(encoding="utf-8")
    written: list[tuple[Block, str]] = []
    with ExitStack() as stack, session(tmp_path, {"SUPPORT_LLM_KEY": "sk-support"}) as here:
        program = ""  # what the Python program above printed
        for item in items(text):
            where = f"{path.name}:{item.line}"
            if isinstance(item, Server):
                servers[item.kind](here, stack, item.words)
            elif isinstance(item, Script):
                code, said = here.run(item.text)
                assert code == 0, f"{where}: {said}"
            elif item.title is not None:
                here.write(item.title, item.text)
            elif item.language == "python":
                program = ran(item.text, here, where)
            elif item.language == "console":
                written.append((item, shown(run(item, here, where))))
            elif item.language == "text" and program:
                assert same(item.text, program), f"{where}: {program}"
                program = ""
            else:
                check_unrun(item, where)
    if os.environ.get("WRITE_DOCS"):
        for block, output in reversed(written):  # from the end, so that the places before stay right
            text = text[: block.start] + output + text[block.end :]
        path.write_text(text, encoding="utf-8")


def run(block: Block, here: Session, where: str) -> list[Command]:
    """The block's commands with what they print. Where that is not what the page says, the test ends, unless it is to be written."""
    done = []
    for command in commands(block.text):
        code, said = here.run(command.text)
        assert code not in (3, 64, 126, 127), f"{where}: $ {command.text}\n{said}"
        if same(command.output, said):
            done.append(command)
        elif os.environ.get("WRITE_DOCS"):
            done.append(Command(command.text, said))
        else:
            pytest.fail(f"{where}: $ {command.text}\n{said}", pytrace=False)
    return done


def ran(program: str, here: Session, where: str) -> str:
    """What a Python program prints."""
    code, said = here.run(f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}")
    assert code == 0, f"{where}: {said}"
    return said


def check_unrun(block: Block, where: str) -> None:
    """Fragments are at least well-formed, and what is not run is known to be so."""
    if block.language == "yaml":
        list(yaml.safe_load_all(block.text))
    elif block.language == "shell":
        lines = [line.partition("  #")[0].strip() for line in block.text.splitlines() if line.strip()]
        assert [line for line in lines if not NOT_RUN.fullmatch(line)] == [], where
    else:
        assert block.language in ("text", "json", "toml", "ini", "makefile"), (
            f"{where}: a block of {block.language} is not tested"
        )


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
