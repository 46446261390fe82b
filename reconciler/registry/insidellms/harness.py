"""The harness over all models of a folder: what it should say, whether it says so, and its text. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from reconciler.core.document.dump import dump_yaml
from reconciler.core.spec import canonical_json
from reconciler.registry.driver import MisreadError
from reconciler.registry.insidellms.header import header_in, line_of, rewritten
from reconciler.registry.insidellms.text import Parsed, mapping_in

NAME: Final = "harness.yaml"
SAID: Final = (
    "# Written by reconciler: `models`, `generation`, and what reconciler.yaml says, are its; the rest is yours."
)
_HEADER: Final = {"file": "harness"}


class Harness(NamedTuple):
    """The harness as it stands in the folder: the models that it lists, each as canonical JSON, and what else it says.

    `there` says whether there is a file at all; `refused` why it cannot be written over, if so; `text` is its text.
    """

    entries: tuple[str, ...] = ()
    rest: Mapping[str, Any] = MappingProxyType({})
    there: bool = True
    refused: str = ""
    text: str = ""


ABSENT: Final = Harness(there=False)


class Member(NamedTuple):
    """A model that the harness lists: its key, how it is listed as canonical JSON and as YAML, and what its requests say."""

    key: str
    entry: str
    text: str
    generation: Mapping[str, Any]


def member_of(key: str, parsed: Parsed) -> Member:
    return Member(key, canonical_json(parsed.entry), dump_yaml([parsed.entry]), parsed.spec.get("generation") or {})


def parse(text: str) -> Harness:
    """A file of somebody else's, or one that cannot be understood, is never written over."""
    try:
        header = header_in(text)
        says = mapping_in(text, NAME)
    except MisreadError as error:
        return Harness(refused=f"it cannot be read: {error}")
    if header is None or header.get("file") != "harness":
        return Harness(refused="it was not written by reconciler")
    listed = says.get("models")
    entries = tuple(canonical_json(entry) for entry in listed) if isinstance(listed, list) else ()
    return Harness(entries, {name: value for name, value in says.items() if name != "models"}, text=text)


def shared_generation(members: Sequence[Member]) -> dict[str, Any]:
    """What the requests of all models say: a harness has one `generation`, and for the rest there is no place in it."""
    if not members:
        return {}
    first, *others = members
    return {
        name: value
        for name, value in first.generation.items()
        if all(name in other.generation and _same(other.generation[name], value) for other in others)
    }


def _own(members: Sequence[Member], shared: Mapping[str, Any]) -> dict[str, Any]:
    """What a harness says beside the models: `generation`, and, where reconciler.yaml says so, `probes` and `dataset`."""
    own: dict[str, Any] = {}
    if generation := shared_generation(members):
        own["generation"] = generation
    if "probe" in shared:
        own["probes"] = [shared["probe"]]
    if "dataset" in shared:
        own["dataset"] = shared["dataset"]
    return own


def unlisted(
    found: Harness, members: Sequence[Member], shared: Mapping[str, Any], *, whole: bool = True
) -> frozenset[str]:
    """The keys of the models that the harness should list and does not.

    Where it lists them all and is wrong in another way (it lists more, its `generation` is old), that is told of the first: whoever updates it
    writes the whole harness. Not where a file cannot be read (`whole` is false): what it may have to do with that, nobody knows.
    """
    listed = frozenset(found.entries)
    missing = frozenset(member.key for member in members if member.entry not in listed)
    if missing or not members or not whole:
        return missing
    own = _own(members, shared)
    right = (
        found.entries == tuple(member.entry for member in members)
        and all(_same(found.rest.get(name), value) for name, value in own.items())
        and ("generation" in own or not found.rest.get("generation"))
    )
    return frozenset() if right else frozenset({members[0].key})


def over(members: Sequence[Member], shared: Mapping[str, Any], before: Harness) -> Harness:
    """The harness as it should be. What is the user's in it stays."""
    own = _own(members, shared)
    kept = {name: value for name, value in before.rest.items() if name not in ("generation", *own)}
    return Harness(tuple(member.entry for member in members), own | kept)


def same(one: Harness, other: Harness) -> bool:
    """Whether both are there and say the same."""
    return one.there and other.there and one.entries == other.entries and _same(dict(one.rest), dict(other.rest))


def text_of(wanted: Harness, members: Sequence[Member], before: Harness) -> str:
    """The whole text of a harness over these models. Comments that the user wrote in it `before` stay. Raises PermanentError."""
    top = f"{SAID}\n{line_of(_HEADER)}"
    if before.there and before.text.count("#") > top.count(
        "#"
    ):  # else it need not be read with its comments, which takes long
        data = {"models": [json.loads(member.entry) for member in members], **wanted.rest}
        return rewritten(before.text, top, mapping_in(before.text, NAME), data, NAME)
    models = "models:\n" + "".join(member.text for member in members) if members else "models: []\n"
    return f"{top}\n{models}{dump_yaml(wanted.rest) if wanted.rest else ''}"


def _same(one: Any, other: Any) -> bool:
    return canonical_json(one) == canonical_json(other)
