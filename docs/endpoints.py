"""Writes the table in `requests.md` of all calls of the API, each with the Python that makes it.

Run `python docs/endpoints.py` after adding a call to a model.
"""

from __future__ import annotations

import re
from pathlib import Path

import backpack_orm
from backpack_orm import Model
from backpack_orm.wire.endpoint import Endpoint, RateLimit, Safety

DOCUMENT = Path(__file__).with_name("requests.md")
_PLACE = re.compile(r"(?<=<!-- calls -->\n\n).*?(?=\n<!-- end of calls -->)", re.DOTALL)

BEGINNING = """\
from backpack_orm import Calendar, Page, PageItem, Reminder, User, connect

connection = connect()
page = Page.find_by(title="Lisbon")
other = Page.find_by(title="The garden")
note, packing, line, mail = page.notes[0], page.lists[0], page.separators[0], page.emails[0]
item, old_item, tag = packing.items[0], PageItem.all(page=page)[0], page.tags[0]
reminder, me, calendar = Reminder.all()[0], User.me(), Calendar.all()[0]
event, entry = calendar.events[0], me.journal[0]
"""

LINES = {
    "Page._all": "Page.all()",
    "Page._search": 'Page.search("tram")',
    "Page._create": 'Page.create(title="Porto")',
    "Page._show": "Page.find(page.id)",
    "Page._reorder": "page.reorder(reversed(page.belongings))",
    "Page._destroy": "page.destroy()",
    "Page._update_title": 'page.title = "Lisboa"; page.save()',
    "Page._update_description": 'page.description = "Ten days"; page.save()',
    "Page._duplicate": "page.duplicate()",
    "Page._share": 'page.share(["ana@example.com"])',
    "Page._unshare": "page.unshare()",
    "Page._email": "page.email_copy()",
    "Page._link": "page.link(other)",
    "Page._unlink": "page.link(other); page.unlink(other)",
    "Page._tag": 'page.tags = ["Travel", "Sea side"]; page.save()',
    "List._all": "List.all(page=page)",
    "List._create": 'page.lists.create(name="Food")',
    "List._update_row": 'packing.name = "To pack"; packing.save()',
    "List._reorder": "packing.items.reorder(reversed(packing.items))",
    "List._destroy": "packing.destroy()",
    "Item._all": "Item.all(list=packing)",
    "Item._create": 'packing.items.create(content="Socks")',
    "Item._update_row": "item.complete()",
    "Item._toggle": "item.toggle()",
    "Item._move": "item.move_to_top()",
    "Item._destroy": "item.destroy()",
    "PageItem._all": "old_item.reload()",
    "PageItem._create": 'PageItem.create(page=page, content="Socks")',
    "PageItem._update_row": "old_item.complete()",
    "PageItem._toggle": "old_item.toggle()",
    "PageItem._move": "old_item.move_to_top()",
    "PageItem._destroy": "old_item.destroy()",
    "Note._all": "Note.all(page=page)",
    "Note._create": 'page.notes.create(title="Hotel")',
    "Note._update_row": 'note.body += "!"; note.save()',
    "Note._destroy": "note.destroy()",
    "Email._all": "Email.all(page=page)",
    "Email._show": "Email.find(mail.id, page=page)",
    "Email._destroy": "mail.destroy()",
    "Tag._pages_with": "tag.pages",
    "Separator._create": 'page.separators.create(name="Evenings")',
    "Separator._update_row": 'line.name = "Evenings"; line.save()',
    "Separator._destroy": "line.destroy()",
    "Reminder._all": "Reminder.all()",
    "Reminder._create": 'Reminder.create(content="+30 Leave")',
    "Reminder._update_row": 'reminder.content = "Leave"; reminder.save()',
    "Reminder._destroy": "reminder.destroy()",
    "User._me": "User.me()",
    "User._all": "User.all()",
    "User._export": "me.export()",
    "Bookmark._all": "me.bookmarks[0]",
    "Status._all": "Status.all()",
    "Status._show": "me.status",
    "Status._create": 'Status.create(user=me, message="Away")',
    "JournalEntry._all": "JournalEntry.all()",
    "JournalEntry._of_user": "JournalEntry.all(user=me)",
    "JournalEntry._show": "JournalEntry.find(entry.id)",
    "JournalEntry._create": 'me.journal.create(body="Slept")',
    "JournalEntry._update_row": 'entry.body = "Slept"; entry.save()',
    "JournalEntry._destroy": "entry.destroy()",
    "Calendar._all": "Calendar.all()",
    "CalendarEvent._all": "CalendarEvent.all(calendar=calendar)",
    "CalendarEvent._show": "CalendarEvent.find(event.id)",
    "CalendarEvent._create": 'calendar.events.create(title="9/27 2pm Tea")',
    "CalendarEvent._update_row": 'event.title = "9/27 2pm Tea"; event.save()',
    "CalendarEvent._destroy": "event.destroy()",
}
"""Python that makes each call, after the setup."""

OTHERS = {
    "POST /ws/page/{page_id}/items/create": "PageItem._create",
    "POST /ws/page/{page_id}/separators/create": "Separator._create",
    "POST /ws/page/{page_id}/separators/update/{id}": "Separator._update_row",
    "POST /ws/page/{page_id}/separators/destroy/{id}": "Separator._destroy",
    "POST /ws/reminders": "Reminder._all",
    "POST /ws/reminders/create": "Reminder._create",
    "POST /ws/reminders/update/{id}": "Reminder._update_row",
    "POST /ws/reminders/destroy/{id}": "Reminder._destroy",
    "POST /[token]/me.xml": "User._me",
    "POST /ws/account/export": "User._export",
}
"""Calls that have a newer equivalent, or another name."""

_KINDS = {
    Safety.READ: "read",
    Safety.IDEMPOTENT: "idempotent write",
    Safety.NOT_IDEMPOTENT: "write, never retried",
    Safety.DELETE: "destroy, idempotent",
}


def endpoints() -> dict[str, Endpoint]:
    """Return all endpoint rows of the models, by model and name."""
    public = [getattr(backpack_orm, name) for name in backpack_orm.__all__]
    return {
        f"{model.__name__}.{name}": row
        for model in public
        if isinstance(model, type) and issubclass(model, Model)
        for name, row in vars(model).items()
        if isinstance(row, Endpoint)
    }


def table() -> str:
    """Return the section in Markdown."""
    rows = endpoints()
    parts = [
        f"```python\n{BEGINNING}```\n",
        "| call, and the Python that makes it | kind | cache tags |\n|---|---|---|",
        *(
            f"| `{row.label}`<br>`{LINES[name]}` | {_kind(row)} | {_tags(row)} |"
            for name, row in sorted(rows.items(), key=lambda found: list(LINES).index(found[0]))
        ),
        "\nThese calls are alternatives to others. The Python beside them does the same with\n"
        "another call:\n",
        "| call | Python |\n|---|---|",
        *(f"| `{label}` | `{LINES[name]}` |" for label, name in OTHERS.items()),
    ]
    return "\n".join(parts) + "\n"


def document() -> str:
    """Return the text of the document with the current table in it."""
    return _PLACE.sub(lambda _: table(), DOCUMENT.read_text("utf-8"))


def _kind(row: Endpoint) -> str:
    kind = _KINDS[row.safety]
    return (
        kind if row.rate_limit is RateLimit.ALL_ELSE else f"{kind}; {row.rate_limit.value} in 5 s"
    )


def _tags(row: Endpoint) -> str:
    """Return the tags that a read is cached under, or that a write invalidates."""
    tags = [f"`{re.sub('page_id|id', 'page', tag)}`" for tag in row.reads or row.writes]
    return " ".join([*tags, "and others, depending on the response"] if row.reads_in else tags)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
