"""Translate a policy's CEL expression over `manifest` into one over the object that an API server judges.

An object's `spec` is the manifest but for four things, each of which is said here: its kind and key, the defaults that a
manifest has written out, null (which a manifest has not), and references to secrets, which are spelt otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from reconciler.controller.cel import quoted

SPEC: Final = "object.spec"
OF_ITSELF: Final = ("key", "kind")  # what an object says elsewhere: variables of the admission policy
# what no object has, or what a policy does not see of a manifest
_UNSEEN: Final = frozenset({"extends", "format_version", "state", "waivers"})
_ELSEWHERE: Final = {
    "object": "it asks what a Model becomes in its registry (`object`), which the API server does not know",
    "registry": "it asks for the registry, which for most Models is known to the controller alone",
    "environment": "it asks for the environment, and a cluster has none",
}
# what CEL has in every API server that we support: its own macros and functions, and those for strings
_FUNCTIONS: Final = frozenset(
    "all bool bytes charAt contains double duration dyn endsWith exists exists_one filter getDate getDayOfMonth "
    "getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds has indexOf int join "
    "lastIndexOf lowerAscii map matches replace size split startsWith string substring timestamp trim type uint "
    "upperAscii".split()
)
_TOKEN: Final = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*)+)"""
    r"""|(?P<text>[bB]?[rR][bB]?(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"]*"|'[^']*')"""
    r"""|[bB]?(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<number>\d[\w]*(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<other>[\s\S])"""
)


class CannotSayError(Exception):
    """An expression has no equivalent over an object. Its text is the reason."""


class Meaning(NamedTuple):
    """What the members of a manifest mean: the defaults of those that have one, by their path, and the names of secret ones.

    `mixed` where objects of several kinds are judged, whose defaults differ.
    """

    defaults: Mapping[tuple[str, ...], str]
    secrets: frozenset[str]
    mixed: bool


class _Token(NamedTuple):
    kind: str
    text: str
    before: str  # the space and comments in front of it


def over_object(expression: str, meaning: Meaning) -> str:
    """The expression over `object` and `variables`. Raises CannotSayError."""
    return _Translation(_tokens(expression), meaning).text()


def _tokens(expression: str) -> list[_Token]:
    found: list[_Token] = []
    space = ""
    for match in _TOKEN.finditer(expression):
        kind = match.lastgroup or ""
        if kind == "space":
            space = re.sub(r"//[^\n]*", "", match[0])
        else:
            found.append(_Token(kind, match[0], space))
            space = ""
    return found


@dataclass
class _Translation:
    tokens: list[_Token]
    meaning: Meaning

    def text(self) -> str:
        """The whole expression, with its own spaces."""
        made: list[str] = []
        index = 0
        while index < len(self.tokens):
            end, said = self._at(index)
            made.append(self.tokens[index].before + said)
            index = end
        return "".join(made).strip()

    def _at(self, index: int) -> tuple[int, str]:
        """What stands at a token: the number of the one behind it, and its translation."""
        one = self.tokens[index]
        if one.kind == "text" and self._is(index - 1, "["):
            self._refuse_secret(one.text.strip("rRbB").strip("'\""))
        if one.kind != "name":
            return index + 1, one.text
        if self._is(index + 1, "(") and one.text not in _FUNCTIONS:
            raise CannotSayError(f"it calls {one.text}, which not every API server knows")
        if self._is(index - 1, "."):
            if not self._is(index + 1, "(") and not self._is_asked_for(index + 1):
                self._refuse_secret(one.text)
            return index + 1, one.text
        if one.text in _ELSEWHERE:
            raise CannotSayError(_ELSEWHERE[one.text])
        if one.text == "has" and self._is(index + 1, "(") and self._names(index + 2, "manifest"):
            return self._presence(index + 2)
        return self._value(index) if one.text == "manifest" else (index + 1, one.text)

    def _presence(self, index: int) -> tuple[int, str]:
        """`has(manifest...)`. Null counts as absent."""
        end, path = self._path(index)
        if not self._is(end, ")"):
            raise CannotSayError("it asks `has` for more than a member")
        if path in self.meaning.defaults or path[0] in OF_ITSELF:
            self._refuse_mixed(path)
            if len(path) > 1:
                raise CannotSayError(f"it asks whether {'.'.join(path)} is there, which has a default")
            return end + 1, "true"
        where = ".".join((SPEC, *path))
        return end + 1, f"(has({where}) && {where} != null)"

    def _value(self, index: int) -> tuple[int, str]:
        """`manifest...` as a value. What has a default is that where it is not there."""
        end, path = self._path(index)
        for name in path:
            self._refuse_secret(name)
        if path[0] in OF_ITSELF:
            return end, ".".join(("variables", *path))
        where, default = ".".join((SPEC, *path)), self.meaning.defaults.get(path)
        if default is None:
            return end, where
        self._refuse_mixed(path)
        return end, f"(has({where}) && {where} != null ? {where} : {quoted(default)})"

    def _path(self, index: int) -> tuple[int, tuple[str, ...]]:
        """The members behind `manifest`, and the number of the token behind them."""
        path: list[str] = []
        index += 1
        while self._is(index, ".") and self._names(index + 1) and not self._is(index + 2, "("):
            path.append(self.tokens[index + 1].text)
            index += 2
        if not path:
            raise CannotSayError("it looks at the manifest as a whole, and an object has other members")
        if path[0] in _UNSEEN:
            raise CannotSayError(f"it looks at `{path[0]}`, which is about manifests")
        return index, tuple(path)

    def _refuse_secret(self, name: str) -> None:
        if name in self.meaning.secrets:
            raise CannotSayError(f"it looks at the value of `{name}`: a cluster spells references to secrets otherwise")

    def _refuse_mixed(self, path: tuple[str, ...]) -> None:
        if self.meaning.mixed and path in self.meaning.defaults:
            raise CannotSayError(f"{'.'.join(path)} has a default in Models alone: give it `match: {{kinds: [Model]}}`")

    def _is_asked_for(self, index: int) -> bool:
        """True where the path before a token is all that a `has` asks for."""
        if not self._is(index, ")"):
            return False
        index -= 1
        while self._names(index) and self._is(index - 1, "."):
            index -= 2
        return self._is(index - 1, "(") and self._names(index - 2, "has")

    def _is(self, index: int, text: str) -> bool:
        return 0 <= index < len(self.tokens) and self.tokens[index] == ("other", text, self.tokens[index].before)

    def _names(self, index: int, name: str | None = None) -> bool:
        there = 0 <= index < len(self.tokens) and self.tokens[index].kind == "name"
        return there and (name is None or self.tokens[index].text == name)
