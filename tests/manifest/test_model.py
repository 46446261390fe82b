"""The portable Model's form, as `check_model` judges it before references are resolved and after."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.schema.types import Resolved
from reconciler.manifest.model_check import check_model


def rules(**fields: Any) -> list[str]:
    _, found = check_model({"kind": "Model", "key": "a", **fields})
    return [f"{finding.pointer} {finding.rule}" for finding in found]


@pytest.mark.parametrize("key", ["a", "A1", "a.b_c-d", "0", "x" * 250])
def test_a_key_is_plain_text(key: str) -> None:
    """Letters, digits, `.`, `_` and `-`, up to 250."""
    assert rules(key=key) == []


@pytest.mark.parametrize("key", ["", "-a", ".a", "a b", "a/b", "a\n", "ä", "x" * 251, 3, None, True, ["a"]])
def test_anything_else_is_no_key(key: Any) -> None:
    """Not even a number, nor a last newline."""
    assert len(rules(key=key)) == 1


@pytest.mark.parametrize(("text", "number"), [("3", 3), (" 3\n", 3), ("3.0", 3), ("-0", 0), ("1e2", 100)])
def test_a_resolved_reference_becomes_a_number(text: str, number: int) -> None:
    """The text of a file ends with a newline; 3.0 is an integer."""
    model, found = check_model({"kind": "Model", "key": "a", "parameters": {"seed": Resolved(text)}})
    assert found == []
    assert model is not None
    assert model.parameters is not None
    assert model.parameters.seed == number


@pytest.mark.parametrize(
    "text", ["", "x", "1e400", "-1e400", "nan", "inf", "1_000", "0x10", "٣", "1.5", "9" * 5000, "true"]
)
def test_a_resolved_reference_that_is_no_number_is_refused(text: str) -> None:
    """Nothing that JSON could not hold, and nothing that only Python reads as a number."""
    assert rules(parameters={"seed": Resolved(text)}) == ["/parameters/seed wrong-type"]


@pytest.mark.parametrize(
    ("text", "fine"), [("true", True), (" false\n", True), ("True", False), ("yes", False), ("1", False), ("", False)]
)
def test_a_resolved_reference_becomes_a_boolean(text: str, fine: bool) -> None:
    """true and false, nothing near them."""
    assert (rules(protected=Resolved(text)) == []) == fine


def test_absent_and_protected_contradict_each_other() -> None:
    """Also where `protected` is a reference."""
    assert rules(state="absent", protected=True) == ["/protected absent-protected"]
    assert rules(state="absent", protected=Resolved("true")) == ["/protected absent-protected"]
    assert rules(state="absent", protected=False) == []


@pytest.mark.parametrize(
    "url", ["http://x", "https://x.example.com:8080/v1?a=b", "https://${var:host}/v1", "https://x/@team"]
)
def test_a_url_is_http(url: str) -> None:
    """With or without a reference in it."""
    assert rules(endpoint={"url": url}) == []


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://x", "https://", "https://u:p@x", "https://u@x", "https://x y", "//x", "javascript:alert(1)"]
)
def test_anything_else_is_no_url(url: str) -> None:
    """User-info would be a literal secret."""
    assert len(rules(endpoint={"url": url})) == 1


def test_one_problem_is_told_once() -> None:
    """One wrong value, one problem."""
    assert rules(parameters={"stop": [1]}) == ["/parameters/stop/0 wrong-type"]
    assert rules(endpoint=[1], tags=3) == ["/endpoint wrong-type", "/tags wrong-type"]
