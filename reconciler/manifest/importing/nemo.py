"""Request bodies of NeMo's models service, as `POST .../models` and `POST .../providers` take them, and as a server answers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.core.document.trees import Map, Member, Node, Scalar
from reconciler.manifest.importing.drafts import Draft, Importer, Session
from reconciler.manifest.importing.values import escaped

_DRIVER: Final = "nemo"
_WORKSPACE: Final = "workspace"
# what a server makes up, and answers all the same
_READ_ONLY: Final = (
    "id",
    "entity_id",
    "parent",
    "created_at",
    "updated_at",
    "adapters",
    "served_models",
    "status",
    "status_message",
)
_ENDPOINT: Final = "api_endpoint"


def translate(root: Map, session: Session) -> Iterator[Draft]:
    """The model or the provider of one file; all that is wrong goes to the session's journal."""
    name = root.find("name")
    if name is None or not isinstance(name.value, Scalar):
        session.journal.error(root, "missing-field", "'name' is missing")
        return
    kind = "Provider" if root.find("host_url") is not None else "Model"
    workspace = root.find(_WORKSPACE)
    if workspace is not None:
        message = "the workspace is the registry's: write it into reconciler.yaml, under `registries`"
        session.journal.warn(workspace, "not-expressible", message)
    members = tuple(
        _without_key(member, session) if member.key == _ENDPOINT else member
        for member in root.members
        if member.key not in ("name", _WORKSPACE, *_READ_ONLY) and not _is_null(member.value)
    )
    made = escaped(root._replace(members=members))
    yield Draft(f"{_DRIVER}/{kind}", name._replace(key="key"), made if isinstance(made, Map) else root)


def _without_key(endpoint: Member, session: Session) -> Member:
    """An endpoint without its key, which the server would show to everybody."""
    if not isinstance(endpoint.value, Map):
        return endpoint
    key = endpoint.value.find("api_key")
    if key is not None and not _is_null(key.value):
        message = (
            "a key in an endpoint is shown to everybody, and is not copied: declare a nemo/Secret and a nemo/Provider"
        )
        session.journal.warn(key, "literal-secret", message)
    kept = tuple(member for member in endpoint.value.members if member is not key)
    return endpoint._replace(value=endpoint.value._replace(members=kept))


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


IMPORTER: Final = Importer(f"{_DRIVER}/Secret", translate)
