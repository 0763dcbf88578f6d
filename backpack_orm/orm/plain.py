"""Plain values of records in a form that JSON can represent."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from datetime import datetime
from json import dumps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Protocol

    class _Convertible(Protocol):
        def to_dict(self, *, json: bool = ...) -> dict[str, Any]: ...


def jsonable(value: Any) -> Any:
    """Return a value in a form that JSON can represent; times in ISO 8601.

    Raises:
        TypeError: JSON cannot represent the value.

    >>> jsonable({"created_at": datetime(2031, 1, 2, 9, 5)})
    {'created_at': '2031-01-02T09:05:00'}
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "to_dict"):
        record: _Convertible = value
        return record.to_dict(json=True)
    if isinstance(value, Mapping):
        return {name: jsonable(each) for name, each in value.items()}
    if isinstance(value, Collection):
        return [jsonable(each) for each in value]
    if hasattr(value, "__index__"):
        return operator.index(value)
    raise TypeError(f"JSON cannot represent {value!r}")


def to_json(value: Any, indent: int | None) -> str:
    """Return a value as JSON; other characters than ASCII stay as they are.

    >>> to_json(["Fado à tarde"], None)
    '["Fado à tarde"]'
    """
    return dumps(jsonable(value), ensure_ascii=False, indent=indent)
