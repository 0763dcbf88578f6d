"""The flow that signs users in. Tests set it."""

from __future__ import annotations

from typing import Any

flow: Any = None
