"""Fingerprints of secrets."""

from __future__ import annotations

import pytest

from reconciler.core.fingerprint import fingerprint
from reconciler.core.secret import Secret

KEY, ADDRESS, PLACE, VALUE = "key", "one/Secret/a", "/value", "hunter2"


def test_a_fingerprint_is_of_one_value_at_one_place_under_one_key() -> None:
    """Equal only where all four are equal, the key's id and 16 hex digits, and nothing of the value in them."""
    given = [
        (KEY, ADDRESS, PLACE, VALUE),
        ("other", ADDRESS, PLACE, VALUE),
        (KEY, "one/Secret/b", PLACE, VALUE),
        (KEY, ADDRESS, "/other", VALUE),
        (KEY, ADDRESS, PLACE, "hunter3"),
        (KEY, ADDRESS, PLACE, "\udcff"),
    ]
    found = [fingerprint(Secret(key), address, place, Secret(value)) for key, address, place, value in given]
    assert len(set(found)) == len(given)
    assert [len(bytes.fromhex(part)) for text in found for part in text.split(":")] == [4, 8] * len(given)
    assert found[0] == fingerprint(Secret(KEY), ADDRESS, PLACE, Secret(VALUE))


@pytest.mark.parametrize("value", ["", "a\0b"])
def test_any_value_has_one(value: str) -> None:
    """Empty or odd, it is still only a value."""
    assert len(fingerprint(Secret(KEY), ADDRESS, PLACE, Secret(value))) == 8 + 1 + 16
