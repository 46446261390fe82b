"""Turn the objects of a cluster into manifests of one registry: the loop's input, in the engine's terms.

`${secret:NAME/KEY}` becomes `${cmd:secret/NAME/KEY}`, a secret that a command named `secret` gives: here the API server,
on a laptop whatever reconciler.yaml names. `${configMap:NAME/KEY}` becomes a variable. What would read the controller's
own environment, files or commands is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.controller.cluster import Data, ObjectKey, ResourceType, key_of
from reconciler.core import pointer as json_pointer

SECRET: Final = "secret"  # noqa: S105  # the name of a command
_TOKEN: Final = re.compile(r"\$\$\{|\$\{([A-Za-z]+):([^{}]*)\}")
_NAMED: Final = re.compile(r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)/([A-Za-z0-9._-]{1,253})")
_REFUSED: Final = frozenset({"env", "file", "cmd"})
_WAY_OUT: Final = "${secret:NAME/KEY} in a secret field, ${configMap:NAME/KEY} elsewhere"


class Named(NamedTuple):
    """One value of a Secret or ConfigMap of the namespace."""

    kind: str  # secret or configMap
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value of an object that cannot be used: where, and why."""

    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class ClusterDocument:
    """One object as a manifest: its data, the values that it names, and what is wrong with its references."""

    key: ObjectKey
    resource: ResourceType
    generation: int
    data: Mapping[str, Any]
    named: frozenset[Named]
    refusals: tuple[Refusal, ...]

    @property
    def file(self) -> str:
        """The name under which the engine knows the document."""
        return f"{self.resource.name}/{self.key}.json"


def model_document(item: Mapping[str, Any], resource: ResourceType, registry: str) -> ClusterDocument:
    """A Model object as the manifest of one registry: what it says of others is left out."""
    spec = dict(item.get("spec") or {})
    registries = spec.pop("registries", None)
    override = (registries or {}).get(registry)
    data = {"kind": "Model", "key": spec.pop("key", None) or key_of(item).name, **spec}
    data["registries"] = {registry: override}
    return _document(item, resource, data)


def native_document(item: Mapping[str, Any], resource: ResourceType, kind: str, registry: str) -> ClusterDocument:
    """A native object as a manifest."""
    spec = dict(item.get("spec") or {})
    data = {"kind": kind, "key": spec.pop("key", None) or key_of(item).name, **spec, "registry": registry}
    return _document(item, resource, data)


def _document(item: Mapping[str, Any], resource: ResourceType, data: Data) -> ClusterDocument:
    references = References()
    translated = references.translate(data)
    return ClusterDocument(
        key_of(item),
        resource,
        int(item["metadata"].get("generation", 0)),
        translated,
        frozenset(references.named),
        tuple(references.refusals),
    )


class References:
    """The references of one document, translated into the engine's. Gathers what is named, and what is refused."""

    def __init__(self) -> None:
        self.named: set[Named] = set()
        self.refusals: list[Refusal] = []

    def translate(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """The value with its references as the engine writes them."""
        if isinstance(value, str):
            return self._text(value, path) if "${" in value else value
        if isinstance(value, dict):
            return {name: self.translate(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.translate(item, (*path, str(index))) for index, item in enumerate(value)]
        return value

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        return _TOKEN.sub(lambda match: self._token(match, path), text)

    def _token(self, match: re.Match[str], path: tuple[str, ...]) -> str:
        scheme, rest = match[1], match[2]
        if scheme in _REFUSED:
            self._refuse(path, f"${{{scheme}:…}} is refused in a cluster: write {_WAY_OUT}")
        if scheme not in ("secret", "configMap"):
            return match[0]
        found = _NAMED.fullmatch(rest)
        if found is None:
            self._refuse(path, f"a reference in a cluster is {_WAY_OUT}")
            return match[0]
        self.named.add(Named(scheme, found[1], found[2]))
        return f"${{cmd:{SECRET}/{rest}}}" if scheme == "secret" else f"${{var:{variable(found[1], found[2])}}}"

    def _refuse(self, path: tuple[str, ...], message: str) -> None:
        self.refusals.append(Refusal(json_pointer.join(path), message))


def names_in(spec: Mapping[str, Any]) -> frozenset[Named]:
    """All values of Secrets and ConfigMaps that a spec names, by reference or by `secretKeyRef`."""
    references = References()
    plain, named = settings_of(spec, frozenset())
    references.translate(plain)
    return named | references.named


def variable(name: str, key: str) -> str:
    """The variable that holds one value of a ConfigMap."""
    return f"configMap/{name}/{key}"


def secret_reference(name: str, key: str) -> str:
    """The engine's reference to one value of a Secret."""
    return f"${{cmd:{SECRET}/{name}/{key}}}"


def settings_of(spec: Mapping[str, Any], own: Iterator[str] | frozenset[str]) -> tuple[Data, frozenset[Named]]:
    """A Registry's spec as an entry of `registries`: each `secretKeyRef` as a reference. `own` are the fields that are not the driver's."""
    named: set[Named] = set()
    left_out = frozenset(own)

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            reference = value.get("secretKeyRef")
            if isinstance(reference, Mapping) and set(value) == {"secretKeyRef"}:
                name, key = str(reference.get("name", "")), str(reference.get("key", ""))
                named.add(Named("secret", name, key))
                return secret_reference(name, key)
            return {member: plain(item) for member, item in value.items()}
        return value

    return {name: plain(value) for name, value in spec.items() if name not in left_out}, frozenset(named)
