"""Answers as JSON, for the commands that have a shape of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.cli.streams import answer
from reconciler.core.problem_json import FORMAT_VERSION
from reconciler.render.jsontext import dumps


def answer_json(data: Mapping[str, Any]) -> None:
    """One JSON object, to stdout."""
    answer(dumps({"format_version": FORMAT_VERSION, **data}), exact=True)
