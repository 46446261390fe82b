"""The frozen values: what is a mark of ours, and what somebody else wrote there."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from reconciler.core.resource import Mark, Resource

WHOLE = Mark("us", "chat", protected=True, applied="a" * 16, excluded=("/a", "/b/0"), fingerprints={"/k": "b" * 16})


def test_a_mark_is_the_same_again() -> None:
    """All of it survives the registry, and what is empty takes no room there."""
    assert Mark.from_json(WHOLE.to_json()) == WHOLE
    assert Mark("us", "chat").to_json() == {"owner": "us", "key": "chat"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"owner": None},
        {"key": 1},
        {"protected": "yes"},
        {"applied": 5},
        {"excluded": "/a"},
        {"excluded": ["nope"]},
        {"excluded": ["/a", 1]},
        {"excluded": [""]},
        {"excluded": [None]},
        {"fingerprints": ["/k"]},
        {"fingerprints": {"nope": "x"}},
        {"fingerprints": {"/k": 1}},
        {"fingerprints": {1: "x"}},
    ],
    ids=str,
)
def test_what_is_no_mark_of_ours_is_refused(wrong: dict[str, Any]) -> None:
    """Also where only something inside it is wrong: every plan follows its pointers."""
    with pytest.raises(ValueError, match="not a mark"):
        Mark.from_json(WHOLE.to_json() | wrong)


def test_an_object_with_other_content_keeps_all_else() -> None:
    """Whatever fields an object has, or will have."""
    whole = Resource(**{field.name: field.name for field in fields(Resource)})
    content: Any = {"spec": {"a": 1}, "unmanaged": {"b": 2}, "mark": WHOLE}
    held, same = whole.holding(**content), replace(whole, **content)
    assert [getattr(held, field.name) for field in fields(Resource)] == [
        getattr(same, field.name) for field in fields(Resource)
    ]
