"""Run a page from top to bottom in one project: its files are written, its commands run, and what they print is what it says.

With `WRITE_DOCS=1` in the environment what the commands print is written into the page instead of compared.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
import yaml
from docs.page import Block, Command, Script, Server, commands, items, same, shown
from docs.session import Session, session

# What a page may show without a test running it: it installs, or takes a network that tests do not have.
NOT_RUN: Final = re.compile(
    r"pip install (model-reconciler|'?model-reconciler\[.*|-e \.)|make (demo|test|bench|docs|reference|check)( .*)?|git (clone|push) .*"
    r"|code \.|pytest|pip install -e '.\[test\]'|reconciler completion (bash|zsh|fish) > .*|uv tool install model-reconciler|pre-commit install"
)

Setting = Callable[[Session, ExitStack, tuple[str, ...]], None]


def run_page(path: Path, settings: Mapping[str, Setting], folder: Path, variables: Mapping[str, str]) -> None:
    """Run a page in `folder`. `settings` start the servers that it names, by their kinds."""
    text = path.read_text(encoding="utf-8")
    written: list[tuple[Block, str]] = []
    with ExitStack() as stack, session(folder, variables) as here:
        program = ""  # what the Python program above printed
        for item in items(text):
            where = f"{path.name}:{item.line}"
            if isinstance(item, Server):
                settings[item.kind](here, stack, item.words)
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
