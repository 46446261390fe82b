"""YAML texts as people write them, and worse: every style, comments in every place, anchors, several documents.

`written(seed)` is one text; most hold documents without a problem.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

KEYS: Final = ("kind", "key", "a", "b", "c", "d", "yes", "1", "n", "long key", "'quoted'", '"<<"', "<<")
SCALARS: Final = (
    "x", "'it''s'", '"q\\n\\u00e9"', "no", "0777", "1e3", "~", "", "true", "${env:A}", "https://x/y", "a b", "é", "'#no'", "'x # no'", '"a # b # c"',
    "a#b", '"2026-11-20"', "2026-11-20", "null", "True", "0x1F", ".5", "-1", "'- x'", "x-", "[1, {a: b}]", "{a: 1,b: 'x, y'}",
    "[]", "{}", "\u2028", "1:30",
)  # fmt: skip
BLOCKS: Final = (
    ["x"], ["x", "", "y"], ["  lead", "x"], ["x   "], ["# no comment"], ["a: b"], ["", "x", ""], ["x", "   y", "z"], [""],
)  # fmt: skip
FLOWING: Final = ("plain text\n{}goes on", "'quoted\n{}on  \n\n{}x'", '"dq \\\n{}  x\\n\n{}sy"', '"a\\ \n{}b"')
STARTS: Final = ("", "# top\n", "# top\n\n", "---\n", "--- # m\n", "\n\n", "%YAML 1.2\n---\n")
BETWEEN: Final = ("---\n", "--- # sep\n", "...\n---\n", "...\n# between\n---\n", "--- &root\n")


def written(seed: int) -> str:
    """One text, by its number."""
    return "".join(_Writer(random.Random(seed)).text())


class _Writer:
    """One text, written line by line."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.lines: list[str] = []
        self.anchors: list[str] = []

    def text(self) -> Iterator[str]:
        yield self.chance.choice(STARTS)
        for number in range(self.chance.choice((1, 1, 1, 2, 3))):
            if number:
                yield self.chance.choice(BETWEEN)
            self.lines, self.anchors = [], []
            self.collection(0, 3)
            text = "\n".join(self.lines)
            yield text + "\n" * self.chance.randrange(1, 4)
        yield self.chance.choice(("", "", "", "# end"))

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def comments(self, indent: int) -> None:
        while self.often(0.25):
            pad = " " * self.chance.choice((indent, indent, self.chance.randrange(indent + 4)))
            self.lines.append(self.chance.choice(("", f"{pad}# c{self.chance.randrange(1000)}")))

    def beside(self) -> str:
        return self.chance.choice(("", "", "", f" # b{self.chance.randrange(1000)}", "   # far"))

    def collection(self, indent: int, depth: int, first: str | None = None) -> None:
        """A block map or list, whose first line begins with `first` where it stands behind a dash."""
        is_map = first is None or self.often(0.6)
        for number, key in enumerate(self.chance.sample(KEYS, self.chance.randrange(1, 6))):
            begins = number == 0 and first is not None
            if not begins:
                self.comments(indent)
            start = first if begins and first is not None else " " * indent
            head = f"{start}{key}:" if is_map else f"{start}-"
            if is_map and not begins and self.often(0.05):
                head = f"{start}? {key}\n{' ' * indent}:"
            self.entry(head, indent, depth, is_map=is_map, merges=is_map and key == "<<")
        if self.often(0.2):
            self.comments(indent)

    def entry(self, head: str, indent: int, depth: int, *, is_map: bool, merges: bool) -> None:
        beside = self.beside()
        if merges:
            alias = f"*{self.chance.choice(self.anchors)}" if self.anchors and self.often(0.3) else "{m: 1, a: x}"
            self.lines.append(f"{head} {alias}{beside}")
        elif self.anchors and self.often(0.05):
            self.lines.append(f"{head} *{self.chance.choice(self.anchors)}{beside}")
        elif depth and self.often(0.4):
            self.nested(head, indent, depth, beside, is_map=is_map)
        else:
            self.scalar(head, indent, beside)

    def anchor(self) -> str:
        if not self.often(0.12):
            return ""
        self.anchors.append(f"n{len(self.anchors)}")
        return f" &{self.anchors[-1]}"

    def nested(self, head: str, indent: int, depth: int, beside: str, *, is_map: bool) -> None:
        properties, step = self.anchor(), self.chance.choice((1, 2, 3, 4))
        if not is_map and not properties and self.often(0.6):
            self.collection(indent + max(step, 2), depth - 1, head + " " * (max(step, 2) - 1))
            return
        self.lines.append(f"{head}{properties}{beside}")
        if is_map and self.often(0.3):
            dashes = indent + self.chance.choice((0, 2))
            for _ in range(self.chance.randrange(1, 4)):
                self.comments(dashes)
                self.scalar(" " * dashes + "-", dashes, self.beside())
        else:
            self.comments(indent + step)
            self.collection(indent + step, depth - 1)

    def scalar(self, head: str, indent: int, beside: str) -> None:
        properties = self.anchor() + (" !!str" if self.often(0.03) else "")
        step = self.chance.choice((1, 2, 4))
        pad = " " * (indent + step)
        if self.often(0.1):
            self.lines.append(f"{head}{properties} {self.block(pad, step)}")
        elif self.often(0.1):
            self.lines.append(f"{head}{properties} {self.chance.choice(FLOWING).replace('{}', pad)}{beside}")
        elif self.often(0.08):
            inside = f"[a,{beside}\n{pad}# in brackets\n{pad}{{x: 1,\n{pad}'y': [2]}}]"
            self.lines.append(f"{head}{properties} {inside}{beside}")
        elif self.often(0.05):
            self.lines.append(f"{head}{properties}{beside}\n{pad}next line{beside}")
        else:
            self.lines.append(f"{head}{properties} {self.chance.choice(SCALARS)}{beside}")

    def block(self, pad: str, step: int) -> str:
        lines = self.chance.choice(BLOCKS)
        first = next((line for line in lines if line), "")
        digit = str(step) if first.startswith(" ") or self.often(0.5) else ""
        header = f"{self.chance.choice('|>')}{digit}{self.chance.choice(('', '-', '+'))}{self.chance.choice(('', ' # head'))}"
        blank = "\n" * self.chance.randrange(3)
        return f"{header}\n" + "\n".join(pad + line if line else "" for line in lines) + blank
