"""Objects of Kubernetes that declare models, as `export --format crd` writes them: back to manifests."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator

from reconciler.core.document.trees import Map, Member, Node, Scalar, plain_data
from reconciler.manifest.importing.drafts import Draft, Importer, Session, folder_of
from reconciler.manifest.kubernetes_objects import ELSEWHERE, REGISTRY, kind_in
from reconciler.manifest.kubernetes_references import References, on_a_machine


def translate(root: Map, session: Session) -> Iterator[Draft]:
    """The manifest that an object stands for; all that is wrong goes to the session's journal."""
    kind = kind_in(plain_data(root)) or ""
    if kind == REGISTRY:
        what = "a Registry is an entry of `registries` in reconciler.yaml, which is written by hand"
        session.journal.warn(root, "not-a-model", what)
        return
    spec, metadata = root.find("spec"), root.find("metadata")
    members = spec.value.members if spec is not None and isinstance(spec.value, Map) else ()
    key = next((one for one in members if one.key == "key"), None)
    if key is None and metadata is not None and isinstance(metadata.value, Map):
        key = metadata.value.find("name")
    if key is None or spec is None:
        session.journal.error(root, "missing-field", "'spec' or the object's name is missing")
        return
    for one in members:
        if one.key in ELSEWHERE:
            session.journal.error(one, "unknown-field", f"{one.key!r} is no field of an object: {ELSEWHERE[one.key]}")
    top = os.path.relpath(session.folder, session.sources.root).replace(os.sep, "/")
    spelling = _Spelling(References(on_a_machine(posixpath.join(top, folder_of(kind)))), session)
    kept = tuple(spelling.member(one, (one.key,)) for one in members if one.key != "key" and one.key not in ELSEWHERE)
    yield Draft(kind, key._replace(key="key"), Map(kept, root.file, root.place))


class _Spelling:
    """The references of one object, spelt as manifests write them."""

    def __init__(self, references: References, session: Session) -> None:
        self._references = references
        self._session = session

    def member(self, member: Member, path: tuple[str, ...]) -> Member:
        return member._replace(value=self._node(member.value, path))

    def _node(self, node: Node, path: tuple[str, ...]) -> Node:
        if isinstance(node, Map):
            return node._replace(members=tuple(self.member(one, (*path, one.key)) for one in node.members))
        if not isinstance(node, Scalar):
            items = (one._replace(value=self._node(one.value, (*path, str(at)))) for at, one in enumerate(node.items))
            return node._replace(items=tuple(items))
        before = len(self._references.refusals)
        spelt = self._references.translate(node.value, path)
        for refusal in self._references.refusals[before:]:
            self._session.journal.error(node, "bad-reference", refusal.message)
        return node._replace(value=spelt) if spelt != node.value else node


IMPORTER = Importer("", translate)
