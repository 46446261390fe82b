"""OpenTelemetry: what is told of a run, to the SDK's own exporters in memory and to a receiver of OTLP; and that nothing depends on it."""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cli.project import Project, environment
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from reconciler.cli import main, observed
from reconciler.cli.telemetry import Telemetry

VALUE = "s3cret-value"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Memory:
    """Runs of the command whose spans and metrics stay in memory."""

    def __init__(self, project: Project, environ: dict[str, str] | None = None) -> None:
        self._project, self._exporter, self._reader = project, InMemorySpanExporter(), InMemoryMetricReader()
        self._telemetry = Telemetry(SimpleSpanProcessor(self._exporter), self._reader, environ or {})

    def run(self, *words: str) -> int:
        return observed.observe(self._telemetry, words, main.COMMANDS, lambda: self._project.run(*words).code)

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._exporter.get_finished_spans()}

    def everything(self) -> str:
        return "".join(span.to_json() for span in self._exporter.get_finished_spans()) + str(self.points())

    def points(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        data = self._reader.get_metrics_data()
        found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        number = getattr(point, "value", None) or getattr(point, "count", 0)
                        found.setdefault(metric.name, []).append((dict(point.attributes or {}), number))
        return found


def test_an_apply_is_a_trace(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, below it the reading of each registry, the plan, and each change with its address, action and status."""
    monkeypatch.setenv("KEY", VALUE)
    project.manifest(
        "chat", description=VALUE, endpoint={"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"}
    )
    memory = Memory(project, {"TRACEPARENT": PARENT})
    assert memory.run("apply", "--yes") == 0
    spans = memory.spans()
    assert set(spans) == {"reconciler apply", "plan", "read", "change"}
    top = spans["reconciler apply"]
    assert top.parent is not None
    assert f"{top.parent.trace_id:032x}-{top.parent.span_id:016x}" in PARENT
    for name in ("plan", "change"):
        assert spans[name].parent is not None
        assert spans[name].parent.span_id == top.context.span_id
    assert dict(spans["read"].attributes or {}) == {"registry": "local"}
    assert dict(spans["change"].attributes or {}) == {
        "address": "local/Model/chat",
        "registry": "local",
        "kind": "Model",
        "action": "create",
        "status": "ok",
    }
    assert (top.attributes or {})["exit_code"] == 0
    assert memory.points()["reconciler.changes"] == [
        ({"registry": "local", "kind": "Model", "action": "create", "status": "ok"}, 1)
    ]
    assert VALUE not in memory.everything()


def test_drift_is_a_metric_of_each_registry(project: Project) -> None:
    """Also where there is none: an alert needs the zero."""
    project.manifest("chat", description="x")
    project.apply()
    for wrong in (0, 1):
        if wrong:
            project.spoil("chat", description="y")
        memory = Memory(project)
        memory.run("drift")
        assert memory.points()["reconciler.drift"] == [({"registry": "local"}, wrong)]


def test_a_failure_is_marked_and_not_quoted(project: Project) -> None:
    """The status and the type of an error, never its text, which may quote anything."""
    project.manifest("chat")
    project.write("registry.db", f"{VALUE} " * 99)
    memory = Memory(project)
    assert memory.run("plan") == 1
    assert not memory.spans()["read"].status.is_ok
    assert (memory.spans()["read"].attributes or {})["error.type"] == "PermanentError"
    assert not memory.spans()["reconciler plan"].status.is_ok
    assert "database" not in memory.everything()


class Receiver(ThreadingHTTPServer):
    """A collector on loopback: it decodes OTLP over HTTP, as protobuf."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.spans: list[str] = []
        self.metrics: list[str] = []
        self.headers: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        if self.path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body).resource_spans
            self.server.spans += [span.name for one in traces for scope in one.scope_spans for span in scope.spans]
        elif self.path == "/v1/metrics":
            metrics = ExportMetricsServiceRequest.FromString(body).resource_metrics
            self.server.metrics += [
                one.name for found in metrics for scope in found.scope_metrics for one in scope.metrics
            ]
        self.server.headers.append(self.headers.get("X-Team", ""))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as its base has it
        """Silence."""


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with Receiver(getattr(request, "param", 200)) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()


def test_the_standard_variables_send_it_over_http(project: Project, receiver: Receiver) -> None:
    """Endpoint and headers, and nothing of ours: traces and metrics arrive before the command ends."""
    project.manifest("chat")
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_HEADERS": "X-Team=cx"}
    ran = project.command("apply", "--yes", unhurried=True, env=environment(**variables))
    assert ran.returncode == 0, ran.stderr
    assert sorted(set(receiver.spans)) == ["change", "plan", "read", "reconciler apply"]
    assert {"reconciler.changes", "reconciler.duration"} <= set(receiver.metrics)
    assert set(receiver.headers) == {"cx"}
    assert "warning" not in ran.stderr


@pytest.mark.parametrize("receiver", [400], indirect=True)
def test_a_collector_that_refuses_changes_nothing_but_a_warning(project: Project, receiver: Receiver) -> None:
    """Same exit code, same answer, one line."""
    project.manifest("chat")
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
    ran = project.command("plan", "--format", "json", unhurried=True, env=environment(**variables))
    assert ran.returncode == 0
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("warning: OpenTelemetry: not everything could be sent")


def test_a_collector_that_never_answers_holds_nobody_up() -> None:
    """At the end a run waits for so long, and no longer."""
    hanging = threading.Event()

    class Hangs(SimpleSpanProcessor):
        def shutdown(self) -> None:
            hanging.wait()

    assert not Telemetry(Hangs(InMemorySpanExporter()), None, {}).close(0.01)
    hanging.set()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: there is otlp, console, none"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "there is http/protobuf",
        ),
    ],
)
def test_what_we_do_not_have_is_one_warning(
    project: Project, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    """And the command runs as it would."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    project.manifest("chat")
    answer = project.ok("validate")
    assert answer.err.startswith("warning: OpenTelemetry is not used: ")
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_without_the_extra_it_is_one_warning(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.delitem(sys.modules, "reconciler.cli.telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    project.manifest("chat")
    assert "pip install 'model-reconciler[otel]'" in project.ok("validate").err


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "console"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SERVICE_NAME": "x"},
    ],
)
def test_it_is_off_unless_it_is_asked_for(variables: dict[str, str]) -> None:
    """Nothing of it is imported then; `none` and OTEL_SDK_DISABLED mean what they mean everywhere."""
    assert not observed.is_wanted(variables)
    assert observed.is_wanted({"OTEL_TRACES_EXPORTER": "console"})
