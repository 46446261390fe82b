"""The CEL rules of fields that cannot change: a registry would have to delete the object and create it again.

They stand at the spec, which is there before and after, so that they also hold for a field whose parent comes or goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.controller.cel import place, present
from reconciler.controller.structural import Structural
from reconciler.controller.untyped import visible
from reconciler.core.rules import Default, Immutable, Node, Normalized, ServerDefault, Superset, Unordered
from reconciler.core.schema.form import Form

_COMPARED_OTHERWISE = (Default, Normalized, ServerDefault, Superset, Unordered)  # two texts may mean one value


def transitions(structural: Structural, spec: Form, root: Node) -> Iterator[Form]:
    """The transition rules of a spec. What they cannot say is left to the plan, which asks for consent."""
    for path, node in root.walk():
        rule = node.rule(Immutable)
        if rule is None:
            continue
        if "*" in path or any(node.rule(kind) for kind in _COMPARED_OTHERWISE):
            structural.leave(("spec", *path), "that it cannot change")
            continue
        for leaf in _leaves(spec, path):
            if leaf is None:
                structural.leave(("spec", *path), "that all of it cannot change")
                continue
            now, before = present("self", leaf), present("oldSelf", leaf)
            same = f"{place('self', leaf)} == {place('oldSelf', leaf)}"
            yield {
                "rule": f"({now}) == ({before}) && (!({now}) || {same})",
                "message": f"{'.'.join(leaf)} cannot change: {rule.reason}. Delete the object and create it again",
            }


def _leaves(spec: Form, path: tuple[str, ...]) -> Iterator[tuple[str, ...] | None]:
    """The places of a field's values, those of a map one by one: a null in it is as good as nothing. None for one that CEL cannot see."""
    form: Mapping[str, Any] | None = spec
    for name in path:
        form = (form or {}).get("properties", {}).get(name)
    if form is None or not visible(dict(form)):
        yield None
    elif form.get("properties"):
        for name in form["properties"]:
            yield from _leaves(spec, (*path, name))
    else:
        yield path
