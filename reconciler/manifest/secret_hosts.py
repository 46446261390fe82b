"""Check the hosts that manifests send variables of the environment, and what commands print, to against `secrets.allow` of reconciler.yaml.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as pointers
from reconciler.core.destinations import Allowed, host_of
from reconciler.core.resource import Desired
from reconciler.core.rules import WriteOnly
from reconciler.core.schema.findings import Finding
from reconciler.core.spec import source_of
from reconciler.core.url import public_url
from reconciler.manifest.manifests import Manifest
from reconciler.registry.entry import RegistryEntry

RULE: Final = "secret-destination"


class Sent(NamedTuple):
    """A variable, or what a command prints (`cmd:NAME/REST`), that a manifest sends, where in the manifest it says so, and to which address."""

    variable: str
    pointer: str
    url: str


def sent_by(manifest: Manifest) -> Iterator[Sent]:
    """The secrets that a test, or the server of a model, sends to the model's endpoint."""
    if manifest.model is None or manifest.model.endpoint is None:
        return
    endpoint = manifest.model.endpoint
    held = endpoint.model_dump(include={"api_key", "headers"}, exclude_none=True)
    for variable, pointer in _variables(held, ("endpoint",)):
        yield Sent(variable, pointer, endpoint.url)


def destinations(
    manifests: Iterable[Manifest], desired: Iterable[Desired], entries: Mapping[str, RegistryEntry], allowed: Allowed
) -> Iterator[tuple[Manifest, Finding]]:
    """Find variables that a manifest would send to a forbidden host: its endpoint's, or a registry's."""
    addresses = _registries(desired, entries)
    for manifest in manifests:
        for sent in (*sent_by(manifest), *_written(manifest, addresses.get(manifest.source, {}))):
            if not allowed.permits(sent.variable, sent.url):
                host = host_of(sent.url)
                where = str(host) if host is not None else public_url(sent.url)
                message = (
                    f"{sent.variable} may not be sent to {where}: `secrets.allow` in reconciler.yaml does not list it"
                )
                yield manifest, Finding(RULE, message, sent.pointer)


def _registries(desired: Iterable[Desired], entries: Mapping[str, RegistryEntry]) -> dict[Any, dict[str, set[str]]]:
    """The addresses of registries that each manifest's variables are written to, as far as they are known offline."""
    found: dict[Any, dict[str, set[str]]] = {}
    for item in desired:
        entry = entries[item.address.registry]
        url = getattr(entry.settings, "url", None)
        if url is None or "${" in url or item.absent:
            continue  # a file, or known only to whoever opens it, who asks again
        root = entry.facts.kinds[item.address.kind].root
        for pointer, reference in item.secrets.items():
            node = root.find(pointers.split(pointer))
            rule = node.rule(WriteOnly) if node is not None else None
            if (source := source_of(reference)) and (rule is None or rule.keeps != "reference"):
                found.setdefault(item.resource.source, {}).setdefault(source, set()).add(url)
    return found


def _written(manifest: Manifest, addresses: Mapping[str, set[str]]) -> Iterator[Sent]:
    if not addresses:
        return
    data: Any = manifest.native.spec if manifest.native is not None else None
    if manifest.model is not None:
        data = manifest.model.model_dump(by_alias=True, exclude_none=True)
    for variable, pointer in _variables(data, ()):
        for url in sorted(addresses.get(variable, ())):
            yield Sent(variable, pointer, url)


def _variables(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The variables that data refers to, each with its pointer."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _variables(item, (*path, str(name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _variables(item, (*path, str(index)))
    elif isinstance(value, str) and (source := source_of(value)):
        yield source, pointers.join(path)
