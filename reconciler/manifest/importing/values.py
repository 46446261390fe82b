"""Values of other tools' files as a manifest may hold them."""

from __future__ import annotations

from reconciler.core.document.trees import Map, Node, Scalar
from reconciler.manifest.references import escape


def escaped(node: Node) -> Node:
    """The same values, with nothing in them that reads as a reference."""
    if isinstance(node, Scalar):
        return node._replace(value=escape(node.value)) if isinstance(node.value, str) else node
    if isinstance(node, Map):
        return node._replace(members=tuple(one._replace(value=escaped(one.value)) for one in node.members))
    return node._replace(items=tuple(item._replace(value=escaped(item.value)) for item in node.items))


def value_of(node: Node) -> object:
    """The value of a scalar, or None."""
    return node.value if isinstance(node, Scalar) else None


def text_of(root: Map, name: str) -> str | None:
    """The text of a member, if it is one."""
    member = root.find(name)
    value = value_of(member.value) if member is not None else None
    return value if isinstance(value, str) else None
