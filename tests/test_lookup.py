"""Objects found by key or address, and what is said where that is not one."""

from __future__ import annotations

import pytest

from reconciler.core.errors import UsageError
from reconciler.core.resource import Address, Resource
from reconciler.project.lookup import only


@pytest.mark.parametrize(
    ("registries", "hint"), [("ab", "give the address"), ("aa", "remove all but one of them in a")]
)
def test_an_address_is_asked_for_only_where_it_tells_objects_apart(registries: str, hint: str) -> None:
    """A registry that holds two objects of one address has to lose one of them."""
    found = [Resource(Address(name, "Model", "chat"), {}) for name in registries]
    with pytest.raises(UsageError) as caught:
        only("chat", found)
    assert caught.value.hint == hint
