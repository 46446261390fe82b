"""What the runner of a pipeline obeys in a log never comes from a value: not in text, Markdown, YAML, JSON, XML, nor on stderr."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Final

import pytest
from cli.project import Project
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.document import load
from reconciler.core.document.dump import dump_yaml
from reconciler.render.escape import annotation, json_text, markdown, markdown_code, printable, without_commands, xml

HARMLESS: Final = (
    *("::notice title=x::said", "::group::x", "::debug::x", "  ::notice::x", "##[group]x", "##[debug]x"),
    *(
        "##vso[task.debug]x",
        "##teamcity[message text='x']",
        "section_start:1:x",
        "section_end:1:x",
        "travis_fold:start:x",
    ),
)
PARTS: Final = st.sampled_from(
    (*HARMLESS, "::", ":", "##", "[", "a", " ", "\t", "\n", "\r", "\x1b[0K", "vso", "notice", "é")
)


def obeyed(text: str) -> list[str]:
    """The lines of a log that a runner takes for commands, as the runners look for them."""
    return [
        line
        for line in re.split(r"[\r\n]", text)
        if re.match(r"\s*::[A-Za-z]", line)
        or "##[" in line
        or re.search(r"##(vso|teamcity)\[|section_(start|end):|travis_(fold|time):", line)
    ]


def test_the_markers_are_obeyed_as_they_are() -> None:
    """Else the tests below would test nothing."""
    assert all(map(obeyed, HARMLESS))


@given(st.lists(PARTS, max_size=8).map("".join))
def test_no_value_is_a_command(value: str) -> None:
    """In no form of output; and what is data stays the same data."""
    assert obeyed(printable(value)) == []
    assert obeyed(markdown(value)) == []
    assert obeyed(markdown_code(value, table=True)) == []
    assert obeyed(f"::notice::{annotation(value)}")[1:] == []
    assert "##[" not in annotation(value)
    said = json_text(json.dumps({"a": value}, ensure_ascii=False, indent=2))
    assert (obeyed(said), json.loads(said)) == ([], {"a": value})
    element = xml(value)
    assert obeyed(element) == []
    assert ET.fromstring(f"<a>{element}</a>").text in (None, re.sub(r"\r\n?", "\n", value.replace("\x1b", "")))
    data = {value or "a": value, "b": [value]}
    written = dump_yaml(data, escape=without_commands)
    assert obeyed(written) == []
    assert load(written, "x").documents[0].value == data


@given(st.lists(PARTS, max_size=3).map("".join), st.lists(PARTS, max_size=3).map("".join))
def test_two_values_make_no_command_together(one: str, other: str) -> None:
    """What is printed is looked at once more as a whole, and only once: what is safe stays as it is."""
    safe = without_commands(f"{printable(one)}{printable(other)}")
    assert obeyed(safe) == []
    assert without_commands(safe) == safe


@pytest.mark.parametrize(
    "text", ["fe80::1 and ::1", "a::b", "## heading", "#[1]", "the section_starts: here", "std::vector"]
)
def test_what_is_no_command_stays(text: str) -> None:
    """Addresses and names with colons are common."""
    assert printable(text) == text


def test_our_own_commands_work(project: Project) -> None:
    """`--format github` is made of them, and holds no others."""
    project.write("manifests/##[group]x.yaml", 'kind: "::notice::x"\nkey: a\n')
    lines = project.run("validate", "--format", "github").out.splitlines()
    assert lines[0].startswith("::error file=manifests/##\\x5bgroup]x.yaml,")
    assert [line for line in lines[1:] if obeyed(line)] == []
    assert "##[" not in lines[0]


@pytest.mark.parametrize("marker", HARMLESS)
def test_no_command_of_ours_prints_one(project: Project, marker: str) -> None:
    """Values of manifests, names of files, keys, errors and logs, in every format."""
    project.manifest("a", display_name=marker, description=f"x\n{marker}", metadata={marker: marker}, tags=[marker])
    project.write("manifests/##[debug]n.yaml", "kind: Model\nkey: n\nprovider: {name: openai, model: m}\n")
    for words in (
        *(("plan", "--format", name) for name in ("text", "json", "markdown")),
        *(("validate", "--format", name) for name in ("text", "json", "sarif", "junit", "codequality")),
        ("apply", "--yes", "-v"),
        *((command, "a", "--format", name) for command in ("get", "history") for name in ("text", "json")),
        *(("export", "a", "--format", name) for name in ("yaml", "json")),
        ("list",),
        ("get", marker),
        ("test", marker),
        ("plan", marker),
        ("plan", "--save", marker, "--nonsense", marker),
        (marker,),
    ):
        answer = project.run(*words)
        assert obeyed(answer.both) == [], words
    project.write("manifests/b.yaml", f"kind: Model\nkey: b\n{json.dumps(marker)}: 1\nmodel: {json.dumps(marker)}\n")
    for name in ("text", "json", "sarif", "junit", "codequality"):
        assert obeyed(project.run("validate", "--format", name).both) == [], name
