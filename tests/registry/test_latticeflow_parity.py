"""What an editor underlines in a manifest of AI GO! is what `validate` reports: schema and checks accept the same documents."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from manifest.schema_documents import broken
from registry.latticeflow_samples import CERTIFIED, OTHERS, TYPES

from reconciler.core import pointer as pointers
from reconciler.manifest.model_check import check_model
from reconciler.manifest.native import check_native
from reconciler.project.registries import native_kinds_of
from reconciler.project.schemas import manifest_schema
from reconciler.registry.latticeflow import DRIVER

KINDS: Final = native_kinds_of([DRIVER])
MANIFESTS: Final = Draft202012Validator(manifest_schema(KINDS, None))
NATIVE: Final = (*TYPES, CERTIFIED, *OTHERS)
DOCUMENTS: Final = {sample.key: sample.document for sample in NATIVE}
VALUES: Final = (
    None,
    True,
    0,
    -1,
    1.0,
    1.5,
    "",
    "text",
    "a\nb",
    "Ü",
    "${env:KEY}",
    "${file:a.txt}",
    "${var:a}",
    "x ${env:KEY}",
    "$${",
    [],
    ["a"],
    {},
    {"name": "A"},
    {"name": "a.b"},
    {"name": ""},
    {"name": 1},
    {"name": "A", "more": 1},
    {"key": "a"},
    {"key": "a b"},
    {"X-Token": "literal"},
    {"X-Tenant": None},
    {"X-Tenant": [1]},
)

thorough: Final = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def is_right(data: Any) -> bool:
    """Whether `validate` finds nothing wrong with the form of one document."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind == "Model":  # after an accident
        return not check_model(data)[1]
    return isinstance(kind, str) and kind in KINDS and not check_native(KINDS[kind], data)[1]


def differing(documents: Iterator[Any]) -> list[Any]:
    """The documents of which the schema says one thing and the check another."""
    return [data for data in documents if MANIFESTS.is_valid(data) != is_right(data)]


def places(value: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*prefix, name)
            yield from places(item, (*prefix, name))


def spoiled(data: Any) -> Iterator[Any]:
    """Every odd value at every place, every place missing, and one more name in every map."""
    for place in places(data):
        pointer = pointers.join(place)
        yield pointers.remove(data, pointer)
        for value in VALUES:
            yield pointers.put(data, pointer, copy.deepcopy(value))
        if isinstance(pointers.get(data, pointer), dict):
            yield pointers.put(data, f"{pointer}/unknown", "x")
            yield pointers.put(data, f"{pointer}/X-Api-Key", "x")


@pytest.mark.parametrize("key", DOCUMENTS)
def test_the_samples_are_right_and_so_is_each_update(key: str) -> None:
    """What the contract suite writes, a person may write."""
    sample = next(one for one in NATIVE if one.key == key)
    every = [
        sample.document,
        *(pointers.put(sample.document, at, one) for at, all_ in sample.updates.items() for one in all_),
    ]
    for document in every:
        assert is_right(document), document
        assert MANIFESTS.is_valid(document), document


@pytest.mark.parametrize("key", DOCUMENTS)
def test_every_accident_is_judged_alike(key: str) -> None:
    """Every odd value in every field, at every depth, every field missing and misspelt: both agree."""
    assert differing(spoiled(DOCUMENTS[key])) == []


@thorough
@given(broken(st.sampled_from(sorted(DOCUMENTS)).map(lambda key: copy.deepcopy(DOCUMENTS[key]))))
def test_whatever_happens_to_a_document_is_judged_alike(data: Any) -> None:
    """Several accidents at once, absent documents among them."""
    assert MANIFESTS.is_valid(data) == is_right(data)


@thorough
@given(st.sampled_from(sorted(DOCUMENTS)), st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_mixed_connections_are_judged_alike(one: str, other: str, data: st.DataObject) -> None:
    """Fields of one connection in another: what `connection_type` says decides, for both."""
    first, second = DOCUMENTS[one], DOCUMENTS[other]
    if "config" not in first or "config" not in second:
        return
    names = data.draw(st.sets(st.sampled_from(sorted({*first["config"], *second["config"]}))))
    config = {name: (second["config"] | first["config"])[name] for name in names}
    mixed = first | {"config": config}
    assert MANIFESTS.is_valid(mixed) == is_right(mixed)
