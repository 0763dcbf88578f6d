"""Dry runs: requests that would change something are listed instead of sent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from backpack_orm.cli.formats import counted
from backpack_orm.cli.recording import RecordingTransport, ResponseNeeded
from backpack_orm.cli.state import State
from backpack_orm.orm.signals import muted

FIELDS = ("request", "body")


def invoke(state: State, run: Callable[[], Any]) -> None:
    """Run a command, and print the requests that it would have sent."""
    output = state.output
    output.is_muted = True
    try:
        with muted(), suppress(ResponseNeeded):
            run()
    finally:
        output.is_muted = False
    transport = state.connect()._transport
    assert isinstance(transport, RecordingTransport)
    output.rows(
        FIELDS,
        transport.writes,
        summary=lambda count: f"{counted('request')(count)} would be sent; nothing was changed.",
        empty="No request would be sent.",
    )
