"""Errors as text for people and as JSON for machines."""

from __future__ import annotations

from typing import Any, Final

from reconciler.core.errors import ConfigError, ManifestError, ReconcilerError
from reconciler.core.problem_json import FORMAT_VERSION, problem_to_json
from reconciler.core.telling import masked
from reconciler.render.terminal import Style

MOST_LINES: Final = 20  # of a list in an error's message


def error_text(error: ReconcilerError, style: Style) -> str:
    """`error: message`, and below it the hint.

    Further lines of the message are a list, which is cut where it is long.
    """
    lines = [f"{style.paint('error:', 'red', 'bold')} {_lines(message_of(error), style)}"]
    if hint := hint_of(error):
        lines.append(f"{style.paint('hint:', 'cyan', 'bold')} {_lines(hint, style)}")
    return "\n".join(lines)


def _lines(text: str, style: Style) -> str:
    """`text` with its own line breaks. Further lines are indented: none of them passes for another error or hint."""
    first, *others = text.split("\n")
    shown = [f"  {style.safe(line.removeprefix('  '))}".rstrip() for line in others[:MOST_LINES]]
    rest = len(others) - len(shown)
    return "\n".join([style.safe(first), *shown, *([f"  ... and {rest:,} more"] if rest > 0 else [])])


def error_json(error: ReconcilerError) -> dict[str, Any]:
    """The contract's error object; `problems` is there where the error is about places in files."""
    data: dict[str, Any] = {"format_version": FORMAT_VERSION, "error": error_data(error)}
    if isinstance(error, ManifestError) or (isinstance(error, ConfigError) and error.problems):
        data["problems"] = [problem_to_json(problem) for problem in error.problems]
    return data


def error_data(error: ReconcilerError) -> dict[str, Any]:
    """What is wrong and what to do next, as the member `error` of an answer has it."""
    return {"code": error.code, "message": message_of(error), "hint": hint_of(error)}


def message_of(error: ReconcilerError) -> str:
    """What is wrong; what looks like a credential in it, such as a name that it quotes, is masked."""
    return masked(error.message)


def hint_of(error: ReconcilerError) -> str | None:
    """What to do next, masked as the message is."""
    return masked(error.hint) if error.hint else None
