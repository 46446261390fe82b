"""Label selectors: the four forms, commas, and that a part of the models is exactly those that meet all requirements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.errors import UsageError
from reconciler.core.resource import Address, Desired, DesiredState, Resource
from reconciler.project.selection import parse_selector, select

LABELS = ("team", "tier")
VALUES = ("cx", "ml", "1")


def state(*labels: dict[str, str]) -> DesiredState:
    items = tuple(
        Desired(Resource(Address("one", "Model", f"m{number}"), {}), f"m{number}", labels=given_labels)
        for number, given_labels in enumerate(labels)
    )
    return DesiredState(items, frozenset(item.address for item in items), complete=True, documents=len(items))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("team=cx", {"m0", "m1"}),
        ("team==cx", {"m0", "m1"}),
        ("team!=cx", {"m2", "m3"}),
        ("tier", {"m1", "m2"}),
        ("!tier", {"m0", "m3"}),
        ("team=cx,tier", {"m1"}),
        (" team = cx , !tier ", {"m0"}),
    ],
)
def test_the_forms(text: str, keys: set[str]) -> None:
    """As in kubectl: `!=` also holds where there is no such label."""
    desired = state({"team": "cx"}, {"team": "cx", "tier": "1"}, {"team": "ml", "tier": "2"}, {})
    chosen = select(desired, [text])
    assert {item.key for item in chosen.resources} == keys
    assert not chosen.complete


@pytest.mark.parametrize("text", ["", ",", "=x", "!", "!=x", "team=cx,", "!team=x", "a!b"])
def test_what_is_no_selector(text: str) -> None:
    """It is refused, and the forms are named."""
    with pytest.raises(UsageError, match="is no requirement"):
        parse_selector(text)


labels = st.dictionaries(st.sampled_from(LABELS), st.sampled_from(VALUES))
requirements = st.one_of(
    st.builds("{}={}".format, st.sampled_from(LABELS), st.sampled_from(VALUES)),
    st.builds("{}!={}".format, st.sampled_from(LABELS), st.sampled_from(VALUES)),
    st.sampled_from(LABELS),
    st.builds("!{}".format, st.sampled_from(LABELS)),
)


@given(st.lists(labels, min_size=1, max_size=6), st.lists(requirements, min_size=1, max_size=3))
def test_commas_and_repeats_mean_the_same(given_labels: list[dict[str, str]], texts: list[str]) -> None:
    """All must hold; a negated requirement chooses exactly the rest."""
    desired = state(*given_labels)

    def chosen(*selectors: str) -> set[str]:
        try:
            return {item.key for item in select(desired, selectors).resources}
        except UsageError:
            return set()

    each = [chosen(text) for text in texts]
    assert chosen(",".join(texts)) == chosen(*texts) == set.intersection(*each)
    for label in LABELS:
        assert chosen(label) | chosen(f"!{label}") == {item.key for item in desired.resources}
