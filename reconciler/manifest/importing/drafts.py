"""What a format makes of a file: objects in our terms, not yet text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from reconciler.core.document.trees import Map, Member, Scalar
from reconciler.manifest.importing.journal import Journal
from reconciler.manifest.importing.sources import Sources

_MODELINE: Final = re.compile(r"#\s*yaml-language-server:")


class Draft(NamedTuple):
    """One object.

    `kind` is the native kind, `key` holds the identity as text, `root` the registry's own fields. With `repeats`, equal ones are one.
    """

    kind: str
    key: Member
    root: Map
    repeats: bool = False

    @property
    def name(self) -> str:
        return str(self.key.value.value) if isinstance(self.key.value, Scalar) else ""


class Session(NamedTuple):
    """What a translation needs: where to tell problems, how to read other files, and the real folder that all goes to."""

    journal: Journal
    sources: Sources
    folder: str


class Format(NamedTuple):
    """A format of files: whether a map is of it, and the objects in it.

    No two formats recognise one map, and none a manifest of ours, which has a `kind` and a `key`. `environment` gives the variables of
    the environment that may come to stand in a manifest under the name that they have in the file. `vault` is the native kind in which
    secrets belong. `whole` says of a map that is recognised whether it declares something by itself: one that does not may be
    a part of another file.
    """

    title: str
    vault: str
    recognises: Callable[[Map], bool]
    environment: Callable[[Map], Iterable[str]]
    translate: Callable[[Map, Session], list[Draft]]
    whole: Callable[[Map], bool] = lambda _: True


FOLDERS: Final = {"Model": "models", "Adapter": "adapters", "Secret": "secrets"}


def folder_of(kind: str) -> str:
    """The folder of a native kind's manifests, below the one that all goes to."""
    name = kind.partition("/")[2]
    return FOLDERS.get(name, f"{name.lower()}s")


def document_of(draft: Draft, registry: str | None, modeline: str) -> Map:
    """The manifest: kind and key first, and above them what stood at the top of the file.

    Of the comments above a first member that is not the key, those up to the last blank line belong to the file.
    """
    root, key = draft.root, draft.key
    header = list(key.above)
    members = root.members
    if members and members[0].place < key.place:
        above = members[0].above
        cut = max((place + 1 for place, line in enumerate(above) if not line), default=len(above))
        header = [*above[:cut], *header]
        members = (members[0]._replace(above=above[cut:]), *members[1:])
    header = [line for line in header if not _MODELINE.match(line)]
    while header and not header[0]:
        del header[0]
    first = [modeline] if modeline else []
    made = [_member("kind", draft.kind, key, (*first, *header)), key._replace(above=())]
    if registry is not None:
        made.append(_member("registry", registry, key))
    return root._replace(members=(*made, *members), flow=False)


def _member(name: str, value: str, near: Member, above: tuple[str, ...] = ()) -> Member:
    return Member(name, Scalar(value, near.file, near.place), near.file, near.place, above)
