"""A newcomer with the vendor's own field name gets a way on: each kind says so beside its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.core import document
from reconciler.core import pointer as pointers
from reconciler.core.model import HINTS, Model, Template
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.schema.findings import Finding, formed
from reconciler.manifest.model_check import check_model
from reconciler.manifest.native import COMMON_FIELDS, NativeKind, check_native
from reconciler.manifest.policies.read import PolicyDocument
from reconciler.project.config import Config
from reconciler.registry.catalog import load_driver, names

KINDS = [
    (f"{driver}/{kind.name}", kind.root, kind.hints)
    for driver in names()
    for kind in load_driver(driver).kinds.values()
    if kind.hints
]


@pytest.mark.parametrize(
    ("root", "hints"),
    [
        pytest.param(rules_of(Model), HINTS, id="Model"),
        *(pytest.param(root, hints, id=name) for name, root, hints in KINDS),
    ],
)
def test_every_hint_leads_somewhere(root: Node, hints: Mapping[str, str]) -> None:
    """A hint that is one word names a field that is there: of the object, or beside the field that is meant."""
    for place, hint in hints.items():
        path = tuple(hint.split("."))
        beside = _holder(root, pointers.split(place)[:-1]).find(path)
        assert " " in hint or hint in COMMON_FIELDS or beside is not None or root.find(path) is not None, (place, hint)


def _holder(root: Node, parts: tuple[str, ...]) -> Node:
    """The node at a path; `*` is any member."""
    for part in parts:
        below = next(iter(root.children.values())) if part == "*" else root.child(part)
        assert below is not None, part
        root = below
    return root


def native(driver: str, kind: str, **fields: Any) -> list[Finding]:
    found = NativeKind.of(driver, load_driver(driver).kinds[kind])
    return check_native(found, {"kind": found.name, "key": "a", **fields})[1]


ACCOUNT = {"type": "service_account", "private_key": "s3cr3t"}


@pytest.mark.parametrize(
    ("found", "pointer", "hint"),
    [
        (check_model({"kind": "Model", "name": "a"})[1], "/name", "key"),
        (native("watsonx", "Model", name="virtual-model/openai/a"), "/name", "key"),
        (native("watsonx", "Model", connection_id="0b3c"), "/connection_id", "app_id"),
        (
            native("watsonx", "Model", provider_config={"provider": "openai"}),
            "/provider_config/provider",
            "part of the key",
        ),
        (
            native("watsonx", "Model", provider_config={"vertexServiceAccountJson": ACCOUNT}),
            "/provider_config/vertexServiceAccountJson",
            "${file:sa.json}",
        ),
        (
            native("watsonx", "Connection", environments={"draft": {"kind": "basic"}}),
            "/environments/draft/kind",
            "security_scheme",
        ),
        (native("nemo", "Model", workspace="team"), "/workspace", "reconciler.yaml"),
        (native("nemo", "Model", api_endpoint={"api_key": "k"}), "/api_endpoint/api_key", "nemo/Provider"),
        (native("nemo", "Provider", host_url="https://x.example.com", api_key="k"), "/api_key", "nemo/Secret"),
        (native("latticeflow", "Secret", name="A", value="${env:A}"), "/name", "key"),
        (
            native("insidellms", "Model", model={"type": "openai", "args": {"max_tokens": 1}}),
            "/model/args/max_tokens",
            "generation",
        ),
    ],
)
def test_a_vendors_name_leads_to_ours(found: list[Finding], pointer: str, hint: str) -> None:
    """The finding at that field says what to write instead, and repeats no value."""
    (finding,) = [one for one in found if one.pointer == pointer]
    assert hint in str(finding.suggestion)
    assert "s3cr3t" not in repr(found)


def _forms() -> list[Any]:
    """Every form that a document, an entry of reconciler.yaml or a part of them may have."""
    native = [kind.model for driver in names() for kind in load_driver(driver).kinds.values()]
    return [Model, Template, Config, PolicyDocument, *native, *(load_driver(driver).settings for driver in names())]


@pytest.mark.parametrize("form", _forms(), ids=lambda form: f"{form.__module__}.{form.__qualname__}")
def test_where_a_map_or_a_list_belongs_an_example_shows_it(form: Any) -> None:
    """Whoever writes `provider: openai` is told what to write; and what is told is right in that place."""
    for name in (info.alias or name for name, info in form.model_fields.items()):
        for found in formed(form, {name: "text"})[1]:
            if found.pointer != f"/{name}" or found.suggestion is None or not found.suggestion.startswith("write `"):
                continue
            loaded = document.load(found.suggestion.removeprefix("write `").removesuffix("`"), "example.yaml")
            assert not loaded.problems
            data = loaded.documents[0].value
            assert list(data) == [name]
            assert [one for one in formed(form, data)[1] if one.pointer.startswith(f"/{name}")] == []


@pytest.mark.parametrize(
    ("data", "pointer", "hint"),
    [
        ({"provider": "openai"}, "/provider", "write `provider: {name: openai, model: gpt-5-nano}`"),
        ({"endpoint": "https://x.example.com"}, "/endpoint", "write `endpoint: {url: https://llm.example.com/v1}`"),
        ({"tags": "prod"}, "/tags", "write `tags: [support, prod]`"),
        (
            {"endpoint": {"url": "https://x.example.com", "tls": True}},
            "/endpoint/tls",
            'write `tls: {verify: true, ca: "${file:ca.pem}"}`',
        ),
        ({"registries": {"local": 5}}, "/registries/local", None),  # the user's own name, which is not repeated
    ],
)
def test_a_bare_value_where_a_map_belongs(data: dict[str, Any], pointer: str, hint: str | None) -> None:
    """The form of the field stands under the error."""
    (found,) = [one for one in check_model({"kind": "Model", "key": "a", **data})[1] if one.pointer == pointer]
    assert (found.rule, found.suggestion) == ("wrong-type", hint)
