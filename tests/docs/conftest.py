"""Fixtures of the tests of the documents: where their programs run, and as whom."""

from __future__ import annotations

import doctest
import sys
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry.util._once import Once

from backpack_orm.connection import moving_windows, rate_limits, transport
from backpack_orm.sandbox import Sandbox
from tests.docs import documents


class SkippingClock:
    """Clock that sleeps by advancing: programs wait for rate limits, and their tests do not."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    def perf_counter(self) -> float:
        return time.perf_counter() + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += seconds


@pytest.fixture(autouse=True)
def without_links_in_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare the errors in examples without the note that links to the documentation."""

    def format_exception_only(*error: object) -> list[str]:
        lines = traceback.format_exception_only(*error)  # type: ignore[call-overload]
        return ["".join(line for line in lines if not line.startswith("Help: "))]

    names = {**vars(traceback), "format_exception_only": format_exception_only}
    monkeypatch.setattr(doctest, "traceback", SimpleNamespace(**names))


@pytest.fixture
def environment(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Let `connect()` and the extension for Flask find the sandbox."""
    for prefix in ("", "FLASK_"):
        monkeypatch.setenv(f"{prefix}BACKPACK_URL", box.url)
        monkeypatch.setenv(f"{prefix}BACKPACK_TOKEN", box.token)
    clock = SkippingClock()
    for module in (transport, rate_limits, moving_windows):
        monkeypatch.setattr(module, "time", clock)
    # Functions that a document adds to signals are called for the rest of the process.
    monkeypatch.setattr("backpack_orm.orm.signals._hooks", {})
    # OpenTelemetry takes a provider once in a process.
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER_SET_ONCE", Once())
    return box


@pytest.fixture
def folder(
    document: Path, environment: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """The current folder, with those programs of a document that say how to name their file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for text in documents.programs(document):
        name = documents.file_name(text)
        if name:
            (tmp_path / name).write_text(text, "utf-8")
            monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    return tmp_path
