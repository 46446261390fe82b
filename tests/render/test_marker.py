"""The first line of a comment: the same for one project and environment, another for every other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.marker import marker

ANYTHING = st.text(st.characters(codec="utf-8") | st.sampled_from("->< %="), max_size=9)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("plan",), "<!-- reconciler:plan -->"),
        (("drift", "", "prod"), "<!-- reconciler:drift env=prod -->"),
        (("apply", "deploy/models", "eu-west"), "<!-- reconciler:report deploy/models env=eu-west -->"),
        (("plan", "a--b", "c -->"), "<!-- reconciler:plan a%2d-b env=c%20%2d-%3e -->"),
    ],
)
def test_markers(arguments: tuple[str, ...], line: str) -> None:
    """Folder and environment are named where there are any."""
    assert marker(*arguments) == line


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_a_marker_is_one_comment_and_nobody_elses(project: str, environment: str, other: str, another: str) -> None:
    """Nothing in it ends the comment, and no two places share one."""
    line = marker("plan", project, environment)
    assert re.fullmatch(r"<!-- [\w:=./%-]+( [\w:=./%-]+)* -->", line, re.ASCII)
    assert "--" not in line[4:-3]
    assert (line == marker("plan", other, another)) == ((project, environment) == (other, another))


def test_a_long_name_is_cut_and_still_its_own() -> None:
    """Two long environments that differ at their end have two comments."""
    assert len(marker("plan", "p" * 9_000, "é" * 9_000)) < 500
    assert marker("plan", "", "x" * 900 + "a") != marker("plan", "", "x" * 900 + "b")
