"""Warnings about values that are allowed and probably mistakes: numbers far from what is usual, whole URLs, unknown providers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reconciler.core import pointer as json_pointer
from reconciler.core.formats import path_at_end, paths_of
from reconciler.core.kind import Kind
from reconciler.core.model import Model, ModelSpec
from reconciler.core.providers import NAMES, traits_of
from reconciler.core.resource import Desired
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.schema.findings import Finding, is_mistake, nearest
from reconciler.core.spec import unusual_in, whole_addresses_in

SOURCES: Final = "a model has an `endpoint` or a `provider`"
NO_SOURCE: Final = "it names neither an `endpoint` nor a `provider`, so nothing says where the model is"


def doubts(spec: Mapping[str, Any], root: Node) -> Iterator[Finding]:
    """Warn of numbers in an object that are far from what is usual, and of base URLs that are whole ones."""
    for pointer, rule in unusual_in(spec, root):
        because = f" ({rule.reason})" if rule.reason else ""
        message = f"{json_pointer.split(pointer)[-1]!r} is usually {rule.range}{because}: is this value meant?"
        yield Finding("unlikely-value", message, pointer, severity="warning")
    for pointer, path in whole_addresses_in(spec, root):
        yield _with_path(pointer, path)


def portable_doubts(spec: Mapping[str, Any], providers: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Warn of what is doubtful in the fields of a portable Model. `providers` are those that only its registries have."""
    yield from doubts(spec, rules_of(ModelSpec))
    yield from more_answer_than_context(spec)
    yield from unknown_provider(spec, providers)


def url_with_path(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Warn of an `endpoint.url` that ends in a path of its own format. Works before references are resolved and after."""
    endpoint = data.get("endpoint")
    if not isinstance(endpoint, Mapping):
        return
    url, wire_format = endpoint.get("url"), endpoint.get("format")
    if not isinstance(url, str) or not isinstance(wire_format, str | None):
        return
    paths = paths_of("openai" if wire_format is None else wire_format.strip())
    path = path_at_end(url, paths) if paths else None
    if path is not None:
        yield _with_path("/endpoint/url", path)


def more_answer_than_context(spec: Mapping[str, Any]) -> Iterator[Finding]:
    """Warn of an answer that may be longer than the context that it must fit into."""
    context = json_pointer.get(spec, "/limits/context_length")
    pointer = "/parameters/max_completion_tokens"
    answer = json_pointer.get(spec, pointer)
    if isinstance(context, int) and isinstance(answer, int) and answer > context:
        message = "'max_completion_tokens' is more than 'context_length', into which a question and its answer must fit"
        yield Finding("unlikely-value", message, pointer, severity="warning")


def unknown_provider(spec: Mapping[str, Any], providers: frozenset[str]) -> Iterator[Finding]:
    """Warn of a provider that neither this version knows nor a registry has for its own."""
    name = json_pointer.get(spec, "/provider/name")
    if isinstance(name, str) and name not in providers and traits_of(name) is None:
        yield _provider_finding(name, "/provider/name")


def still_doubtful(doubted: Iterable[Finding], found: Iterable[Finding], roots: Iterable[Desired]) -> Iterator[Finding]:
    """The doubts about a Model that no error tells of already.

    A provider that a registry takes for the name of an object of its own is looked up by `plan`.
    """
    wrong = {item.pointer for item in found if is_mistake(item)}
    named = {item.origins.get(pointer) for item in roots for pointer in item.references}
    for item in doubted:
        if item.pointer not in wrong and not (item.rule == "unknown-provider" and item.pointer in named):
            yield item


def sourceless(model: Model, found: Iterable[Finding]) -> Iterator[Finding]:
    """Warn of a Model that names no source, unless each registry has terms of its own, or misses it already."""
    if model.state == "absent" or model.endpoint is not None or model.provider is not None:
        return
    overrides = (model.registries or {"": None}).values()
    own_terms = all(override is not None and override.model_extra for override in overrides)
    if not own_terms and not any(item.rule == "missing-field" for item in found):
        yield Finding("no-source", NO_SOURCE, "/key", suggestion=SOURCES, severity="warning")


def doubted_key(key: str, kind: Kind, pointer: str) -> Iterator[Finding]:
    """Warn of an unknown provider in a key that names one."""
    provider = kind.provider_of(key)
    if provider and traits_of(provider) is None:
        yield _provider_finding(provider, pointer)


def _provider_finding(name: str, pointer: str) -> Finding:
    """The warning of an unknown provider, with the known one that was probably meant."""
    close = nearest(name.lower(), NAMES)
    message = "this version knows no provider of that name: the registry would have to" + (
        "" if close else "; `reconciler models` lists those that are known"
    )
    return Finding("unknown-provider", message, pointer, suggestion=close, severity="warning")


def _with_path(pointer: str, path: str) -> Finding:
    message = f"it is a base URL, to which {path!r} is added, and it ends in that already: leave off {path!r}"
    return Finding("url-with-path", message, pointer, severity="warning")
