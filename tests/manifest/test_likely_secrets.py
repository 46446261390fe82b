"""Likely secrets in documents: what is found in a part is found in the whole, whatever stands around it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest.likely_secrets import likely_secrets

# made of pieces, so that no scanner takes this file for a leak
_SIGNS = (
    "AK" + "IA" + "A1" * 8,
    "gh" + "p_" + "a1" * 12,
    "sk" + "-" + "a1" * 10,
    "-----BEGIN RSA " + "PRIVATE KEY-----",
)
_PIECES = st.sampled_from(
    (*_SIGNS, "A", "0", "-", "_", ".", " ", "\n", "https://", "user:word@", "h.example", "${env:X}")
)
_TEXTS = st.lists(_PIECES, max_size=5).map("".join)
_NAMES = st.sampled_from(("url", "api_key", "key", "note", "x-token", "description", *_SIGNS))
_VALUES = st.recursive(
    st.one_of(_TEXTS, st.integers(), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_NAMES, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(_NAMES, _VALUES, max_size=5))
def test_a_document_has_the_findings_of_its_members(document: dict[str, Any]) -> None:
    """One search over all texts at once may neither miss what one member holds, nor find what only two together look like."""
    alone = [finding for name, value in document.items() for finding in likely_secrets({name: value})]
    assert list(likely_secrets(document)) == alone


@given(st.lists(_TEXTS, max_size=5))
def test_a_list_has_the_findings_of_its_items(texts: list[str]) -> None:
    alone = [
        finding._replace(pointer=f"/note/{index}")
        for index, text in enumerate(texts)
        for finding in likely_secrets({"note": [text]})
    ]
    assert list(likely_secrets({"note": texts})) == alone
