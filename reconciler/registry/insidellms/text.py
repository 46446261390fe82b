"""The text of one run config, and what stands in it.

The mark is a line of JSON in a comment (see `header`): insideLLMs takes a hash of all that a file says for the identity of a run, so a mark that it
could read would give each run another identity, and one in a file beside could be out of step with this one after a crash. The line
names its file: a copy under another name is nobody's, until it is adopted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconciler.core import document
from reconciler.core import pointer as pointers
from reconciler.core.document.dump import dump_yaml
from reconciler.core.pointer import MISSING
from reconciler.registry.driver import PRESENT, Mark, MisreadError, Write, combined, revealed, without
from reconciler.registry.insidellms.arguments import ARGUMENTS, OPEN, Types
from reconciler.registry.insidellms.credentials import credentials_in
from reconciler.registry.insidellms.header import header_in, line_of, rewritten

SAID: Final = (
    "# Written by reconciler from a manifest: change that one. What is changed here is undone by the next apply."
)

_OWN: Final = ("model", "probe", "dataset", "generation")
_SYNONYMS: Final = ("probe_kwargs", "run_kwargs")  # of `generation`; the later ones win


class Parsed(NamedTuple):
    """One run config. `spec` is as it stands in the file, credentials included: it must not leave this driver as it is.

    `ours` says that we wrote it, `listed` that the harness is to list it; `rest` are members that are none of our business. `data` is all
    that the file holds, and `text` its text.
    """

    spec: Mapping[str, Any]
    mark: Mark | None
    ours: bool
    listed: bool
    rest: Mapping[str, Any]
    data: Mapping[str, Any]
    text: str

    @property
    def entry(self) -> dict[str, Any]:
        """How the harness lists the model."""
        return ordered(self.spec["model"])


def mapping_in(text: str, name: str) -> Mapping[str, Any]:
    """The one map that a YAML text holds. Raises MisreadError."""
    loaded = document.load(text, name)
    if loaded.problems:
        first = loaded.problems[0]
        raise MisreadError(f"line {first.line}: {first.message}")
    if len(loaded.documents) != 1 or not isinstance(loaded.documents[0].value, dict):
        raise MisreadError("it does not hold one map")
    return loaded.documents[0].value


def parse(text: str, key: str) -> Parsed:
    """The run config in the file of that key. Raises MisreadError."""
    found = mapping_in(text, f"{key}.yaml")
    model = found.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("type"), str):
        raise MisreadError("it is no run config of insideLLMs: it has no `model` with a `type`")
    if any(not isinstance(found.get(name) or {}, dict) for name in (*_OWN, *_SYNONYMS)):
        raise MisreadError("a member of it is no map")
    spec = {name: found[name] for name in _OWN if found.get(name) is not None}
    generation = {name: value for part in ("generation", *_SYNONYMS) for name, value in (found.get(part) or {}).items()}
    if generation:
        spec["generation"] = generation
    header = header_in(text)
    ours = header is not None and header.get("file") == key
    listed = ours and header is not None and header.get("harness") is not False
    rest = {name: value for name, value in found.items() if name not in (*_OWN, *_SYNONYMS)}
    return Parsed(spec, _mark(header) if ours else None, ours, listed, rest, found, text)


def known_arguments(model: Mapping[str, Any], types: Types) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """A model without the arguments that the constructor of its type does not take, as far as this version knows; and those.

    Some types take any. A credential stays: it must not be in a file that is copied with each run, so a plan shows it and the next apply takes it
    away.
    """
    kind, args = model.get("type"), model.get("args")
    known = {**ARGUMENTS, **types}.get(kind) if isinstance(kind, str) and kind not in OPEN else None
    if known is None or not isinstance(args, Mapping):
        return model, {}
    telling = {pointers.split(place)[0] for place in credentials_in(args)}
    others = without(args, (*known, *telling))
    return {**model, "args": without(args, others)}, others


def _mark(header: Mapping[str, Any] | None) -> Mark | None:
    if header is None or "owner" not in header:
        return None
    try:
        return Mark.from_json(header)
    except ValueError as error:
        raise MisreadError("the line that begins with '# reconciler:' was damaged") from error


def text_of(write: Write, before: Parsed | None) -> str:
    """The text of a file. What nobody declares, and the file had `before`, stays, and so do its comments. Raises PermanentError."""
    key, mark = write.desired.address.key, write.desired.mark
    header: dict[str, Any] = {"file": key}
    if write.desired.spec.get("harness") is False:
        header["harness"] = False
    if mark is not None:
        header |= mark.to_json()
    data = _data(write, before)
    top = f"{SAID}\n{line_of(header)}"
    if before is None:
        return dump_yaml(data, header=top)
    return rewritten(before.text, top, before.data, data, f"{key}.yaml")


def _data(write: Write, before: Parsed | None) -> dict[str, Any]:
    """What a file is to say."""
    spec = write.desired.spec
    whole: Mapping[str, Any] = _revealed(combined(spec, write.desired.unmanaged), before)
    data: dict[str, Any] = {"model": ordered(whole["model"])}
    for name in ("probe", "dataset"):
        # absent is unmanaged, null or empty is cleared
        value = whole[name] if name in spec else before.spec.get(name) if before is not None else None
        if value:
            data[name] = value
    generation = whole.get("generation") or {}
    synonyms = () if before is None else _SYNONYMS
    if before is not None and generation == (before.spec.get("generation") or {}):
        data |= {name: before.data[name] for name in ("generation", *synonyms) if name in before.data}
    elif generation:
        data["generation"] = generation
    if before is not None:
        return data | dict(before.rest)
    return data | {name: value for name, value in whole.items() if name not in (*_OWN, "harness")}


def _revealed(whole: Any, before: Parsed | None) -> Any:
    """The object with what is only hidden from people: it is in the file already, and stays there."""
    plain = revealed(whole)
    for place in credentials_in(plain):
        there = MISSING if before is None else pointers.get(before.spec, place)
        if pointers.get(plain, place) == PRESENT and there is not MISSING:
            plain = pointers.put(plain, place, there)
    return plain


def ordered(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model with its members in the order in which insideLLMs's constructors have them."""
    known = ("type", "args", "pipeline")
    plain = {name: model[name] for name in (*known, *sorted(model.keys() - set(known))) if model.get(name) is not None}
    args = plain.get("args")
    if isinstance(args, dict):
        names = [name for name in ARGUMENTS.get(str(plain.get("type")), ()) if name in args]
        plain["args"] = {name: args[name] for name in (*names, *sorted(args.keys() - set(names)))}
    return plain
