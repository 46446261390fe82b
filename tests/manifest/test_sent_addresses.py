"""The addresses in the objects of every driver: `secrets.allow` can bound only what is known to be one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from reconciler.core.kind import Kind
from reconciler.manifest.sent_addresses import addresses_in
from reconciler.registry.catalog import DRIVERS, load_driver

# addresses to which no secret goes: a name of rights, and where a version's files come from
NOWHERE = {"litellm_params/azure_scope", "source", "run_link"}
KINDS = [
    pytest.param(kind, id=f"{driver}/{name}") for driver in DRIVERS for name, kind in load_driver(driver).kinds.items()
]


def examples(
    schema: Mapping[str, Any], known: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The fields whose own example is an address."""
    schema = {**known.get(str(schema.get("$ref", "")).rpartition("/")[2], {}), **schema}
    for example in schema.get("examples", ()):
        if isinstance(example, str) and "://" in example:
            yield path, example
    for form in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from examples(form, known, path)
    for name, below in schema.get("properties", {}).items():
        yield from examples(below, known, (*path, name))


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_is_an_address_is_known_to_be_one(kind: Kind) -> None:
    """A field that a driver gains, too: its own example says that it is an address."""
    schema = kind.model.model_json_schema(by_alias=True)
    for path, example in examples(schema, schema.get("$defs", {})):
        spec: Any = example
        for name in reversed(path):
            spec = {name: spec}
        found = [(one.pointer, one.url) for one in addresses_in(spec, kind)]
        where = "/".join(path)
        assert found == ([] if where in NOWHERE else [(f"/{where}", example)])


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ({"api_base": "evil.example.com/v1"}, "//evil.example.com/v1"),
        ({"api_base": "//evil.example.com"}, "//evil.example.com"),
        ({"api_base": " http:\\\\evil.example.com"}, "http://evil.example.com"),
        ({"api_base": "os.environ/EVIL"}, "//os.environ/EVIL"),
        ({"model": "huggingface/https://evil.example.com"}, "https://evil.example.com"),
        ({"newBaseUrl": "evil.example.com"}, "//evil.example.com"),
        ({"odd": "http://evil.example.com"}, "http://evil.example.com"),
        ({"odd": [{"deep": "wss://evil.example.com"}]}, "wss://evil.example.com"),
        ({"api_base": "${file:url.txt}"}, "//${file:url.txt}"),
    ],
    ids=str,
)
def test_an_address_is_known_however_it_is_written(params: dict[str, Any], url: str) -> None:
    """By its field's name, and where nobody declares the field, by its form."""
    kind = load_driver("litellm").kinds["Model"]
    assert [one.url for one in addresses_in({"litellm_params": params}, kind)] == [url]


@pytest.mark.parametrize(
    "spec",
    [
        {"model_info": {"docs_url": "https://docs.example.com"}},
        {"litellm_params": {"extra_headers": {"HTTP-Referer": "https://cx.example.com"}}},
        {"litellm_params": {"model": "openai/x", "use_litellm_proxy": True}},
        {"litellm_params": {"api_base": "${env:LLM_URL}"}},
        {"litellm_params": {"api_base": ""}},
    ],
    ids=str,
)
def test_what_receives_nothing_is_no_address(spec: dict[str, Any]) -> None:
    """A page to read, a header that names our own site, a variable's value, which `secrets.allow` bounds by itself."""
    assert list(addresses_in(spec, load_driver("litellm").kinds["Model"])) == []
