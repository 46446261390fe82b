"""LiteLLM Proxy's config.yaml: its models and credentials as native kinds, under the proxy's own names.

What a proxy is told of itself (settings, aliases, fallbacks) is in no model, and is left out. `os.environ/NAME` stays as it is, for the
proxy to look up, unless it stands for a secret: then it is a reference, and whoever applies it needs the variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from reconciler.core.document.trees import List, Map, Member, Node, Scalar, scalars_of
from reconciler.core.secret_names import is_secret_field
from reconciler.manifest.importing.drafts import Draft, Importer, Session
from reconciler.manifest.importing.journal import Journal
from reconciler.manifest.importing.values import escaped, text_of, value_of
from reconciler.registry.litellm.forms import SERVER_OWNED, is_price
from reconciler.registry.litellm.kinds import KINDS
from reconciler.registry.litellm.masks import ENVIRON, ENVIRON_REFERENCE, is_environ, is_hidden, is_masked
from reconciler.registry.litellm.notes import PLACE

_DRIVER: Final = "litellm"
_MODELS: Final = "model_list"
_CREDENTIALS: Final = "credential_list"
_PARAMS: Final = "litellm_params"
_INFO: Final = "model_info"
_NOT_IN_KEYS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_environ_reference: Final = re.compile(ENVIRON_REFERENCE)


def translate(root: Map, session: Session) -> Iterator[Draft]:
    """The models and credentials of one file; all that is wrong goes to the session's journal."""
    for member in root.members:
        if member.key == "include":
            session.journal.warn(member, "not-a-model", "the files that are named here are not read: import them, too")
        elif member.key not in (_MODELS, _CREDENTIALS):
            session.journal.warn(member, "not-a-model", f"{member.key!r} is the proxy's own: left out")
    models = list(_entries(root.find(_MODELS), session.journal))
    taken = {key for entry, _ in models if (key := _own_key(entry)) is not None}
    for entry, above in models:
        yield from _model(entry, above, taken, session.journal)
    for entry, above in _entries(root.find(_CREDENTIALS), session.journal):
        yield from _credential(entry, above, session.journal)


def _entries(holder: Member | None, journal: Journal) -> Iterator[tuple[Map, tuple[str, ...]]]:
    """Each map of a list with the comments above it."""
    items = holder.value.items if holder is not None and isinstance(holder.value, List) else ()
    for number, item in enumerate(items):
        if isinstance(item.value, Map):
            yield item.value, (*(holder.above if holder is not None and number == 0 else ()), *item.above)
        else:
            journal.error(item.value, "wrong-type", f"item {number + 1} of this list must be a map")


# --- models -----------------------------------------------------------------------------------------------------


def _model(entry: Map, above: tuple[str, ...], taken: set[str], journal: Journal) -> Iterator[Draft]:
    """One deployment. Its key is its id, or made of the name by which requests ask for it."""
    name, params, info = entry.find("model_name"), entry.find(_PARAMS), entry.find(_INFO)
    if name is None or not isinstance(value_of(name.value), str):
        journal.error(entry, "missing-field", "'model_name' is missing")
        return
    if params is None or not isinstance(params.value, Map):
        journal.error(entry, "missing-field", f"'{_PARAMS}' is missing")
        return
    key = _own_key(entry) or _made_key(str(value_of(name.value)), taken, entry, journal)
    for member in entry.members:
        if member.key not in ("model_name", _PARAMS, _INFO):
            journal.warn(member, "not-expressible", f"{member.key!r} is in no model: left out")
    kept, prices = _info(info, journal)
    called = [one for one in params.value.members if not _is_null(one)]
    named = {one.key for one in called}
    called += [price for price in prices if price.key not in named]
    values = tuple(one._replace(value=_value(one.value, one.key, (key, one.key), journal)) for one in called)
    members = [name._replace(value=escaped(name.value)), params._replace(value=params.value._replace(members=values))]
    yield _draft("Model", key, entry, above, [*members, *kept])


def _own_key(entry: Map) -> str | None:
    """The id that an entry gives its model, if that can be a key."""
    info = entry.find(_INFO)
    found = info.value.find("id") if info is not None and isinstance(info.value, Map) else None
    value = value_of(found.value) if found is not None else None
    return str(value) if value not in (None, "") and KINDS["Model"].check_key(str(value)) is None else None


def _made_key(name: str, taken: set[str], entry: Map, journal: Journal) -> str:
    """A key that no other model of the file has."""
    first = key = _NOT_IN_KEYS.sub("-", name).strip("._-")[:240] or "model"
    number = 1
    while key in taken:
        number += 1
        key = f"{first}-{number}"
    taken.add(key)
    info = entry.find(_INFO)
    given = info.value.find("id") if info is not None and isinstance(info.value, Map) else None
    if given is not None:
        journal.warn(given, "not-expressible", f"this id cannot be a key: {key!r} is the model's id from now on")
    return key


def _info(info: Member | None, journal: Journal) -> tuple[list[Member], list[Member]]:
    """What else is known of a model, if anything is, and the prices in it: the proxy keeps those that stand in its parameters."""
    if info is None or not isinstance(info.value, Map):
        return [], []
    members = [one for one in info.value.members if one.key != "id" and not _is_null(one)]
    for one in members:
        if one.key in SERVER_OWNED or one.key == PLACE:
            journal.warn(one, "not-expressible", f"{one.key!r} is set by the proxy or by reconciler: left out")
    prices = [one for one in members if is_price(one.key) and one.key not in SERVER_OWNED]
    kept = [one for one in members if one not in prices and one.key not in SERVER_OWNED and one.key != PLACE]
    inner = escaped(info.value._replace(members=tuple(kept)))
    return ([info._replace(value=inner)] if kept else []), prices


def _value(node: Node, name: str, words: tuple[str, ...], journal: Journal) -> Node:
    """A value of the parameters: what the proxy would hide is a reference. `words` are the names that lead to it."""
    if isinstance(node, Map):
        members = (one for one in node.members if not _is_null(one))
        inner = (one._replace(value=_value(one.value, one.key, (*words, one.key), journal)) for one in members)
        return node._replace(members=tuple(inner))
    if not isinstance(node, Scalar):
        return escaped(node)
    top = len(words) == 2
    hides = is_hidden(name) if top else is_masked(name) and is_secret_field(name)
    return _reference(node, words, journal) if hides else node if is_environ(node.value) else escaped(node)


def _reference(node: Scalar, words: tuple[str, ...], journal: Journal) -> Node:
    """What stands for a secret."""
    if not isinstance(node.value, str) or not node.value:
        return node
    if _environ_reference.fullmatch(node.value):
        made = journal.variable_of_environment(node.value.removeprefix(ENVIRON))
    else:
        made = journal.withheld(node, *words)
    return node._replace(value=made, style="")


# --- credentials ------------------------------------------------------------------------------------------------


def _credential(entry: Map, above: tuple[str, ...], journal: Journal) -> Iterator[Draft]:
    name, values, info = (
        text_of(entry, "credential_name"),
        entry.find("credential_values"),
        entry.find("credential_info"),
    )
    if name is None:
        journal.error(entry, "missing-field", "'credential_name' is missing")
        return
    members = []
    if values is not None and isinstance(values.value, Map):
        kept = (one for one in values.value.members if not _is_null(one))
        inner = tuple(one._replace(value=_credential_value(one, name, journal)) for one in kept)
        members.append(values._replace(value=values.value._replace(members=inner)))
    if info is not None and isinstance(info.value, Map) and info.value.members:
        members.append(info._replace(value=escaped(info.value)))
    yield _draft("Credential", name, entry, above, members)


def _credential_value(member: Member, credential: str, journal: Journal) -> Node:
    node = member.value
    if isinstance(node, Scalar) and is_masked(member.key):
        return _reference(node, (credential, member.key), journal)
    return escaped(node)


# --- both -------------------------------------------------------------------------------------------------------


def _draft(kind: str, key: str, entry: Map, above: tuple[str, ...], members: list[Member]) -> Draft:
    place = Member("key", Scalar(key, entry.file, entry.place), entry.file, entry.place, above)
    return Draft(f"{_DRIVER}/{kind}", place, entry._replace(members=tuple(members), flow=False), repeats=True)


def _is_null(member: Member) -> bool:
    return isinstance(member.value, Scalar) and member.value.value is None


def _environment(root: Map) -> Iterator[str]:
    """The variables of the proxy's environment that a file names."""
    for scalar in scalars_of(root):
        if is_environ(scalar.value):
            yield scalar.value.removeprefix(ENVIRON)


IMPORTER: Final = Importer(f"{_DRIVER}/Credential", translate, environment=_environment)
