"""Inputs that nobody means: examples spoilt byte by byte, and well-formed texts of the wrong shape. One seed is one input."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, Final

LONGEST: Final = 4_096  # bytes of a spoilt example
WORDS: Final = (
    *(b"${env:X}", b"${file:/etc/passwd}", b"$${", b"<<: *a", b"&a ", b"*a", b"? ", b"- ", b": ", b"|\n", b">-\n"),
    *(b"!!binary ", b"%YAML 1.1\n", b"---\n", b"...\n", b"\0", b"\xff", b"\xef\xbb\xbf", "\u2028".encode(), b"\t"),
    *(b"1e999", b"-0", b"NaN", b'"', b"'", b"[", b"{", b"}", b"]", b"null", b"true", b"0777", b"1:30", b"key"),
    *(b"kind: Model\n", b"kind: latticeflow/Model\n", b"model_list:\n", b"agents:\n", b"model: {type: openai}\n"),
    *(b"\\u0000", b"\\ud800", b'"format_version": "1.0"', b"#", b"\r\n", b"x-unmanaged: {a: 1}\n", b"state: absent\n"),
)
DEPTHS: Final = (3, 30, 99, 101, 400, 3_000)
ODD: Final[Sequence[Any]] = (
    *(None, True, False, 0, -1, 1, 2**63, -(2**63) - 1, 10**300, 0.5, -0.0, 1e308, 5e-324),
    *("", " ", "\0", "\n", "\u2028", "\ufeff", "\ud800", "é", "x" * 3_000, "0777", "null", "2026-11-28", "1e999", "-"),
    *("${env:HOME}", "${var:nobody}", "${file:nowhere}", "${cmd:vault/x}", "${", "$${x}", "https://u:p@[::1/v1", "%zz"),
    *("https://llm.example.com:99999/v1", "//x", "a/b/c", "..", "Model", "local", "(present)", "2026-13-45T99:99:99Z"),
    *([], {}, [[]], [None], {"": ""}, {"a": {}}, [{}], ["a", 1, None], {"key": "x", "kind": "Model"}),
)
NAMES: Final = (
    "",
    "key",
    "kind",
    "spec",
    "id",
    "name",
    "metadata",
    "a/b~c",
    "\u2028",
    "<<",
    "x-unmanaged",
    "é" * 99,
    "0",
)


def spoilt(chance: random.Random, known: Sequence[bytes]) -> bytes:
    """An example with bytes and lines dropped, doubled and swapped, parts of one in another, and words that mean something put in."""
    data = bytearray(chance.choice(known))
    for _ in range(chance.randint(1, 8)):
        one, other = sorted(chance.randint(0, len(data)) for _ in range(2))
        match chance.randrange(6):
            case 0:
                del data[one : min(other, one + 40)]
            case 1:
                data[one:one] = chance.choice(WORDS)
            case 2:
                data[one:one] = data[one : min(other, one + 80)]
            case 3 if data:
                data[min(one, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 4:
                piece = chance.choice(known)
                start = chance.randint(0, len(piece))
                data[one:other] = piece[start : start + 120]
            case _:
                lines = bytes(data).splitlines(keepends=True)
                chance.shuffle(lines)
                data = bytearray(b"".join(lines[: chance.randint(0, len(lines))]))
    return bytes(data[:LONGEST])


def nested(chance: random.Random, levels: int) -> Any:
    """A value so many maps and lists deep."""
    value: Any = chance.choice(ODD)
    for level in range(levels):
        value = {"in": value} if level % 2 else [value]
    return value


def misshapen(chance: random.Random, tree: Any) -> Any:
    """The tree with one to four places of it changed: other values, other names, less, more or deeper."""
    for _ in range(chance.randint(1, 4)):
        tree = _changed(chance, tree)
    return tree


def _changed(chance: random.Random, tree: Any) -> Any:
    if not isinstance(tree, dict | list) or not tree or chance.random() < 0.2:
        return _other(chance, tree)
    if isinstance(tree, list):
        items = list(tree)
        at = chance.randrange(len(items))
        match chance.randrange(5):
            case 0:
                del items[at]
            case 1:
                items.insert(at, items[at])
            case 2:
                items.insert(at, _other(chance, items[at]))
            case _:
                items[at] = _changed(chance, items[at])
        return items
    members = dict(tree)
    name = chance.choice(list(members))
    match chance.randrange(6):
        case 0:
            del members[name]
        case 1:
            members[chance.choice(NAMES)] = members.pop(name)
        case 2:
            members[chance.choice(NAMES)] = _other(chance, members[name])
        case _:
            members[name] = _changed(chance, members[name])
    return members


def _other(chance: random.Random, value: Any) -> Any:
    match chance.randrange(8):
        case 0:
            return [value]
        case 1:
            return {chance.choice(NAMES): value}
        case 2 if isinstance(value, int | float):
            return f"{value:e}"
        case 3:
            return nested(chance, chance.choice(DEPTHS))
        case _:
            return chance.choice(ODD)


def as_json(chance: random.Random, tree: Any) -> bytes:
    """The tree as JSON, now and then with a member twice, a number or a word that JSON has not, or a part that is missing."""
    try:
        text = json.dumps(tree, ensure_ascii=chance.random() < 0.5)
    except (ValueError, RecursionError):  # too deep, or too large a number, for this writer
        text = "[" * 5_000 if chance.random() < 0.5 else '{"n": ' + "9" * 5_000 + "}"
    match chance.randrange(12):
        case 0:
            text = text.replace("{", '{"id": 1, "id": "x", "key": null, "key": "x", ', 1)
        case 1:
            text = text.replace("null", chance.choice(("NaN", "Infinity", "-", "1e999", "0x1", "01")))
        case 2:
            text = text[: chance.randint(0, len(text))]
        case 3:
            text = "\ufeff" + text + "\0"
    return text.encode("utf-8", "surrogatepass")


def as_yaml(chance: random.Random, tree: Any) -> bytes:
    """The tree as YAML, with anchors, aliases, tags, merge keys, names that are no text, and members twice here and there."""
    writer = _Yaml(chance)
    documents = [writer.flow(tree) if chance.random() < 0.5 else writer.block(tree, 0)]
    if chance.random() < 0.1:
        documents.append(writer.flow(chance.choice(ODD)))
    return "\n---\n".join(documents).encode("utf-8", "surrogatepass")


class _Yaml:
    """Writes one text. Every so often it writes what a parser has to think about."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._anchors = 0
        self._room = 3_000  # values, after which the rest is left out

    def flow(self, tree: Any, depth: int = 0) -> str:
        self._room -= 1
        if self._room < 0 or depth > 900:  # as deep as Python's own calls go
            return "~"
        before = self._before()
        if before.startswith("*"):
            return before
        if isinstance(tree, dict):
            members = [f"{self._name(name)}: {self.flow(value, depth + 1)}" for name, value in tree.items()]
            return f"{before}{{{', '.join(self._doubled(members))}}}"
        if isinstance(tree, list):
            return f"{before}[{', '.join(self.flow(value, depth + 1) for value in tree)}]"
        return before + self._scalar(tree)

    def block(self, tree: Any, depth: int) -> str:
        indent = "  " * depth
        if isinstance(tree, dict) and tree and depth < 20:
            return "".join(
                self._doubled([f"\n{indent}{self._name(name)}: {self.block(tree[name], depth + 1)}" for name in tree])
            )
        if isinstance(tree, list) and tree and depth < 20:
            return "".join(f"\n{indent}- {self.block(value, depth + 1)}" for value in tree)
        return self.flow(tree)

    def _before(self) -> str:
        match self._chance.randrange(40):
            case 0:
                self._anchors += 1
                return f"&a{self._anchors} "
            case 1 if self._anchors:
                return f"*a{self._chance.randint(1, self._anchors)} "
            case 2:
                return self._chance.choice(("!!str ", "!!int ", "!!binary ", "!!set ", "!x ", "! ", "!<tag:y,2000:z> "))
        return ""

    def _name(self, name: str) -> str:
        match self._chance.randrange(60):
            case 0:
                return self._chance.choice(
                    ("? [a, b]\n", "? {a: b}\n", "1", "~", "1e999", "true", "<<", "''", "2026-11-28", "0x10")
                )
            case 1 if self._anchors:
                return f"*a{self._chance.randint(1, self._anchors)} "
        return self._scalar(name)

    def _doubled(self, members: list[str]) -> list[str]:
        if members and self._chance.random() < 0.05:
            return [*members, self._chance.choice(members)]
        if self._anchors and self._chance.random() < 0.05:
            at = "\n" if members and members[0].startswith("\n") else ""
            return [*members, f"{at}<<: *a{self._anchors}"]
        return members

    def _scalar(self, value: Any) -> str:
        if isinstance(value, str):
            if value.isalnum() and self._chance.random() < 0.7:
                return value
            return json.dumps(value, ensure_ascii=self._chance.random() < 0.5)
        if value == 10**300 and self._chance.random() < 0.5:
            return "9" * 4_300  # digits, more than Python reads
        return json.dumps(value)
