"""Fields that a revision changed: secrets by place only, and what differs in a credential alone."""

from __future__ import annotations

from reconciler.core.resource import Mark
from reconciler.planner.diff import FieldChange
from reconciler.planner.revisions import changed_fields, mark_changes
from reconciler.registry.local import KINDS

MODEL = KINDS["Model"]
KEYED = {"endpoint": {"url": "https://a.example", "api_key": "${env:KEY}"}}


def marked(print_: str) -> Mark:
    return Mark("us", "a", fingerprints={"/endpoint/api_key": print_})


def test_a_new_value_under_the_same_reference_is_a_change() -> None:
    """Told by the fingerprints of one key; those of different keys, or a missing one, say nothing."""
    changed = (FieldChange("/endpoint/api_key", sensitive=True),)
    assert changed_fields(KEYED, KEYED, (marked("k:one"), marked("k:two")), MODEL) == changed
    for then, now in ((marked("k:one"), marked("k:one")), (marked("k:one"), marked("l:two")), (None, marked("k:one"))):
        assert changed_fields(KEYED, KEYED, (then, now), MODEL) == ()


def test_a_secret_that_goes_or_moves_shows_no_side() -> None:
    """Also where the other side is no secret."""
    for other in (
        {"endpoint": {"url": "https://a.example"}},
        {"endpoint": {"url": "https://a.example", "api_key": "x"}},
    ):
        for sides in ((KEYED, other), (other, KEYED)):
            assert changed_fields(*sides, (None, None), MODEL) == (FieldChange("/endpoint/api_key", sensitive=True),)


def test_what_differs_in_a_credential_alone_is_sensitive() -> None:
    """Two addresses that look the same without it are a change all the same."""
    then, now = ({"endpoint": {"url": f"https://me:{word}@a.example/v1"}} for word in ("hunter2", "hunter3"))
    (change,) = changed_fields(then, now, (None, None), MODEL)
    assert (change.path, change.sensitive) == ("/endpoint/url", True)
    assert "hunter" not in repr(change)


def test_the_mark_tells_owner_and_protection() -> None:
    """Nothing of what we keep for ourselves."""
    assert list(mark_changes(None, Mark("us", "a", protected=True))) == [
        ("owner", None, "us"),
        ("protected", False, True),
    ]
    assert list(mark_changes(marked("k:1"), marked("k:2"))) == []
