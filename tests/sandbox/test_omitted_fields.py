"""Fields that an update omits keep their values or are cleared, depending on the options."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.__main__ import main

from .conftest import Client


class Account:
    """One record of every type that can be updated, over HTTP."""

    def __init__(self, box: Sandbox) -> None:
        self.client = client = Client(box.url, box.token)
        self.page = self._id(client.ws("pages/new", "<page><title>Page</title></page>"))
        page = f"page/{self.page}"
        client.ws(f"{page}/update_body", "<page><description>About</description></page>")
        list_id = self._id(client.ws(f"{page}/lists/add", "<name>List</name>"))
        item = "<item completed='true'><content>Item</content></item>"
        item_id = self._id(client.ws(f"{page}/lists/{list_id}/items/add", item))
        note = (
            "<note><title>Note</title><body>Body</body>"
            "<show-created-at>true</show-created-at></note>"
        )
        note_id = self._id(client.ws(f"{page}/notes/create", note))
        separator = client.rest(
            "POST", f"/pages/{self.page}/separators.xml", "<separator><name>Line</name></separator>"
        ).text
        reminder = client.rest(
            "POST",
            "/reminders.xml",
            "<reminder><content>Call</content><remind_at>2031-06-01 08:00:00</remind_at>"
            "</reminder>",
        ).text
        me = self._id(client.rest("GET", "/me.xml").text, "<id[^>]*>")
        entry = client.rest(
            "POST",
            f"/users/{me}/journal_entries.xml",
            "<journal-entry><body>Done</body></journal-entry>",
        ).headers["Location"]
        calendar = box.add_calendar("Calendar")
        event = client.rest(
            "POST",
            "/calendar_events.xml",
            f"<event><calendar-id>{calendar}</calendar-id><title>9/27 Tea</title>"
            "<remind>1</remind><message>Cake</message><occurs-until>2031-09-28T00:00</occurs-until>"
            "</event>",
        ).headers["Location"]
        self.updates = {
            "page": f"POST /ws/{page}/update_title",
            "description": f"POST /ws/{page}/update_body",
            "list": f"POST /ws/{page}/lists/update/{list_id}",
            "item": f"POST /ws/{page}/lists/{list_id}/items/update/{item_id}",
            "note": f"POST /ws/{page}/notes/update/{note_id}",
            "separator": f"PUT /pages/{self.page}/separators/"
            f"{self._id(separator, '<id[^>]*>')}.xml",
            "reminder": f"PUT /reminders/{self._id(reminder)}.xml",
            "journal_entry": f"PUT /journal_entries/{entry.rpartition('/')[2]}.xml",
            "calendar_event": f"PUT {event.partition(box.url)[2]}",
        }

    @staticmethod
    def _id(response: str, before: str = r'\bid="') -> str:
        found = re.search(rf"{before}(\d+)", response)
        assert found, response
        return found[1]

    def update(self, kind: str, fields: str) -> None:
        verb, _, path = self.updates[kind].partition(" ")
        assert self.client.rest(verb, path, f"<request>{fields}</request>").status_code == 200

    def export(self) -> str:
        me = self._id(self.client.rest("GET", "/me.xml").text, "<id[^>]*>")
        event = self.updates["calendar_event"].partition(" ")[2]
        return "".join(
            self.client.rest("GET", path).text
            for path in (
                f"/users/{me}/export.xml",
                "/journal_entries.xml",
                event,
            )
        )


@pytest.fixture
def make(empty: Callable[..., Sandbox], network: None) -> Callable[..., Sandbox]:
    return empty


# The visible change of an update that omits the field.
CLEARED = [
    ("page", "page.title", 'title="Page"', 'title=""'),
    ("description", "page.description", "<description>About</description>", ""),
    ("list", "list.name", 'name="List"', 'name=""'),
    ("item", "item.content", ">Item</item>", "></item>"),
    ("item", "item.completed", 'completed="true"', 'completed="false"'),
    ("note", "note.title", 'title="Note"', 'title=""'),
    ("note", "note.body", ">Body</note>", "></note>"),
    ("separator", "separator.name", ">Line</separator>", "></separator>"),
    ("reminder", "reminder.content", "<content>Call</content>", "<content></content>"),
    (
        "reminder",
        "reminder.remind_at",
        "<remind_at>2031-06-01 08:00:00</remind_at>",
        "<remind_at>2031-03-05 21:30:15</remind_at>",
    ),
    ("journal_entry", "journal_entry.body", "<body>Done</body>", "<body></body>"),
    ("calendar_event", "calendar_event.title", "<title>Tea</title>", "<title></title>"),
    ("calendar_event", "calendar_event.message", "<message>Cake</message>", "<message></message>"),
    (
        "calendar_event",
        "calendar_event.remind",
        '<remind type="boolean">true</remind>',
        '<remind type="boolean">false</remind>',
    ),
    (
        "calendar_event",
        "calendar_event.occurs_until",
        '<occurs-until type="datetime">2031-09-28T00:00:00Z</occurs-until>',
        "<occurs-until></occurs-until>",
    ),
]


@pytest.mark.parametrize(("kind", "field", "before", "after"), CLEARED, ids=lambda value: value)
def test_an_omitted_field_is_preserved_unless_the_option_clears_it(
    make: Callable[..., Sandbox], kind: str, field: str, before: str, after: str
) -> None:
    with make() as box:
        account = Account(box)
        exported = account.export()
        account.update(kind, "")
        assert account.export() == exported
    with make(clears_omitted=[field]) as box:
        account = Account(box)
        exported = account.export()
        assert exported.count(before) == 1
        account.update(kind, "")
        assert account.export() == exported.replace(before, after)


def test_all_omitted_fields_can_be_cleared(make: Callable[..., Sandbox]) -> None:
    with make(clears_omitted=True) as box:
        account = Account(box)
        account.update("note", "<note><title>Renamed</title></note>")
        account.update("item", "<item completed='true'/>")
        exported = account.export()
    assert 'title="Renamed"' in exported
    assert "Body" not in exported
    assert 'completed="true"' in exported
    assert ">Item<" not in exported


def test_a_field_that_no_update_omits_is_refused() -> None:
    with pytest.raises(ValueError, match="no update can omit 'item.text', only .*item.content"):
        Sandbox(seed="empty", clears_omitted=["item.text"])


@pytest.mark.network
@pytest.mark.parametrize(
    ("options", "completed", "content"),
    [([], "true", "Item"), (["item.content"], "true", ""), (["all"], "true", "")],
)
def test_the_command_line_takes_them_too(options: list[str], completed: str, content: str) -> None:
    named = [argument for field in options for argument in ("--clears-omitted", field)]
    command = [sys.executable, "-m", "backpack_orm.sandbox", "--port", "0", "--seed", "empty"]
    with subprocess.Popen([*command, *named], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        ready_line = program.stdout.readline().split()
        api = Client(ready_line[3], ready_line[5])
        page = re.findall(r'id="(\d+)"', api.ws("pages/new", "<page><title>P</title></page>"))[0]
        api.ws(f"page/{page}/items/add", "<item><content>Item</content></item>")
        item = re.findall(r' id="(\d+)"', api.ws(f"page/{page}/items/list"))[0]
        api.ws(f"page/{page}/items/update/{item}", "<item completed='true'/>")
        shown = api.ws(f"page/{page}/items/list")
        program.terminate()
    assert f'completed="{completed}"' in shown
    assert f">{content}</item>" in shown


def test_the_command_line_refuses_other_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "empty", "--clears-omitted", "item.text"]) == 2
    assert "no update can omit 'item.text'" in capsys.readouterr().err
