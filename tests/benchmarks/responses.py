"""Sample responses of the service, and the same content in the formats of other libraries."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from html import unescape
from xml.sax.saxutils import escape

from attrs import frozen

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<response success="true">'
_BODY = (
    "Rua da Bica 41, third floor &#8211; the key is with the baker.\n\n* Tram 28 &amp; the ferry\n"
)


_BEGIN = datetime(2026, 5, 14, 16, 39, 2)


@frozen
class Record:
    """The content that every contender turns into objects, each from its own format."""

    id: int
    title: str
    body: str
    created_at: datetime


def records(count: int) -> list[Record]:
    """Return the notes that all responses contain."""
    return [
        Record(301 + n, f"Day {n}", unescape(_BODY), _BEGIN + timedelta(minutes=n))
        for n in range(count)
    ]


def notes(count: int) -> bytes:
    """Return the response that lists the notes of a page."""
    return f"{_HEAD}<notes>{_notes(count)}</notes></response>".encode("ascii")


def page(*, notes: int, lists: int, items: int, tags: int, id: int = 7) -> bytes:
    """Return the response with a complete page."""
    widgets = [("Note", 301 + n) for n in range(notes)] + [("List", 4001 + n) for n in range(lists)]
    belongings = "".join(
        f'<belonging id="{9001 + n}"><widget type="{type}" id="{id}"/>'
        f"<position>{n + 1}</position></belonging>"
        for n, (type, id) in enumerate(widgets)
    )
    sections = (
        f"<belongings>{belongings}</belongings>"
        + f"<tags>{''.join(_tag(n) for n in range(tags))}</tags>"
        + f"<lists>{''.join(_list(4001 + n, items) for n in range(lists))}</lists>"
        + f"<notes>{_notes(notes)}</notes>"
    )
    head = f'<page title="Lisbon" id="{id}" email_address="xy12ab@backpackit.com">'
    return f"{_HEAD}{head}{sections}</page></response>".encode("ascii")


def titles(count: int) -> bytes:
    """Return the response that lists the pages of an account."""
    listed = "".join(
        f'<page scope="personal" title="Page {id}" id="{id}"/>' for id in range(1, count + 1)
    )
    return f"{_HEAD}<pages>{listed}</pages></response>".encode("ascii")


def rails(count: int) -> bytes:
    """Return notes in the XML of Rails, for ActiveResource."""
    listed = "".join(
        f'<note><id type="integer">{one.id}</id><title>{one.title}</title>'
        f"<body>{escape(one.body)}</body>"
        f'<created-at type="datetime">{one.created_at:%Y-%m-%dT%H:%M:%SZ}</created-at></note>'
        for one in records(count)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><notes type="array">{listed}</notes>'.encode()


def exchange(count: int) -> bytes:
    """Return notes in the XML of Exchange."""
    space = "http://schemas.microsoft.com/exchange/services/2006/types"
    listed = "".join(
        f"<t:Note><t:Id>{one.id}</t:Id><t:Title>{one.title}</t:Title>"
        f"<t:Body>{escape(one.body)}</t:Body>"
        f"<t:CreatedAt>{one.created_at:%Y-%m-%dT%H:%M:%SZ}</t:CreatedAt></t:Note>"
        for one in records(count)
    )
    return f'<t:Notes xmlns:t="{space}">{listed}</t:Notes>'.encode()


def airtable(count: int) -> bytes:
    """Return notes in the JSON of Airtable."""
    listed = [
        {
            "id": f"rec{one.id:014}",
            "createdTime": f"{one.created_at:%Y-%m-%dT%H:%M:%S.000Z}",
            "fields": {
                "Number": one.id,
                "Title": one.title,
                "Body": one.body,
                "Created": f"{one.created_at:%Y-%m-%dT%H:%M:%S.000Z}",
            },
        }
        for one in records(count)
    ]
    return json.dumps({"records": listed}).encode()


def gitlab(count: int) -> bytes:
    """Return notes in the JSON of GitLab."""
    listed = [
        {
            "id": one.id,
            "title": one.title,
            "body": one.body,
            "created_at": f"{one.created_at:%Y-%m-%dT%H:%M:%S.000Z}",
        }
        for one in records(count)
    ]
    return json.dumps(listed).encode()


def _notes(count: int) -> str:
    return "".join(
        f'<note title="{one.title}" id="{one.id}" created_at="{one.created_at}">{_BODY}</note>'
        for one in records(count)
    )


def _list(id: int, items: int) -> str:
    written = "".join(
        f'<item completed="{"true" if n % 3 else "false"}" id="{id * 100 + n}" list_id="{id}"'
        f' updated_at="2026-05-14 16:39:{n % 60:02}">Thing number {n}</item>'
        for n in range(items)
    )
    return f'<list name="Packing {id}" id="{id}"><items>{written}</items></list>'


def _tag(n: int) -> str:
    return f'<tag name="Travel {n}" id="{5 + n}"/>'
