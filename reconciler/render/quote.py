"""Quote the line of a problem, underlined, with the secrets on it masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from reconciler.core.errors import Problem, is_error
from reconciler.core.problem_json import end_of
from reconciler.render import escape
from reconciler.render.credentials import Span
from reconciler.render.masking import Secrets, hidden
from reconciler.render.terminal import Style
from reconciler.render.width import ELLIPSIS, char_width, text_width

MASK: Final = "***"
TAB: Final = 4
LOOKED_AT: Final = (4000, 1000)  # code points before and after the place of which a line is looked at


class _Cell(NamedTuple):
    """One piece of what is shown: the code points `start` to `end` of the line, as `text`, `width` columns wide."""

    start: int
    end: int
    text: str
    width: int


def quote(problem: Problem, lines: Sequence[str], secrets: Secrets, style: Style) -> list[str]:
    """The line, with its number, and a caret line below; nothing where the file has no such line."""
    if not 1 <= problem.line <= len(lines):
        return []
    line = lines[problem.line - 1].rstrip("\r\n")
    start, end = _place(problem, line)
    window = max(0, start - LOOKED_AT[0]), min(len(line), start + LOOKED_AT[1])
    cells = _cells(line, window, hidden(problem.file, problem.line, line, secrets, window))
    before, marked = _spans(cells, start, end)
    gutter = len(str(problem.line))
    first, shown = _shown(cells, before, marked, max(20, style.width - gutter - 3))
    indent = " " * (before - first)
    underline = ("^" + "~" * (marked - 1))[: max(1, text_width(shown) - len(indent))]
    bar = style.paint("|", "blue")
    colour = "red" if is_error(problem) else "yellow"
    return [
        f"{style.paint(str(problem.line), 'blue')} {bar} {shown}".rstrip(),
        f"{' ' * gutter} {bar} {indent}{style.paint(underline, colour)}",
    ]


def _place(problem: Problem, line: str) -> tuple[int, int]:
    """The code points, from 0, that a problem marks on its first line: at least one, which may be behind the end."""
    start = min(max(problem.column - 1, 0), len(line))
    end_line, end_column = end_of(problem)
    end = end_column - 1 if end_line == problem.line else len(line.rstrip())
    return start, max(end, start + 1)


def _spans(cells: Sequence[_Cell], start: int, end: int) -> tuple[int, int]:
    """`(columns before, columns marked)` of the code points `start` to `end`; at least one column is marked."""
    before = sum(cell.width for cell in cells if cell.end <= start)
    marked = sum(cell.width for cell in cells if cell.end > start and cell.start < end)
    return before, max(1, marked)


def _shown(cells: Sequence[_Cell], before: int, marked: int, room: int) -> tuple[int, str]:
    """`(column of the line at which the text begins, text)`: the whole line, or what fits around the marked part."""
    total = max(sum(cell.width for cell in cells), before + 1)
    if total <= room:
        return 0, "".join(cell.text for cell in cells)
    inner = room - 2  # an ellipsis on either side
    wanted = max(0, min(before - max(inner // 4, (inner - marked) // 2), total - inner))
    column, first, used, text = 0, before, 0, ""
    for cell in cells:
        if column >= wanted and used + cell.width > inner:
            text += ELLIPSIS
            break
        if column >= wanted:
            first = column if not text else first
            text += cell.text
            used += cell.width
        column += cell.width
    return (first - 1, ELLIPSIS + text) if first > 0 and wanted > 0 else (first, text)


def _cells(line: str, window: Span, masked: Sequence[Span]) -> list[_Cell]:
    """The cells that show the code points in `window`. A masked span is one cell."""
    cells: list[_Cell] = []
    place, column = window[0], 0
    ends = dict(masked)
    while place < window[1]:
        char = line[place]
        if place in ends:
            cell = _Cell(place, ends[place], MASK, len(MASK))
        elif " " <= char <= "~":
            cell = _Cell(place, place + 1, char, 1)
        else:
            text = " " * (TAB - column % TAB) if char == "\t" else escape.printable(char)
            cell = _Cell(place, place + 1, text, char_width(text) if len(text) == 1 else len(text))
        cells.append(cell)
        place, column = cell.end, column + cell.width
    return cells
