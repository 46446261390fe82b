"""What the controller may do in a cluster: each verb stands here once, with the reason for it.

A test takes each of them away and looks at what breaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.controller.cluster import CONFIG_MAPS, EVENTS, LEASES, NAMESPACES, SECRETS, ResourceType
from reconciler.controller.crds import MODEL, REGISTRY


class Grant(NamedTuple):
    """Verbs on resources of one API group, and what they are needed for."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    reason: str

    def rule(self) -> Mapping[str, Any]:
        """As a Role has it."""
        return {"apiGroups": [self.group], "resources": list(self.resources), "verbs": list(self.verbs)}


def _on(resource: ResourceType, verbs: str, reason: str) -> Grant:
    return Grant(resource.group, (resource.plural,), tuple(verbs.split()), reason)


# In the controller's own namespace, whichever namespaces it looks at.
OWN: Final = (
    _on(
        LEASES,
        "create delete get list update",
        "Each replica holds a lease, reads those of the others, and deletes those of replicas that are long gone.",
    ),
)


def _of_objects(types: Iterable[ResourceType]) -> Iterator[Grant]:
    """The grants on our own resource types, by API group."""
    by_group: dict[str, list[str]] = {}
    for resource in types:
        by_group.setdefault(resource.group, []).append(resource.plural)
    for group, plurals in by_group.items():
        yield Grant(
            group,
            tuple(sorted(plurals)),
            ("get", "list", "patch", "watch"),
            "Read what is declared; set and release the finalizer, and take away an annotation that was used up.",
        )
        yield Grant(
            group,
            tuple(f"{plural}/status" for plural in sorted(plurals)),
            ("patch",),
            "Write the status.",
        )


def objects(types: Iterable[ResourceType]) -> tuple[Grant, ...]:
    """The grants where the objects are that the controller looks at. `types` are the native ones."""
    return (
        *_of_objects([REGISTRY, MODEL, *types]),
        _on(
            SECRETS,
            "get list watch",
            "Notice that a credential changed (only names and versions are kept), and fetch its value when it is sent.",
        ),
        _on(
            CONFIG_MAPS,
            "create delete get list update watch",
            "Read what ${configMap:NAME/KEY} names; keep backups, and delete the oldest.",
        ),
        _on(EVENTS, "create patch", "Tell of each change, guard and failure; count one that comes again."),
        # a Role grants this for its own namespace, though a Namespace is in none
        _on(NAMESPACES, "get", "See that a namespace is going, and delete nothing in a registry because of that."),
    )


def rules(grants: Iterable[Grant]) -> list[Mapping[str, Any]]:
    """The rules of a Role or ClusterRole."""
    return [grant.rule() for grant in grants]
