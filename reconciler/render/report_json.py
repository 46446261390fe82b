"""Render the report of an apply as JSON."""

from __future__ import annotations

from typing import Any

from reconciler.applier.report import Outcome, Report
from reconciler.core.problem_json import FORMAT_VERSION
from reconciler.render.jsontext import dumps
from reconciler.render.terminal import Style


def render(report: Report, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """The contract's `apply` object, and next to it `notes` and `interrupted`."""
    return dumps(
        {
            "format_version": FORMAT_VERSION,
            "summary": report.summary(),
            "outcomes": [_outcome(outcome) for outcome in report.outcomes],
            "backup": report.backup,
            "notes": list(report.notes),
            "interrupted": report.interrupted,
        }
    )


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "address": str(outcome.address),
        "action": outcome.action,
        "status": outcome.status,
        "reason": outcome.reason,
        "started_ms": round(outcome.started * 1000),
        "duration_ms": round(outcome.duration * 1000),
        "message": outcome.message,
    }
