"""Whether the API server and `validate` judge one document alike: what each says of it, and what is left to the controller."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from kubernetes.api_server import ApiServer

from reconciler.controller.cluster import ResourceType
from reconciler.controller.crds import MODEL, Definition, definitions, native_type
from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.model import Model, NativeCommon
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.schema.findings import Finding, is_mistake
from reconciler.manifest.kubernetes_export import object_of
from reconciler.manifest.model_check import check_model
from reconciler.manifest.native import NativeKind, check_native
from reconciler.manifest.native_check import limits
from reconciler.manifest.references import Scope, resolve
from reconciler.registry.catalog import load_driver, names
from reconciler.registry.protocol import Driver

# what only the whole project, the cluster or the machine can tell
OUTSIDE: Final = frozenset(
    {"missing-file", "unset-variable", "private-file", "file-outside-project", "unknown-command"}
)
NOWHERE: Final = Scope(Path("/nonexistent"), "/nonexistent", {"x": "1"})
LARGEST: Final = 2**63  # a whole number beyond is none for the API server, whose numbers have 64 bits


@dataclass(frozen=True)
class Judged:
    """One kind, as manifests and as the API server know it."""

    resource: ResourceType
    definition: Definition
    native: NativeKind | None = None
    kind: Kind | None = None

    @cached_property
    def node(self) -> Node:
        if self.kind is None:
            return Node((), rules_of(Model).children, None, declared=True)
        common = rules_of(NativeCommon).children
        return Node((), {**self.kind.root.children, **common}, None, declared=True)

    def mistakes(self, data: Mapping[str, Any]) -> list[Finding]:
        """What `validate` finds wrong in a document by itself."""
        if self.native is None or self.kind is None:
            found = list(filter(is_mistake, check_model(data)[1]))
            document = None
        else:
            document, all_found = check_native(self.native, data)
            found = list(filter(is_mistake, all_found))
        if not found:
            found = [one for one in resolve(data, self.node, NOWHERE)[1] if one.rule not in OUTSIDE]
        if not found and document is not None and self.kind is not None:
            found = list(filter(is_mistake, limits(document.spec, self.kind.root)))
        return found

    def is_left(self, finding: Finding) -> bool:
        """Whether the table of what the API server cannot say has this: at the place, above it, or below a map of any name."""
        if finding.rule == "wrong-type" and finding.message.endswith(("not null", "must not be null")):
            return True  # the API server drops a null in a map, and takes one in a form of several
        parts = ["spec", *json_pointer.split(finding.pointer)]
        return any(_covers(json_pointer.split(place), parts) for place in self.definition.left)


def _covers(place: list[str], parts: list[str]) -> bool:
    return len(place) <= len(parts) and all(one in ("*", other) for one, other in zip(place, parts, strict=False))


def all_judged() -> Iterator[Judged]:
    """The Model, and every native kind of the drivers that we ship."""
    drivers: list[Driver] = [load_driver(name) for name in names()]
    made = {one.manifest["metadata"]["name"]: one for one in definitions(drivers)}
    yield Judged(MODEL, made[MODEL.name])
    for driver in drivers:
        for kind in driver.kinds.values():
            if not kind.portable:
                resource = native_type(driver.name, kind)
                yield Judged(resource, made[resource.name], NativeKind.of(driver.name, kind), kind)


class Asking:
    """A connection to an API server that is asked whether it would take objects. Nothing is stored."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=server.client_context())
        self._namespace = namespace

    def close(self) -> None:
        self._connection.close()

    def refusal(self, manifest: Mapping[str, Any], resource: ResourceType) -> str | None:
        """Why an object is refused, as the API server says it, or None."""
        path = f"/apis/{manifest['apiVersion']}/namespaces/{self._namespace}/{resource.plural}"
        body = json.dumps(manifest)
        self._connection.request(
            "POST", f"{path}?dryRun=All&fieldValidation=Strict", body, {"Content-Type": "application/json"}
        )
        answer = self._connection.getresponse()
        said = json.loads(answer.read())
        assert answer.status in (201, 400, 422), said
        return None if answer.status == 201 else str(said["message"])


def disagreements(asking: Asking, judged: Judged, documents: Iterable[Any]) -> tuple[list[str], list[str]]:
    """The valid documents that the API server refuses, and the invalid ones that it takes though no table says so."""
    refused, taken = [], []
    for data in documents:
        if not _is_document(data, judged):
            continue
        written = object_of(data, judged.node, ".")
        if written.findings:
            continue
        mistakes = judged.mistakes(data)
        why = asking.refusal(written.manifest, judged.resource)
        if not mistakes and why is not None:
            refused.append(f"{json.dumps(data)}: {why}")
        if mistakes and why is None and not any(map(judged.is_left, mistakes)):
            taken.append(f"{json.dumps(data)}: {mistakes[0].rule} at {mistakes[0].pointer}: {mistakes[0].message}")
    return refused, taken


def _is_document(data: Any, judged: Judged) -> bool:
    """Whether it is a document that an object can stand for at all, in numbers that an API server has."""
    wanted = "Model" if judged.native is None else judged.native.name
    named = isinstance(data, dict) and data.get("kind") == wanted and isinstance(data.get("key"), str)
    return (
        named
        and not {"extends", "state", "$schema", "format_version"} & data.keys()
        and not any(_is_large(one) for one in _values(data))
    )


def _is_large(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) >= LARGEST


def _values(value: Any) -> Iterator[Any]:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield value
    for member in members:
        yield from _values(member)
