"""Configures the log of the command line on standard error."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LEVELS = ("debug", "info", "warning", "error")


class Lines(logging.Formatter):
    """Formats records as one line each, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return _BREAK.sub(
            lambda char: char[0].encode("unicode_escape").decode(), super().format(record)
        )


class JsonLines(logging.Formatter):
    """Formats records as one JSON object per line, including the fields of a request."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def configure(level: str = "warning", *, access: bool = False, as_json: bool = False) -> None:
    """Log to standard error.

    Args:
        level: Minimum level, one of `LEVELS`.
        access: Whether to log each request, regardless of the level.
        as_json: Whether to write JSON lines.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if as_json else Lines("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("backpack_orm.sandbox.access").setLevel(
        logging.INFO if access else logging.WARNING
    )
