"""A service that responds with given bytes, and the values that the mapper reads from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests_mock

from backpack_orm import Collection, Connection, Model, using

DOCUMENTS = Path(__file__).parent / "documents"


def document(name: str) -> bytes:
    return (DOCUMENTS / f"{name}.xml").read_bytes()


@contextmanager
def responding(*contents: bytes, status: int = 200, location: str | None = None) -> Iterator[None]:
    """Respond to the requests of the current connection with one content after the other."""
    headers = {"Location": location} if location else {}
    responses = [{"content": each, "status_code": status, "headers": headers} for each in contents]
    with (
        requests_mock.Mocker() as service,
        Connection("acme", token="t0ken-0123456789", limits=None, max_wait=0, ttl=0) as connection,
        using(connection),
    ):
        service.register_uri(requests_mock.ANY, requests_mock.ANY, responses)
        yield


def loaded(found: Any, *parents: str) -> Any:
    """Return what is loaded of records, and of their parents with these names.

    Contained records are tuples of their values: `(id, title)`.
    """
    if isinstance(found, Collection):
        return [loaded(record, *parents) for record in found]
    assert isinstance(found, Model)
    known = {name: _compact(value) for name, value in found.to_dict().items()}
    return known | {name: _compact(getattr(found, name).to_dict()) for name in parents}


def _compact(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(_compact(each) for each in value.values())
    if isinstance(value, list):
        return tuple(_compact(each) for each in value)
    return value
