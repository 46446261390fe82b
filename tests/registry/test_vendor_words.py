"""A field whose words are a vendor's takes words alone: no server has one that is empty, or has spaces or line ends in it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from reconciler.core import pointer as pointers
from reconciler.core.rules import KnownValues
from reconciler.core.schema.findings import formed
from reconciler.core.schema.types import Mistake, OpenChoice
from reconciler.registry.catalog import load_driver, names

FIELDS = [
    pytest.param(kind.model, path, node.rule(KnownValues), id=f"{driver}/{kind.name}.{'.'.join(path)}")
    for driver in names()
    for kind in load_driver(driver).kinds.values()
    for path, node in kind.root.walk()
    if node.rule(KnownValues) is not None and "*" not in path
]
NO_WORDS = ["", " ", "chat\n", "chat\r\n", " chat", "two words", "a\tb", "caf\u00e9", "\x00"]
WORDS = ["newer", "NEWER_ONE", "${var:word}", "${file:of words.txt}", "a-${var:b}"]


def _within(path: tuple[str, ...], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def test_there_are_such_fields() -> None:
    """Those that NeMo, AI GO! and watsonx refused, or changed, are among them."""
    found = {one.id for one in FIELDS}
    assert {"nemo/Model.backend_format", "latticeflow/Model.task", "watsonx/Model.model_type"} <= found


@pytest.mark.parametrize("text", NO_WORDS)
@pytest.mark.parametrize(("form", "path", "rule"), FIELDS)
def test_what_is_no_word_is_refused_offline(form: Any, path: tuple[str, ...], rule: OpenChoice, text: str) -> None:
    """`validate` refuses it at the field and names the known words; its server would refuse it late, or change it."""
    found = [one for one in formed(form, _within(path, text))[1] if one.pointer == pointers.join(path)]
    assert [one.rule for one in found] == ["not-allowed"]
    assert rule.values[0] in found[0].message


@pytest.mark.parametrize("text", [*WORDS, *NO_WORDS, "chat"])
def test_the_schema_says_the_same(text: str) -> None:
    """An editor underlines what `validate` refuses, and nothing else."""
    rule = OpenChoice(("chat",))
    try:
        assert rule.check(text) == text
        taken = True
    except Mistake:
        taken = False
    assert jsonschema.Draft202012Validator(rule.form()).is_valid(text) is taken
    assert taken is (text not in NO_WORDS)
