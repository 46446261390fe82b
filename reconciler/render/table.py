"""Tables of text: columns as wide as their widest cell on a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.render.terminal import Style
from reconciler.render.width import pad, text_width


def table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], style: Style) -> str:
    """Columns as wide as their widest cell; no spaces at the ends of lines."""
    cells = [[style.safe(cell(row.get(name))) for name in columns] for row in rows]
    titles = list(columns.values())
    widths = [max(map(text_width, column)) for column in zip(titles, *cells, strict=True)]
    lines = [_line(titles, widths), *(_line(row, widths) for row in cells)]
    return "\n".join([style.paint(lines[0], "bold"), *lines[1:]])


def cell(value: Any) -> str:
    """Absent and empty are a dash, so that columns stay columns."""
    return "-" if value is None or value == "" else str(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(pad(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def place_text(source: Mapping[str, Any] | None) -> str:
    """`file:line`, or nothing."""
    return f"{source['file']}:{source['line']}" if source is not None else ""
