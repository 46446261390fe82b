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


_READ: Final = "Read what is declared, and again where somebody else wrote in between."
_STATUS: Final = "Write the status."


def _of_members(types: Iterable[ResourceType]) -> Iterator[Grant]:
    """The grants on Model and native objects, by API group."""
    by_group: dict[str, list[str]] = {}
    for resource in types:
        by_group.setdefault(resource.group, []).append(resource.plural)
    for group, plurals in by_group.items():
        names = tuple(sorted(plurals))
        yield Grant(group, names, ("get", "list", "watch"), _READ)
        yield Grant(group, names, ("patch",), "Set and release the finalizer.")
        yield Grant(group, tuple(f"{name}/status" for name in names), ("patch",), _STATUS)


def objects(types: Iterable[ResourceType]) -> tuple[Grant, ...]:
    """The grants where the objects are that the controller looks at. `types` are the native ones."""
    return (
        _on(REGISTRY, "get list watch", _READ),
        Grant(REGISTRY.group, (f"{REGISTRY.plural}/status",), ("patch",), _STATUS),
        *_of_members([MODEL, *types]),
        _on(
            SECRETS,
            "get list watch",
            "Notice that a credential changed (only names and versions are kept), and fetch its value when it is sent.",
        ),
        _on(
            CONFIG_MAPS,
            "create delete list watch",
            "Read what ${configMap:NAME/KEY} names; keep backups, and delete the oldest.",
        ),
        _on(EVENTS, "create patch", "Tell of each change, guard and failure; count one that comes again."),
        # a Role grants this for its own namespace, though a Namespace is in none
        _on(NAMESPACES, "get", "See that a namespace is going, and delete nothing in a registry because of that."),
    )


def rules(grants: Iterable[Grant]) -> list[Mapping[str, Any]]:
    """The rules of a Role or ClusterRole."""
    return [grant.rule() for grant in grants]
