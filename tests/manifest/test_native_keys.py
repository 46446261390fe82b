"""The editor knows which keys a registry takes: of every kind of every driver, schema and `validate` refuse the same keys."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from cli.project import Project
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.core.document.dump import dump_yaml
from reconciler.core.kind import Kind
from reconciler.manifest.keys import key_refusal
from reconciler.manifest.native import NativeKind, check_native
from reconciler.project.schemas import RegistryShape, manifest_schema, with_key_rules
from reconciler.registry import catalog

DRIVERS: Final = catalog.built_in()
KINDS: Final = {
    f"{name}/{kind.name}": kind
    for name, driver in DRIVERS.items()
    for kind in driver.kinds.values()
    if not kind.portable
}
NATIVES: Final = {name: NativeKind.of(name.partition("/")[0], kind) for name, kind in KINDS.items()}
SCHEMA: Final = Draft202012Validator(manifest_schema(NATIVES, None))
OVERRIDES: Final = {
    name: Draft202012Validator(manifest_schema({}, {"there": RegistryShape(name, portable.model, portable.key_rules)}))
    for name, driver in DRIVERS.items()
    for portable in [next(kind for kind in driver.kinds.values() if kind.portable or kind.counts_in_guards)]
}
# every form that some registry's keys have, what is just beyond each, and what tells regular expressions apart
PARTS: Final = (
    "a",
    "A",
    "-",
    "--",
    ".",
    "..",
    "_",
    "@",
    "+",
    "/",
    "$",
    "{",
    "}",
    " ",
    "\n",
    "é",
    "0",
    "?",
    "#",
    "x" * 62,
)
WHOLE: Final = (
    *("a", "ab", "A-b", "a" * 63, "a" * 64, "a" * 250, "a" * 251, "my-model", "a--b", "ab-", "a\n", "\na", "${var:x}"),
    *("virtual-model/openai/gpt-4o", "virtual-model/openai", "virtual-model/openai/", "virtual-model/../x", "x/y"),
    *(
        "virtual-policy/p",
        "virtual-policy/",
        "virtual-policy/p/q",
        "openai",
        "openai$gpt",
        "nobody$gpt",
        "latticeflow$x",
    ),
    *("harness", "HARNESS", "harness2", "virtual-model/openai/${var:m}", "virtual-model/openai/..", "a@b", "a+b"),
)
KEYS: Final = st.sampled_from(WHOLE) | st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join)


def _deletion(name: str, **fields: Any) -> dict[str, Any]:
    """A document that is right in all but, perhaps, its keys."""
    return {"kind": name, "state": "absent", **fields}


@pytest.mark.parametrize("name", NATIVES)
@settings(max_examples=150, deadline=None)
@given(key=KEYS, old=KEYS)
def test_schema_and_validate_refuse_the_same_keys(name: str, key: str, old: str) -> None:
    """As the document's own key, and as an old one."""
    kind = KINDS[name]
    taken = next(text for text in WHOLE if key_refusal(kind.check_key, text) is None)
    for document, judged in (
        (_deletion(name, key=key), key),
        (_deletion(name, key=taken, previous_keys=[old]), old),
        (_deletion(name, key=taken, previous_keys=[taken, old]), old),
    ):
        right = key_refusal(kind.check_key, judged) is None
        assert SCHEMA.is_valid(document) == right == (not check_native(NATIVES[name], document)[1]), document


@pytest.mark.parametrize("driver", DRIVERS)
@settings(max_examples=100, deadline=None)
@given(key=KEYS)
def test_the_key_in_an_override_obeys_the_same_rules(driver: str, key: str) -> None:
    """A Model may have another key in one registry, by that registry's rules."""
    portable = next(kind for kind in DRIVERS[driver].kinds.values() if kind.portable or kind.counts_in_guards)
    document = {"kind": "Model", "key": "a", "registries": {"there": {"key": key}}}
    assert OVERRIDES[driver].is_valid(document) == ("${" not in key and _by_rules(portable, key))


def _by_rules(kind: Kind, key: str) -> bool:
    """Whether a key matches the patterns: what only a function says, the editor cannot know."""
    return Draft202012Validator(with_key_rules({"type": "string"}, kind.key_rules)).is_valid(key) and (
        kind.check_key(key) is None or not kind.key_rules
    )


@pytest.mark.parametrize("name", NATIVES)
def test_every_kind_with_a_rule_says_it_as_a_pattern(name: str) -> None:
    """A kind whose registry takes any key at all would be the first."""
    assert KINDS[name].key_rules, name


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("nemo/Secret", "a"),
        ("nemo/Model", "a" * 64),
        ("nemo/Provider", "A-b"),
        ("watsonx/Model", "my-model"),
        ("latticeflow/Integration", "azure"),
        ("insidellms/Model", "Harness"),
    ],
)
@pytest.mark.parametrize("form", ["yaml", "json", "second"])
def test_validate_tells_the_place_of_a_key(project: Project, kind: str, key: str, form: str) -> None:
    """Whatever the file's form, once, beside everything else that is wrong with the document."""
    project.write(
        "reconciler.yaml",
        """\
owner: us
registries:
  nemo: {driver: nemo, url: "http://127.0.0.1:1", workspace: team}
  wx: {driver: watsonx, url: "http://127.0.0.1:2/api/v1", token: "${env:TOKEN}"}
  aigo: {driver: latticeflow, url: "http://127.0.0.1:3", api_key: "${env:TOKEN}"}
  runs: {driver: insidellms, path: runs}
""",
    )
    document = {"kind": kind, "key": key, "state": "absent", "nothing": 1}
    if form == "json":
        project.write("manifests/a.json", json.dumps(document))
    else:
        other = dump_yaml(_deletion("nemo/Model", key="other")) + "---\n"
        project.write("manifests/a.yaml", (other if form == "second" else "") + dump_yaml(document))
    found = project.run("validate", "--format", "json").json("validate")["problems"]
    assert [(problem["rule"], problem["pointer"]) for problem in found] == [
        ("bad-key", "/key"),
        ("unknown-field", "/nothing"),
    ]
