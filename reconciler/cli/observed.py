"""Observed runs: whether the environment asks for OpenTelemetry, and the span of a whole command. Imports nothing of it otherwise."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from reconciler.cli.streams import warn
from reconciler.core.observing import Observer, observed_by

_ASKING: Final = tuple(
    f"OTEL_{name}"
    for name in (
        "EXPORTER_OTLP_ENDPOINT",
        "EXPORTER_OTLP_TRACES_ENDPOINT",
        "EXPORTER_OTLP_METRICS_ENDPOINT",
        "TRACES_EXPORTER",
        "METRICS_EXPORTER",
    )
)
_AS_WANTED: Final = (0, 2)  # done, or changes are pending


def is_wanted(environ: Mapping[str, str]) -> bool:
    """True where a standard variable asks for spans or metrics, and none turns the SDK off."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not off and any(environ.get(name, "") not in ("", "none") for name in _ASKING)


def run(words: Sequence[str], commands: Collection[str], work: Callable[[], int]) -> int:
    """The exit code of `work`, observed. What goes wrong with the telemetry is a warning, and nothing else changes."""
    with ExitStack() as stack:
        try:
            observer = stack.enter_context(importlib.import_module("reconciler.cli.telemetry").telemetry())
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("opentelemetry"):
                raise
            warn("OpenTelemetry is asked for and not installed: pip install 'model-reconciler[otel]'")
            return work()
        except ValueError as error:
            warn(f"OpenTelemetry is not used: {error}")
            return work()
        return observe(observer, words, commands, work)


def observe(observer: Observer, words: Sequence[str], commands: Collection[str], work: Callable[[], int]) -> int:
    """The exit code of `work`, all of which is one span of that observer."""
    command = next((word for word in words if word in commands), "")
    with observed_by(observer), observer.span(f"reconciler {command}".strip(), {}):
        code = work()
        observer.note("exit_code", code, failed=code not in _AS_WANTED)
        return code
