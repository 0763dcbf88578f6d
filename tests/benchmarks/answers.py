"""Answers as the service writes them, large enough to measure with."""

from __future__ import annotations

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<response success="true">'
_BODY = (
    "Rua da Bica 41, third floor &#8211; the key is with the baker.\n\n* Tram 28 &amp; the ferry\n"
)


def notes(count: int) -> bytes:
    """The answer that lists the notes of a page."""
    return f"{_HEAD}<notes>{_notes(count)}</notes></response>".encode("ascii")


def page(*, notes: int, lists: int, items: int, tags: int) -> bytes:
    """The answer that shows a page with all that stands on it."""
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
    head = '<page title="Lisbon" id="7" email_address="xy12ab@backpackit.com">'
    return f"{_HEAD}{head}{sections}</page></response>".encode("ascii")


def _notes(count: int) -> str:
    return "".join(
        f'<note title="Day {n}" id="{301 + n}" created_at="2026-05-14 16:{n % 60:02}:02">'
        f"{_BODY}</note>"
        for n in range(count)
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
