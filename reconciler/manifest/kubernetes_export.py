"""Manifests as objects of Kubernetes. Pure.

What a manifest says by `${env:NAME}`, `${file:path}` and `${cmd:NAME/REST}` is in a cluster the value of a Secret or
ConfigMap of a fixed name: `named` tells which must exist. `kubernetes_objects` reads the objects back.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core import pointer as json_pointer
from reconciler.core.rules import OPAQUE, Node, WriteOnly
from reconciler.core.schema.findings import Finding
from reconciler.manifest.kubernetes_objects import ELSEWHERE, GROUP, MODEL, VERSION
from reconciler.manifest.kubernetes_references import (
    AS_WRITTEN,
    COMMANDS,
    CONFIG_MAP,
    ENVIRONMENT,
    FILES,
    IN_A_CLUSTER,
    SECRET,
    Named,
    encoded,
)
from reconciler.manifest.templates import DocumentPlace

LONGEST_NAME: Final = 253  # characters of an object's name, and of a key of a Secret
LONGEST_SLUG: Final = 200
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_NOT_IN_SLUGS: Final = re.compile(r"[^a-z0-9]+")
_TOKEN: Final = re.compile(r"\$\$\{|\$\{(env|file|cmd|var):([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Written:
    """A document as an object: the object, what it names, and why it cannot be one."""

    manifest: dict[str, Any]
    named: frozenset[Named]
    findings: tuple[Finding, ...]


def is_name(text: str) -> bool:
    """Tell whether an object may have this name."""
    return len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def name_of(key: str) -> str:
    """The name of the object that declares `key`: the key where it can be one, else what is left of it and a hash."""
    if is_name(key):
        return key
    slug = _NOT_IN_SLUGS.sub("-", key.lower()).strip("-")[:LONGEST_SLUG].rstrip("-")
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else f"model-{digest}"


def object_of(data: Mapping[str, Any], node: Node, folder: str, namespace: str | None = None) -> Written:
    """The object that declares what a manifest does. `folder` is the manifest's, relative to the project root."""
    kind, key = str(data["kind"]), str(data["key"])
    said = {name: value for name, value in data.items() if name not in ("kind", "key")}
    findings = [
        Finding(
            "not-expressible",
            f"{name!r} cannot be said in a cluster",
            f"/{name}",
            at_key=True,
            suggestion=ELSEWHERE[name],
        )
        for name in said
        if name in ("state", "extends") and said[name] not in (None, "present")
    ]
    spell = _Spelling(folder)
    own = {name: value for name, value in said.items() if name not in ELSEWHERE}
    spec = spell.translate(own, node, ())
    name = name_of(key)
    driver, slash, word = kind.rpartition("/")
    metadata: dict[str, Any] = {"name": name} | ({} if namespace is None else {"namespace": namespace})
    manifest = {
        "apiVersion": f"{driver}.{GROUP}/{VERSION}" if slash else f"{GROUP}/{VERSION}",
        "kind": word if slash else MODEL,
        "metadata": metadata,
        "spec": ({} if name == key else {"key": key}) | spec,
    }
    return Written(manifest, frozenset(spell.named), (*findings, *spell.findings))


def spelt(reference: str) -> Named | None:
    """What holds the value of a secret's reference, whose path is relative to the project root."""
    match = _TOKEN.fullmatch(reference)
    return None if match is None or match[1] is None else _Spelling(".").named_by(match[1], match[2], secret=True)


class _Spelling:
    """The references of one manifest as an object writes them."""

    def __init__(self, folder: str) -> None:
        self.named: set[Named] = set()
        self.findings: list[Finding] = []
        self._folder = folder

    def translate(self, value: Any, node: Node, path: tuple[str, ...]) -> Any:
        if isinstance(value, str):
            if "${" not in value or AS_WRITTEN.fullmatch(json_pointer.join(path)):
                return value
            secret = node.rule(WriteOnly) is not None
            return _TOKEN.sub(lambda match: self._token(match, path, secret=secret), value)
        if isinstance(value, Mapping):
            return {
                name: self.translate(item, node.child(name) or OPAQUE, (*path, name)) for name, item in value.items()
            }
        if isinstance(value, list):
            each = node.each or OPAQUE
            items = [self.translate(item, each, (*path, str(index))) for index, item in enumerate(value)]
            is_set = node.unordered and all(isinstance(item, str) for item in items)
            return list(dict.fromkeys(items)) if is_set else items  # the API server refuses an entry twice
        return value

    def _token(self, match: re.Match[str], path: tuple[str, ...], *, secret: bool) -> str:
        scheme, rest = match[1], match[2]
        named = None if scheme is None else self.named_by(scheme, rest, secret=secret)
        if named is None:
            return match[0]
        if len(named.key) > LONGEST_NAME:
            message = f"a key of a {named.kind} holds at most {LONGEST_NAME} characters: shorten the path or name"
            self.findings.append(Finding("not-expressible", message, json_pointer.join(path)))
            return match[0]
        self.named.add(named)
        return named.text

    def named_by(self, scheme: str, rest: str, *, secret: bool) -> Named | None:
        """What holds the value of a reference in a cluster; None for a variable, which a Registry gives."""
        if scheme == "env":
            return Named(SECRET, ENVIRONMENT, rest)
        if scheme == "file":
            path = posixpath.normpath(posixpath.join(self._folder, rest))
            return Named(SECRET if secret else CONFIG_MAP, FILES, encoded(path))
        prefix = f"{SECRET if scheme == 'cmd' else CONFIG_MAP}/"
        found = IN_A_CLUSTER.fullmatch(rest.removeprefix(prefix)) if rest.startswith(prefix) else None
        if found is not None:
            return Named(prefix[:-1], found[1], found[2])
        return Named(SECRET, COMMANDS, encoded(rest)) if scheme == "cmd" else None


def same_names(objects: Mapping[DocumentPlace, Mapping[str, Any]]) -> Iterator[tuple[DocumentPlace, Finding]]:
    """The clashes of objects that would have one name: two manifests declare one key for different registries."""
    first: dict[tuple[str, str, str], DocumentPlace] = {}
    for where, made in objects.items():
        identity = (made["apiVersion"], made["kind"], made["metadata"]["name"])
        known = first.setdefault(identity, where)
        if known != where:
            message = f"another document of this key is in {known.file}: objects of one kind need names of their own"
            yield where, Finding("not-expressible", message, "/key", suggestion="join the two into one document")
