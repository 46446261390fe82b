"""The small answers: tables of `list`, `history` and `models`, the text of `get` and `test`, and errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.core.errors import ConfigError, ManifestError, ReconcilerError
from reconciler.core.problem_json import FORMAT_VERSION, problem_to_json
from reconciler.render.jsontext import dumps
from reconciler.render.terminal import Style
from reconciler.render.width import pad, text_width

MOST_LINES: Final = 20  # of a list in an error's message


def list_text(rows: Sequence[Mapping[str, Any]], style: Style, *, whole: bool = True) -> str:
    """The resources of the `list` answer as a table. `whole` says that there is nothing beside them that could not be read."""
    columns = {"address": "ADDRESS", "owner": "OWNER", "updated_at": "UPDATED"}
    nothing = "Nothing is there." if whole else "Nothing is there that can be read."
    return _table(columns, rows, style) if rows else nothing


def history_text(rows: Sequence[Mapping[str, Any]], style: Style) -> str:
    """The revisions of one object as a table, in the order given. Plans are told by 12 digits."""
    columns = {"revision": "REVISION", "at": "AT", "action": "ACTION", "key": "KEY", "actor": "BY", "plan": "PLAN"}
    shown = [{**row, "plan": str(row.get("plan") or "")[:12]} for row in rows]
    return _table(columns, shown, style) if rows else "There is no history."


def get_text(answer: Mapping[str, Any], style: Style) -> str:
    """The `get` answer: what is known of the object, then its spec as JSON."""
    names = {"address": "Address", "owner": "Owner", "revision": "Revision", "updated_at": "Updated"}
    facts = [(title, answer.get(name)) for name, title in names.items()]
    lines = [f"{style.paint(f'{title}:'.ljust(10), 'bold')}{style.safe(_cell(value))}" for title, value in facts]
    unmanaged = answer.get("unmanaged")
    beside = [style.paint("Unmanaged, which no kind declares:", "bold"), dumps(unmanaged)] if unmanaged else []
    return "\n".join([*lines, dumps(answer.get("spec", {})), *beside])


def checks_text(answer: Mapping[str, Any], style: Style) -> str:
    """The `test` answer: the address, a line for each check, and what the model answered, set in, so that it passes for nothing else."""
    lines = [style.paint(style.safe(answer["address"]), "bold"), *_checks(answer["checks"], style)]
    output = answer["output"]
    if output is not None:
        text = output if isinstance(output, str) else dumps(output)
        lines += ["output:", *(f"  {style.safe(line)}".rstrip() for line in text.split("\n"))]
    return "\n".join(lines)


_COLOURS: Final = {"ok": ("green",), "degraded": ("yellow",), "failed": ("red", "bold")}


def _checks(checks: Sequence[Mapping[str, Any]], style: Style) -> Iterator[str]:
    names, times = [style.safe(check["name"]) for check in checks], [f"{check['duration_ms']:,} ms" for check in checks]
    wide, long = max(map(text_width, names), default=0), max(map(len, times), default=0)
    broad = max((len(check["state"]) for check in checks), default=0)
    for check, name, time in zip(checks, names, times, strict=True):
        state = check["state"]
        ended = style.paint(state.ljust(max(broad, len("failed"))), *_COLOURS[state])
        yield f"  {ended}  {pad(name, wide)}  {time:>{long}}  {style.safe(check['message'])}".rstrip()


def models_text(answer: Mapping[str, Any], style: Style) -> str:
    """The models of the `models` answer as a table."""
    columns = {"model": "MODEL", "key": "KEY", "title": "TITLE", "declared": "DECLARED", "stored": "STORED"}
    rows = [
        row | {"declared": place_text(row["declared"]), "stored": "yes" if row["stored"] else ""}
        for row in answer["models"]
    ]
    return _table(columns, rows, style) if rows else f"{style.safe(answer['provider'])} offers nothing."


def place_text(source: Mapping[str, Any] | None) -> str:
    """`file:line`, or nothing."""
    return f"{source['file']}:{source['line']}" if source is not None else ""


def error_text(error: ReconcilerError, style: Style) -> str:
    """`error: message`, and below it the hint. What stands on further lines of the message is a list, and cut as one."""
    lines = [f"{style.paint('error:', 'red', 'bold')} {_lines(error.message, style)}"]
    if error.hint:
        lines.append(f"{style.paint('hint:', 'cyan', 'bold')} {_lines(error.hint, style)}")
    return "\n".join(lines)


def _lines(text: str, style: Style) -> str:
    """`text` with its own line breaks. Further lines are indented: none of them passes for another error or hint."""
    first, *others = text.split("\n")
    shown = [f"  {style.safe(line.removeprefix('  '))}".rstrip() for line in others[:MOST_LINES]]
    rest = len(others) - len(shown)
    return "\n".join([style.safe(first), *shown, *([f"  ... and {rest:,} more"] if rest > 0 else [])])


def error_json(error: ReconcilerError) -> dict[str, Any]:
    """The contract's error object; `problems` is there where the error is about places in files."""
    data: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "error": {"code": error.code, "message": error.message, "hint": error.hint},
    }
    if isinstance(error, ManifestError) or (isinstance(error, ConfigError) and error.problems):
        data["problems"] = [problem_to_json(problem) for problem in error.problems]
    return data


def _table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], style: Style) -> str:
    """Columns as wide as their widest cell; no spaces at the ends of lines."""
    cells = [[style.safe(_cell(row.get(name))) for name in columns] for row in rows]
    titles = list(columns.values())
    widths = [max(map(text_width, column)) for column in zip(titles, *cells, strict=True)]
    lines = [_line(titles, widths), *(_line(row, widths) for row in cells)]
    return "\n".join([style.paint(lines[0], "bold"), *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(pad(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    """Absent and empty are a dash, so that columns stay columns."""
    return "-" if value is None or value == "" else str(value)
