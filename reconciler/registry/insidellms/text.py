"""The text of one run config, and what stands in it.

The mark is a line of JSON in a comment at the top: insideLLMs takes a hash of all that a file says for the identity of a run, so a mark that it
could read would give each run another identity, and one in a file beside could be out of step with this one after a crash. The line
names its file: a copy under another name is nobody's, until it is adopted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconciler.core import document
from reconciler.core.document.dump import dump_yaml
from reconciler.registry.driver import Mark
from reconciler.registry.insidellms.arguments import ARGUMENTS
from reconciler.registry.insidellms.credentials import without_credentials

MARK: Final = "# reconciler: "
SAID: Final = (
    "# Written by reconciler from a manifest: change that one. What is changed here is undone by the next apply."
)

_OWN: Final = ("model", "probe", "dataset", "generation")
_SYNONYMS: Final = ("probe_kwargs", "run_kwargs")  # of `generation`; the later ones win


class MisreadError(Exception):
    """A file that is no run config. The text says why, and holds nothing of what was found."""


class Parsed(NamedTuple):
    """One run config. `spec` is as it stands in the file, credentials included: only `shown` may leave this driver.

    `ours` says that we wrote it, `listed` that the harness is to list it; `rest` are members that are none of our business.
    """

    spec: Mapping[str, Any]
    mark: Mark | None
    ours: bool
    listed: bool
    rest: Mapping[str, Any]

    @property
    def shown(self) -> dict[str, Any]:
        """The spec without credentials."""
        shown: dict[str, Any] = without_credentials(dict(self.spec))
        return shown

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


def header_in(text: str) -> Mapping[str, Any] | None:
    """What our line at the top says, or None where there is none. Raises MisreadError where it was damaged."""
    found = [line.removeprefix(MARK) for line in _comments(text) if line.startswith(MARK)]
    if not found:
        return None
    try:
        said = json.loads(found[0])
    except (ValueError, RecursionError) as error:
        raise MisreadError("the line that begins with '# reconciler:' was damaged") from error
    if len(found) > 1 or not isinstance(said, dict):
        raise MisreadError("the line that begins with '# reconciler:' was damaged, or is there twice")
    return said


def _comments(text: str) -> list[str]:
    """The lines of comments at the top."""
    lines = []
    for line in text.split("\n"):
        if line.strip() and not line.startswith("#"):
            break
        lines.append(line.rstrip("\r"))
    return lines


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
    return Parsed(spec, _mark(header) if ours else None, ours, listed, rest)


def _mark(header: Mapping[str, Any] | None) -> Mark | None:
    if header is None or "owner" not in header:
        return None
    try:
        return Mark.from_json(header)
    except ValueError as error:
        raise MisreadError("the line that begins with '# reconciler:' was damaged") from error


def text_of(key: str, spec: Mapping[str, Any], mark: Mark | None, before: Parsed | None) -> str:
    """The text of a file. What `spec` does not speak of, and the file had `before`, stays."""
    data: dict[str, Any] = {"model": ordered(spec["model"])}
    for name in ("probe", "dataset"):
        # absent is unmanaged, null or empty is cleared
        value = spec[name] if name in spec else before.spec.get(name) if before is not None else None
        if value:
            data[name] = value
    if spec.get("generation"):
        data["generation"] = spec["generation"]
    if before is not None:
        data |= before.rest
    header: dict[str, Any] = {"file": key}
    if spec.get("harness") is False:
        header["harness"] = False
    if mark is not None:
        header |= mark.to_json()
    return dump_yaml(data, header=f"{SAID}\n{line_of(header)}")


def line_of(header: Mapping[str, Any]) -> str:
    """Our line. ASCII, since some characters end a comment."""
    return MARK + json.dumps(header, ensure_ascii=True, separators=(",", ":"))


def ordered(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model with its members in the order in which insideLLMs's constructors have them."""
    known = ("type", "args", "pipeline")
    plain = {name: model[name] for name in (*known, *sorted(model.keys() - set(known))) if model.get(name) is not None}
    args = plain.get("args")
    if isinstance(args, dict):
        names = [name for name in ARGUMENTS.get(str(plain.get("type")), ()) if name in args]
        plain["args"] = {name: args[name] for name in (*names, *sorted(args.keys() - set(names)))}
    return plain
