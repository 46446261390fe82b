"""OpenTelemetry: a run as spans and metrics, sent as the standard OTEL_* variables say. Imported only where one of them asks for it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from reconciler import __version__
from reconciler.cli.streams import warn
from reconciler.core.observing import Attributes

FLUSH_SECONDS: Final = 3.0  # that a run waits at its end for what is not sent yet
_LOGGER: Final = "opentelemetry"
_EXPORTERS: Final = ("otlp", "console", "none")


class Telemetry:
    """An observer that makes spans and metrics of what it is told."""

    def __init__(
        self, processor: SpanProcessor | None, reader: MetricReader | None, environ: Mapping[str, str]
    ) -> None:
        resource = Resource.create({"service.version": __version__, **_service(environ)})
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        if processor is not None:
            self._traces.add_span_processor(processor)
        self._metrics = MeterProvider([reader] if reader is not None else [], resource, shutdown_on_exit=False)
        self._parent = TraceContextTextMapPropagator().extract(
            {name: environ[name.upper()] for name in ("traceparent", "tracestate") if name.upper() in environ}
        )
        self._tracer = self._traces.get_tracer("reconciler", __version__)
        meter = self._metrics.get_meter("reconciler", __version__)
        self._durations = meter.create_histogram("reconciler.duration", "s", "How long a piece of work took.")
        self._changes = meter.create_counter("reconciler.changes", "{change}", "Changes, by how they ended.")
        self._drift = meter.create_gauge("reconciler.drift", "{object}", "Objects changed behind our back.")

    @contextmanager
    def span(self, name: str, attributes: Attributes) -> Iterator[None]:
        started = time.monotonic()
        current = trace.get_current_span().get_span_context().is_valid
        failed = ""
        with self._tracer.start_as_current_span(
            name,
            None if current else self._parent,
            attributes=dict(attributes),
            record_exception=False,  # its message may quote what nobody should see
            set_status_on_exception=False,
        ) as opened:
            try:
                yield
            except BaseException as error:
                failed = type(error).__name__
                opened.set_attribute("error.type", failed)
                opened.set_status(trace.StatusCode.ERROR)
                raise
            finally:
                told = {**attributes, "work": name, **({"error.type": failed} if failed else {})}
                self._durations.record(time.monotonic() - started, told)

    def note(self, name: str, value: int, *, failed: bool) -> None:
        opened = trace.get_current_span()
        opened.set_attribute(name, value)
        if failed:
            opened.set_status(trace.StatusCode.ERROR)

    def ended(self, name: str, seconds: float, attributes: Attributes) -> None:
        now = time.time_ns()
        opened = self._tracer.start_span(name, start_time=now - int(seconds * 1e9), attributes=dict(attributes))
        if attributes.get("status") != "ok":
            opened.set_status(trace.StatusCode.ERROR)
        opened.end(now)
        few = {key: value for key, value in attributes.items() if key != "address"}  # metrics are for few values each
        self._changes.add(1, few)
        self._durations.record(seconds, {**few, "work": name})

    def value(self, name: str, value: int, attributes: Attributes) -> None:
        self._drift.set(value, dict(attributes))

    def close(self, seconds: float) -> bool:
        """Send what is not sent yet, for at most that long. Returns whether all of it went."""
        closing = threading.Thread(target=self._shut_down, daemon=True)
        closing.start()
        closing.join(seconds)
        return not closing.is_alive()

    def _shut_down(self) -> None:
        self._traces.shutdown()
        self._metrics.shutdown(timeout_millis=FLUSH_SECONDS * 1000)


class _Failures(logging.Handler):
    """What the exporters log, kept to be told once and without its details: they hold addresses and headers."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:  # only that it came
        self.count += 1


@contextmanager
def telemetry() -> Iterator[Telemetry]:
    """What the environment asks for, for one run; at its end a warning where something could not be sent. Raises ValueError for a wrong variable."""
    logger, failures = logging.getLogger(_LOGGER), _Failures()
    propagates = logger.propagate
    logger.addHandler(failures)
    logger.propagate = False  # or Python prints what nobody handles
    made = _from_environment(os.environ)
    try:
        yield made
    finally:
        if not made.close(FLUSH_SECONDS) or failures.count:
            warn("OpenTelemetry: not everything could be sent to where OTEL_EXPORTER_OTLP_ENDPOINT says")
        logger.removeHandler(failures)
        logger.propagate = propagates


def _from_environment(environ: Mapping[str, str]) -> Telemetry:
    spans: dict[str, type[SpanExporter]] = {"otlp": OTLPSpanExporter}
    traces, metrics = (_exporter(signal, environ) for signal in ("TRACES", "METRICS"))
    processor = reader = None
    if traces != "none":
        spans_to = spans[traces]() if traces in spans else ConsoleSpanExporter(out=sys.stderr)
        processor = BatchSpanProcessor(spans_to)
    if metrics != "none":
        to: MetricExporter = OTLPMetricExporter() if metrics == "otlp" else ConsoleMetricExporter(out=sys.stderr)
        reader = PeriodicExportingMetricReader(to)
    return Telemetry(processor, reader, environ)


def _exporter(signal: str, environ: Mapping[str, str]) -> str:
    """The exporter of a signal. Raises ValueError for one that we do not have."""
    endpoint = any(
        environ.get(name) for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    )
    name = environ.get(f"OTEL_{signal}_EXPORTER") or ("otlp" if endpoint else "none")
    if name not in _EXPORTERS:
        raise ValueError(f"OTEL_{signal}_EXPORTER: there is {', '.join(_EXPORTERS)}")
    variable = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"
    protocol = environ.get(variable) or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    if name == "otlp" and protocol != "http/protobuf":
        raise ValueError("OTEL_EXPORTER_OTLP_PROTOCOL: there is http/protobuf")
    return name


def _service(environ: Mapping[str, str]) -> dict[str, str]:
    """Our name, unless the environment gives the service another."""
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {} if named else {"service.name": "reconciler"}
