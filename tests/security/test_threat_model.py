"""SECURITY.md: each line of its threat model names tests, and each of these is there."""

from __future__ import annotations

import ast
import re
from typing import Final

import pytest
from programs import ROOT

TEXT: Final = (ROOT / "SECURITY.md").read_text("utf-8")
MODEL: Final = TEXT.partition("## Threat model")[2].partition("\n## ")[0]
LINES: Final = re.split(r"^- ", MODEL, flags=re.MULTILINE)[1:]
NAMED: Final = re.compile(r"^    - `(tests/[\w/]+\.py)::(test_\w+)`$", re.MULTILINE)
WRITERS: Final = (
    "manifest",
    "reconciler.yaml",
    "plan file",
    "rows of a registry",
    "endpoint",
    "objects of the cluster",
    ".reconciler/",
    "environment",
    "packages",
)


def test_everybody_who_may_write_has_a_part() -> None:
    """Each of those whose words reach us is looked at, and has lines."""
    parts = re.split(r"^### ", MODEL, flags=re.MULTILINE)[1:]
    titles = [part.partition("\n")[0] for part in parts]
    assert [writer for writer in WRITERS if not any(writer in title for title in titles)] == []
    assert [title for title, part in zip(titles, parts, strict=True) if not NAMED.search(part)] == []


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_each_line_names_tests_that_are_there(line: str) -> None:
    """A line says what they can, what they cannot, and below it the tests that hold it."""
    assert re.match(r"\*\*They can\*\* [^*]+\*\*They cannot\*\*\s", line)
    named = NAMED.findall(line)
    assert len(named) == line.count("    - ") > 0
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in defined, f"{file}::{name}"
