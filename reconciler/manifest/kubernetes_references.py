"""References in objects of Kubernetes: `${secret:NAME/KEY}` and `${configMap:NAME/KEY}`, spelt as the engine writes them.

An object is read by the controller and by `reconciler plan` of a folder alike, and neither may read what the other has
not: `${env:NAME}`, `${file:path}` and `${cmd:NAME/REST}` are refused in it. What a manifest says in these is kept in
Secrets and ConfigMaps of fixed names, whose keys tell what they stand for.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as json_pointer
from reconciler.core.late_pattern import late_pattern

SECRET: Final = "secret"  # noqa: S105  # a scheme, and the name of a secret command
CONFIG_MAP: Final = "configMap"
ENVIRONMENT: Final = "reconciler-env"  # the Secret with the variables that manifests name, under their names
COMMANDS: Final = "reconciler-commands"  # the Secret with what secret commands print
FILES: Final = "reconciler-files"  # the Secret, and the ConfigMap, with the files that manifests name

_TOKEN: Final = late_pattern(r"\$\$\{|\$\{([A-Za-z]+):([^{}]*)\}")
IN_A_CLUSTER: Final = late_pattern(r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)/([A-Za-z0-9._-]{1,253})")
_REFUSED: Final = frozenset({"env", "file", "cmd"})
_WAY_OUT: Final = "${secret:NAME/KEY} in a secret field, ${configMap:NAME/KEY} elsewhere"
AS_WRITTEN: Final = late_pattern(r"/(?:key|registries/[^/]+/key)")  # in a manifest: no reference is resolved there
_VARIABLE: Final = late_pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_IN_KEYS: Final = re.compile(rb"[^A-Za-z0-9.-]")


class Named(NamedTuple):
    """One value of a Secret or ConfigMap of the namespace."""

    kind: str  # secret or configMap
    name: str
    key: str

    @property
    def text(self) -> str:
        """The reference as an object writes it."""
        return f"${{{self.kind}:{self.name}/{self.key}}}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value of an object that cannot be used: where, and why."""

    pointer: str
    message: str


class References:
    """The references of one manifest that an object stands for, spelt anew. Gathers what is named, and what is refused."""

    def __init__(self, spell: Callable[[Named], str]) -> None:
        self.named: set[Named] = set()
        self.refusals: list[Refusal] = []
        self._spell = spell

    def translate(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """The value with its references as the engine writes them."""
        if isinstance(value, str):
            plain = "${" not in value or AS_WRITTEN.fullmatch(json_pointer.join(path))
            return value if plain else self._text(value, path)
        if isinstance(value, dict):
            return {name: self.translate(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.translate(item, (*path, str(index))) for index, item in enumerate(value)]
        return value

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        return _TOKEN.sub(lambda match: self._token(match, path), text)

    def _token(self, match: re.Match[str], path: tuple[str, ...]) -> str:
        scheme, rest = match[1], match[2]
        if scheme in _REFUSED:
            self._refuse(path, f"${{{scheme}:…}} is refused in a cluster: write {_WAY_OUT}")
        if scheme not in (SECRET, CONFIG_MAP):
            return match[0]
        found = IN_A_CLUSTER.fullmatch(rest)
        if found is None:
            self._refuse(path, f"a reference in a cluster is {_WAY_OUT}")
            return match[0]
        named = Named(scheme, found[1], found[2])
        self.named.add(named)
        return self._spell(named)

    def _refuse(self, path: tuple[str, ...], message: str) -> None:
        self.refusals.append(Refusal(json_pointer.join(path), message))


def in_a_cluster(named: Named) -> str:
    """A reference as the controller resolves it: a Secret by a command, a ConfigMap by a variable."""
    if named.kind == SECRET:
        return f"${{cmd:{SECRET}/{named.name}/{named.key}}}"
    return f"${{var:{variable(named.name, named.key)}}}"


def variable(name: str, key: str) -> str:
    """The variable that holds one value of a ConfigMap."""
    return f"{CONFIG_MAP}/{name}/{key}"


def on_a_machine(folder: str) -> Callable[[Named], str]:
    """References as `plan` of a folder of objects resolves them: what stands for a manifest's own is that again.

    `folder` is the file's, relative to the project root. Any other Secret is what the command `secret` of
    reconciler.yaml prints, any other ConfigMap a variable.
    """

    def spell(named: Named) -> str:
        if named.name == FILES:
            return f"${{file:{posixpath.relpath(decoded(named.key), folder)}}}"
        if named.kind == SECRET and named.name == ENVIRONMENT and _VARIABLE.fullmatch(named.key):
            return f"${{env:{named.key}}}"
        if named.kind == SECRET and named.name == COMMANDS:
            return f"${{cmd:{decoded(named.key)}}}"
        return in_a_cluster(named)

    return spell


def encoded(text: str) -> str:
    """A text as a key of a Secret or ConfigMap, which may hold letters, digits, `.`, `-` and `_` only."""
    return _NOT_IN_KEYS.sub(lambda match: b"_%02X" % match[0][0], text.encode()).decode()


def decoded(key: str) -> str:
    """The text that a key stands for."""
    raw = re.sub(rb"_([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), key.encode())
    return raw.decode(errors="replace")
