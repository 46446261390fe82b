"""The CustomResourceDefinitions: what can be told of them without an API server (`tests/kubernetes` has one)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.controller.cluster_text import words_or_reference
from reconciler.controller.crds import Definition, definitions
from reconciler.controller.credential_names import CREDENTIAL, OTHER
from reconciler.core.schema.types import WORD
from reconciler.core.secret_names import ABOUT, FINDING, PLAIN_TOKENS, STEMS, is_secret_name
from reconciler.registry.catalog import load_driver, names

DEFINITIONS: Final = {
    made.manifest["metadata"]["name"]: made for made in definitions(load_driver(name) for name in names())
}
# kubectl stores what client-side apply sends in an annotation, whose limit is 262,144 bytes
LARGEST: Final = 262_144
# what kubectl knows already: `kubectl api-resources` of Kubernetes 1.37
BUILT_IN: Final = frozenset(
    "cm ep ev limits ns no pvc pv po rc quota sa svc deploy ds rs sts hpa cj csr crd crds netpol pdb pc sc ing vap".split()
)


def schema(made: Definition) -> dict[str, Any]:
    found: dict[str, Any] = made.manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def members(form: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a structural schema, with its path."""
    for name, member in form.get("properties", {}).items():
        yield f"{path}.{name}", member
        yield from members(member, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(form.get(word), dict):
            yield from members(form[word], f"{path}[]")


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_field_of_a_spec_is_described(name: str) -> None:
    """`kubectl explain` has a sentence for each field."""
    spec = schema(DEFINITIONS[name])["properties"]["spec"]
    assert [path for path, member in members(spec) if not member.get("description")] == []


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_fits_into_the_annotation_of_client_side_apply(name: str) -> None:
    """`kubectl apply -f` works without `--server-side`, with room for drivers that grow."""
    assert len(json.dumps(DEFINITIONS[name].manifest)) < LARGEST / 2


def test_no_name_clashes() -> None:
    """Every word that kubectl takes for a type means one of ours, and none of Kubernetes: where two have one, it guesses."""
    names_of = [made.manifest["spec"]["names"] for made in DEFINITIONS.values()]
    words = [word for one in names_of for word in (one["plural"], one["singular"], *one.get("shortNames", ()))]
    assert len(words) == len(set(words))
    assert not {*BUILT_IN, "secret", "secrets", "endpoints"} & set(words)
    assert all(one["categories"] == ["reconciler"] for one in names_of)


def test_the_api_server_writes_no_default_into_a_declared_object() -> None:
    """Only a Registry has defaults; a Model or native object is stored as it was written, so nothing differs from git."""
    for name, made in DEFINITIONS.items():
        if not name.startswith("registries."):
            assert [path for path, member in members(schema(made)["properties"]["spec"]) if "default" in member] == []


_WORDS: Final = (*STEMS, *ABOUT, *FINDING, *PLAIN_TOKENS, "token", "tokens", "tokenize", "key", "x", "author", "tenant")
NAMES: Final = st.lists(
    st.tuples(
        st.sampled_from(_WORDS),
        st.sampled_from((str.lower, str.upper, str.capitalize)),
        st.sampled_from("-_. ") | st.just(""),
    ),
    min_size=1,
    max_size=4,
).map(lambda parts: "".join(f"{case(word)}{gap}" for word, case, gap in parts))


@settings(max_examples=3000, deadline=None)
@given(NAMES)
def test_what_the_api_server_takes_for_a_credential_is_one(name: str) -> None:
    """Its pattern, which has no look-around, never refuses a header that `validate` takes."""
    if re.search(CREDENTIAL, name) and not re.search(OTHER, name):
        assert is_secret_name(name)


@pytest.mark.parametrize("name", ["Authorization", "X-Token", "x-api-key", "cookie", "openaiApiKey", "ACCESS_KEY_2"])
def test_the_api_server_knows_the_plainest_names_of_credentials(name: str) -> None:
    assert re.search(CREDENTIAL, name)
    assert not re.search(OTHER, name)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("chat", True),
        ("a-newer-word", True),
        ("${var:word}", True),
        ("${configMap:words/task}", True),
        ("${env:HOME}", False),
        ("", False),
        ("two words", False),
        ("chat\n", False),
    ],
)
def test_a_vendors_list_of_words_is_open_in_a_cluster_too(text: str, taken: bool) -> None:
    """As `validate` takes it: a newer server's word, or a reference of the cluster's, and nothing that is no word."""
    form = words_or_reference(["chat"], WORD)
    assert jsonschema.Draft202012Validator({"type": "string", **_in_python(form)}).is_valid(text) is taken


def _in_python(form: dict[str, Any]) -> dict[str, Any]:
    """A schema with RE2's end of text, which is behind a last newline, in Python's words."""
    return {
        word: _in_python(said) if isinstance(said, dict) else said.replace("$|", r"\Z|") if word == "pattern" else said
        for word, said in form.items()
    }
