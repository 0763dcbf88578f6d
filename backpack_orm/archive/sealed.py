"""Hashes, and small JSON files that contain a hash of themselves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a content in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def seal(values: Mapping[str, Any]) -> bytes:
    """Return the bytes of a JSON file whose key `sha256` is the hash of all the others.

    >>> seal({"number": 1})[:17]
    b'{\\n  "number": 1,\\n'
    """
    return _dumped({**values, "sha256": sha256(_dumped(values))})


def unseal(content: bytes) -> dict[str, Any]:
    """Return the values in such a file, without the hash.

    Raises:
        ValueError: It is not as it was written.

    >>> unseal(seal({"number": 1}))
    {'number': 1}
    """
    values = json.loads(content)
    if not isinstance(values, dict):
        raise ValueError("it is no JSON object")
    found = {key: value for key, value in values.items() if key != "sha256"}
    if seal(found) != content:
        raise ValueError("its hash does not match")
    return found


def _dumped(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, indent=2).encode() + b"\n"
