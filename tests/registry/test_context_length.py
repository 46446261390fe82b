"""`limits.context_length` in every driver: kept where the registry has room for it, else told; never lost silently."""

from __future__ import annotations

import pytest

from reconciler.core.model import Model
from reconciler.registry.catalog import load_driver, names


@pytest.mark.parametrize("name", names())
def test_the_length_of_a_context_is_kept_or_told(name: str) -> None:
    """A warning at its place, or at that of all limits."""
    fields = {"kind": "Model", "key": "chat", "endpoint": {"url": "https://llm.example.com/v1", "model": "m"}}
    driver = load_driver(name)
    compiled = driver.compile(Model(**fields, limits={"context_length": 8192}), "chat")
    told = [one for one in compiled.inexpressible if one.pointer in ("/limits", "/limits/context_length")]
    assert (len(told) == 1) is ("8192" not in str(compiled.model.spec))
    assert not any(one.fatal for one in told)
    assert not any(one.pointer.startswith("/limits") for one in driver.compile(Model(**fields), "chat").inexpressible)
