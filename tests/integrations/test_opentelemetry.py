"""What the instrumentation of requests exports, and what the documented hooks do."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from backpack_orm import Connection, OutcomeUnknown, Page, Reminder
from backpack_orm.sandbox import Sandbox
from tests.docs import documents

PAGE = documents.ROOT / "docs" / "hooks.md"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What all tracers of this test export."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    return exporter


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> InMemoryMetricReader:
    reader = InMemoryMetricReader()
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", MeterProvider([reader]))
    return reader


@pytest.fixture
def instrumentor() -> Iterator[RequestsInstrumentor]:
    instrumentor = RequestsInstrumentor()
    yield instrumentor
    instrumentor.uninstrument()


def exported(spans: InMemorySpanExporter) -> str:
    return "".join(span.to_json() for span in spans.get_finished_spans())


def program(folder: Path) -> dict[str, Any]:
    """Run the documented program, and return what it defines."""
    (source,) = (
        text for text in documents.programs(PAGE) if documents.file_name(text) == "telemetry.py"
    )
    (folder / "telemetry.py").write_text(source, "utf-8")
    return runpy.run_path(str(folder / "telemetry.py"))


def test_the_instrumentation_of_requests_exports_tokens_in_paths(
    box: Sandbox,
    connection: Connection,
    spans: InMemorySpanExporter,
    instrumentor: RequestsInstrumentor,
) -> None:
    instrumentor.instrument()
    Reminder.all()
    assert box.token in exported(spans), "the warning in the documents is no longer needed"


def test_the_documented_expression_excludes_the_service(
    connection: Connection, spans: InMemorySpanExporter, instrumentor: RequestsInstrumentor
) -> None:
    (expression,) = re.findall(r'excluded_urls=r"(.*)"', PAGE.read_text("utf-8"))
    for url in ("https://acme.backpackit.com/TOKEN/reminders.xml", "http://acme.backpackit.com/"):
        assert re.search(expression, url)
    assert not re.search(expression, "https://example.com/?next=https://acme.backpackit.com/")
    instrumentor.instrument(
        excluded_urls=expression.replace(r"[^/]*\.backpackit\.com", r"127\.0\.0\.1:\d+")
    )
    Reminder.all()
    assert spans.get_finished_spans() == ()


def test_the_documented_hooks_export_spans_and_metrics_without_the_token(
    box: Sandbox,
    connection: Connection,
    spans: InMemorySpanExporter,
    metrics: InMemoryMetricReader,
    tmp_path: Path,
) -> None:
    program(tmp_path)["instrument"](connection)

    Reminder.all()
    box.faults.drop_after_write(path="ws/pages/new", times=1)
    with pytest.raises(OutcomeUnknown):
        Page.create(title="Porto")

    read, lost = spans.get_finished_spans()
    assert read.name == "GET /[token]/reminders.xml"
    assert read.attributes is not None
    assert read.attributes["http.response.status_code"] == 200
    assert lost.status.status_code is StatusCode.ERROR
    assert lost.attributes is not None
    assert lost.attributes["error.type"] == "connection_failed"
    assert read.attributes["url.full"] == f"{box.url}/[token]/reminders.xml"
    assert "http.request.resend_count" not in read.attributes
    data = metrics.get_metrics_data()
    assert data is not None
    assert box.token not in exported(spans) + data.to_json()
    assert "http.client.request.duration" in data.to_json()
    (point, _) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert isinstance(point, HistogramDataPoint)
    assert point.explicit_bounds[0] == 0.005


def test_a_resent_request_is_counted(
    connection: Connection, box: Sandbox, spans: InMemorySpanExporter, tmp_path: Path
) -> None:
    program(tmp_path)["instrument"](connection)
    box.faults.status(503, times=1)
    Page.all(fresh=True)
    counts = [(span.attributes or {}) for span in spans.get_finished_spans()]
    assert [each.get("http.request.resend_count") for each in counts] == [None, 1]
