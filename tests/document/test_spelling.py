"""What the raw text of a file cannot say, no value in it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.core import document
from reconciler.core.document.spelling import may_say

PARTS = ("${", "${file:", "extends", "Template")
SPELLINGS = (
    "{}",
    "\\x{:02x}",
    "\\u{:04x}",
    "\\U{:08x}",
    "\\\n {}",
    "\\\r\n\t{}",
    "\\\x85{}",
    "\\\u2028{}",
)


def texts(value: Any) -> Iterator[str]:
    """All texts in data, names included."""
    if isinstance(value, str):
        yield value
    for item in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(item)


@given(st.sampled_from(PARTS), st.data())
def test_a_spelt_part_is_never_missed(part: str, data: st.DataObject) -> None:
    """Each character as it is, as an escape, or behind the end of a line that goes on."""
    chosen = data.draw(st.lists(st.sampled_from(SPELLINGS), min_size=len(part), max_size=len(part)))
    spelt = "".join(
        form.format(char if form.endswith("{}") else ord(char)) for form, char in zip(chosen, part, strict=True)
    )
    for text, name in ((f'a: "{spelt}"\n', "a.yaml"), (f'{{"{spelt}": 1}}', "a.json")):
        values = [one for item in document.load(text, name).documents for one in texts(item.value)]
        assert may_say(text, part) or not any(part in one for one in values)


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
@given(st.text(alphabet="${\\\"'xuU0247b:- \n\r\t>|!&*#,[]}\x85\u2028/", max_size=24))
@example('"\\x24{"')
@example('"$\\\n{"')
@example(">\n $\n {")
def test_nothing_that_a_value_holds_is_missed(name: str, text: str) -> None:
    """Whatever else YAML or JSON may make of a text."""
    values = [one for item in document.load(text, name).documents for one in texts(item.value)]
    assert may_say(text, "${") or not any("${" in one for one in values)


def test_a_text_without_escapes_says_no_more_than_it_shows() -> None:
    """Else the filter would be none: a Windows path or a pattern is no escape of a character."""
    assert not may_say(json.dumps({"path": "C:\\temp", "quote": '"', "line": "a\nb"}), "${")
    assert not may_say("kind: Model\n", "${")
