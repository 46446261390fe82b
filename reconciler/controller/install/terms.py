"""The terms of an installation: what differs between one cluster and another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from reconciler import __version__
from reconciler.controller.settings import NAME

REPLICAS: Final = 2  # one takes over when the other's node is drained
_IMAGE: Final = re.compile(
    r"(?P<repository>[a-zA-Z0-9]+(?:[._:/-]+[a-zA-Z0-9]+)*?)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[a-f0-9]{64}))?"
)


class Image(NamedTuple):
    """A container image by its parts. An empty tag is the version of this package; an empty digest is none."""

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `repository[:tag][@sha256:…]`. Raises ValueError."""
        found = _IMAGE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no image: write repository[:tag][@sha256:digest]")
        return cls(found["repository"], found["tag"] or "", found["digest"] or "")

    def __str__(self) -> str:
        """As a pod names it. A digest alone says which image it is; a tag beside it is for people."""
        tag = self.tag or ("" if self.digest else __version__)
        return self.repository + (f":{tag}" if tag else "") + (f"@{self.digest}" if self.digest else "")


# No registry's name in front: `docker build` makes it under this name, and no stranger can publish it on Docker Hub, where
# names without an owner are the official images'.
IMAGE: Final = Image(NAME)
RESOURCES: Final[Mapping[str, Any]] = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"memory": "512Mi"},  # none for CPU: a replica that is throttled loses its lease
}


SELECTOR: Final[Mapping[str, str]] = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": NAME}
EGRESS_PORTS: Final = (443, 6443)  # registries and the API server
METRICS_FROM: Final = "monitoring"  # the namespace of Prometheus, in the example


def egress(port: Any) -> Mapping[str, Any]:
    """A port that a NetworkPolicy lets through."""
    return {"protocol": "TCP", "port": port}


def from_namespace(name: Any) -> Mapping[str, Any]:
    """Any pod of a namespace, as a peer of a NetworkPolicy."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


@dataclass(frozen=True, slots=True)
class Terms:
    """One installation. Each value is written into the objects as it is: for a chart it is an expression of its template.

    `pod`, `container` and `pod_metadata` are members beyond our own, `arguments`, `volumes` and `mounts` items.
    """

    namespace: str = NAME
    everywhere: bool = False
    name: str = NAME
    account: str = NAME
    account_metadata: Mapping[str, Any] = field(default_factory=dict)
    image: str = str(IMAGE)
    pull_policy: str = "IfNotPresent"
    replicas: Any = REPLICAS
    resources: Any = field(default_factory=lambda: dict(RESOURCES))
    labels: Any = field(default_factory=lambda: {**SELECTOR, "app.kubernetes.io/version": __version__})
    selector: Any = field(default_factory=lambda: dict(SELECTOR))
    arguments: Sequence[str] = ()
    volumes: Sequence[Any] = ()
    mounts: Sequence[Any] = ()
    pod: Mapping[str, Any] = field(default_factory=dict)
    container: Mapping[str, Any] = field(default_factory=dict)
    pod_metadata: Mapping[str, Any] = field(default_factory=dict)
    egress: Sequence[Any] = tuple(map(egress, EGRESS_PORTS))
    metrics_from: Sequence[Any] = (from_namespace(METRICS_FROM),)
