"""What the rules of a kind make of one object."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.fields import OPAQUE
from reconciler.specs import MAX_DEPTH, compared, digest, too_deep


def nested(levels: int, *, of: str = "map") -> Any:
    """That many maps, or lists, inside each other."""
    value: Any = {} if of == "map" else []
    for _ in range(levels - 1):
        value = {"x": value} if of == "map" else [value]
    return value


@pytest.mark.parametrize("of", ["map", "list"])
def test_what_goes_deeper_than_a_manifest_may_is_too_deep(of: str) -> None:
    """Told by counting levels, so that no depth is too much for the telling."""
    assert not too_deep(nested(1, of=of))
    assert not too_deep(nested(MAX_DEPTH, of=of))
    assert too_deep(nested(MAX_DEPTH + 1, of=of))
    assert too_deep(nested(50_000, of=of))
    assert not too_deep({"wide": [{"a": [1, "text", None]}] * 1000})


def test_two_excluded_items_of_one_list_are_both_left_out() -> None:
    """The first one that goes does not make the second one another."""
    assert compared({"l": [1, 2, 3]}, OPAQUE, ("/l/0", "/l/1")) == compared({"l": [8, 9, 3]}, OPAQUE, ("/l/1", "/l/0"))


def test_equal_data_has_one_digest() -> None:
    """Whatever the order of its keys; True is not 1; and halves of surrogate pairs have one too."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": True})
    assert len(digest({"file": "\udcff"})) == 64
