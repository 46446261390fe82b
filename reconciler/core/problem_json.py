"""Problems as JSON data, and the version that every JSON answer bears."""

from __future__ import annotations

from typing import Any, Final

from reconciler.core.errors import Problem

FORMAT_VERSION: Final = "1.0"


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """One problem with all its keys. A problem without an end is a point: it ends where it begins."""
    end_line, end_column = end_of(problem)
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "end_line": end_line,
        "end_column": end_column,
        "rule": problem.rule,
        "severity": problem.severity,
        "message": problem.message,
        "pointer": problem.pointer,
        "suggestion": problem.suggestion,
        "environment": problem.environment,
    }


def end_of(problem: Problem) -> tuple[int, int]:
    """Line and column where a problem ends: exclusive, from 1, never before its start."""
    end = (problem.end_line or problem.line, problem.end_column or problem.column)
    return max(end, (problem.line, problem.column))
