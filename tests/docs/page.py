"""A page of Markdown as what a reader does with it: files to write, commands to run, programs, and the servers that it talks to.

Conventions, all of them invisible or harmless where Markdown is rendered:

- a fenced block with `title="reconciler.yaml"` is a file of that name;
- a `console` block holds commands, each after `$ `, and what each prints; a line `...` stands for any lines;
- a `python` block without a title is a program; a `text` block right after it is what it prints;
- a `shell` block is for commands that a test cannot run (installing), each of which the test knows;
- `<!-- test: COMMANDS -->` is run at this place: what the reader is told has happened;
- `<!-- server: aigo https://aigo.example.com -->` says which server stands behind a URL of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

_FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>[a-z]+)(?P<info>[^\n]*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_COMMENT: Final = re.compile(r"^<!-- (?P<what>test\n|test: |server: )(?P<body>.*?)-->$", re.MULTILINE | re.DOTALL)
_TITLE: Final = re.compile(r'title="([^"]+)"')


class Script(NamedTuple):
    """Shell commands that the reader does not see."""

    text: str
    line: int


class Server(NamedTuple):
    """A server by the name of its kind, and the words of the page that lead to it."""

    kind: str
    words: tuple[str, ...]
    line: int


class Block(NamedTuple):
    """A fenced block. `start` and `end` are where its body stands in the page."""

    language: str
    title: str | None
    text: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Command:
    """One command of a console block, and what the page says that it prints."""

    text: str
    output: str


def items(text: str) -> Iterator[Script | Server | Block]:
    """What a page holds, in its order."""
    for match in sorted((*_FENCE.finditer(text), *_COMMENT.finditer(text)), key=lambda match: match.start()):
        line = text.count("\n", 0, match.start()) + 1
        if match.re is _FENCE:
            title = _TITLE.search(match["info"])
            yield Block(match["language"], title[1] if title else None, match["body"], line, *match.span("body"))
        elif match["what"].startswith("test"):
            yield Script(match["body"], line)
        else:
            kind, *words = match["body"].split()
            yield Server(kind, tuple(words), line)


def commands(block: str) -> list[Command]:
    """The commands of a console block. One that ends in a backslash goes on in the next line."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif found and not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line)
        else:
            found[-1][1].append(line)
    return [Command("\n".join(words), "\n".join(output)) for words, output in found]


def shown(done: list[Command]) -> str:
    """A console block again, from its commands."""
    return "".join(f"$ {one.text}\n" + (f"{one.output.strip(chr(10))}\n" if one.output.strip() else "") for one in done)


_CHANGING: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:-]+(?:[.-]\d+)?(?:Z|\+00:00)?"), "<time>"),
    (re.compile(r"\s+[\d.,]+ m?s\b"), " <duration>"),
    (re.compile(r"[\d.,]+ tokens/s"), "<rate> tokens/s"),
    (re.compile(r"(?<= )\d+(?:s|m(?:\d+s)?)$", re.MULTILINE), "<age>"),  # as kubectl's last column has it
    (re.compile(r"\b[0-9a-f]{12,}\b"), "<hash>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<host>"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def steady(text: str) -> str:
    """The text without what differs from run to run: times, durations, rates, ages, hashes, ports."""
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return text.strip("\n")


def same(expected: str, actual: str) -> bool:
    """Whether a command printed what the page says, where a line `...` stands for any lines."""
    lines = [".*" if line.strip() == "..." else re.escape(line) for line in steady(expected).split("\n")]
    pattern = "\n".join(lines).replace("\n.*", "(?:\n.*)?").replace(".*\n", "(?:.*\n)?")
    return re.fullmatch(pattern, steady(actual), re.DOTALL) is not None


def pages(root: Path) -> list[Path]:
    """Every page for users: the README and what is in docs/, the generated reference excepted."""
    found = [path for path in (root / "docs").rglob("*.md") if "reference" not in path.relative_to(root).parts]
    return [root / "README.md", *sorted(found)]
