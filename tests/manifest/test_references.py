"""References in manifests: what is replaced, what is kept, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Model
from reconciler.core.rule_tree import rules_of
from reconciler.core.schema.types import Resolved
from reconciler.manifest.references import Scope, escape, resolve

NODE = rules_of(Model)


def scope(root: Path, **variables: str) -> Scope:
    return Scope(root, root, variables)


def resolved(data: Any, root: Path = Path("/nowhere"), **variables: str) -> tuple[Any, list[str]]:
    value, found = resolve(data, NODE, scope(root, **variables))
    return value, [f"{finding.pointer} {finding.rule}" for finding in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${var:a}", "A"),
        ("x${var:a}y${var:a}", "xAyA"),
        ("$${var:a}", "${var:a}"),
        ("$$${var:a}", "$${var:a}"),
        ("$${", "${"),
        ("$5 $x $ {y} $$ $", "$5 $x $ {y} $$ $"),
        ("{var:a}", "{var:a}"),
        ("${var:a}}", "A}"),
    ],
)
def test_only_dollar_brace_opens_a_reference(text: str, expected: str) -> None:
    """And a second dollar escapes it."""
    assert resolved({"description": text}, a="A") == ({"description": expected}, [])


@given(st.text())
def test_escaped_text_is_itself_again(text: str) -> None:
    """Whatever a stored value holds, an exported manifest says exactly that."""
    assert resolved({"description": escape(text), "metadata": {"a": [escape(text)]}}) == (
        {"description": text, "metadata": {"a": [text]}},
        [],
    )


def test_a_value_is_not_read_again(tmp_path: Path) -> None:
    """What a variable or a file holds is text, not another reference."""
    (tmp_path / "f").write_text("${var:a} ${env:HOME}")
    assert resolved({"description": "${file:f} ${var:b}"}, tmp_path, b="${var:a}")[0] == {
        "description": "${var:a} ${env:HOME} ${var:a}"
    }


def test_kind_key_and_map_keys_are_left_alone() -> None:
    """Identity never depends on the environment."""
    data = {"kind": "${var:a}", "key": "${var:a}", "metadata": {"${var:a}": 1}}
    assert resolved(data, a="A") == (data, [])


def test_a_whole_reference_may_be_converted_and_a_part_may_not() -> None:
    """`${var:n}` can become a number; `x${var:n}` is text."""
    value, _ = resolved({"metadata": {"whole": "${var:n}", "part": "${var:n} "}}, n="3")
    assert type(value["metadata"]["whole"]) is Resolved
    assert type(value["metadata"]["part"]) is str


def test_secret_fields_keep_their_reference(tmp_path: Path) -> None:
    """The value stays where it is; a path becomes relative to the project."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "key").write_text("hunter2")
    data = {"endpoint": {"api_key": "${file:../key}", "headers": {"X": "${env:K}", "Y": "${var:a}"}}}
    value, found = resolve(data, NODE, Scope(tmp_path, tmp_path / "sub", {"a": "A"}))
    assert value == {"endpoint": {"api_key": "${file:key}", "headers": {"X": "${env:K}", "Y": "A"}}}
    assert found == []


@pytest.mark.parametrize("name", ["", "A B", "1A", "A-B", "A=B", "Ä"])
def test_only_the_name_of_a_variable_may_stand_in_env(name: str) -> None:
    """A typo is found before anybody applies."""
    assert resolved({"endpoint": {"api_key": f"${{env:{name}}}"}})[1] != []


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "link", "a\0b"])
def test_a_file_never_leaves_the_project(tmp_path: Path, path: str) -> None:
    """By `..`, an absolute path or a link."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "x").write_text("outside")
    (root / "link").symlink_to("../x")
    for data in ({"description": f"${{file:{path}}}"}, {"endpoint": {"api_key": f"${{file:{path}}}"}}):
        _, found = resolved(data, root)
        assert len(found) == 1, found


def test_every_problem_is_found() -> None:
    """All of a string, and of all strings."""
    data = {"description": "${env:A} ${var:x} ${nope}", "tags": ["${var:y}"]}
    assert resolved(data)[1] == [
        "/description env-outside-secret",
        "/description unset-variable",
        "/description bad-reference",
        "/tags/0 unset-variable",
    ]
