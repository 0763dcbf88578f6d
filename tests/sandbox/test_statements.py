"""The number of SQL statements of a call does not depend on the size of the account."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backpack_orm.sandbox import Sandbox, server
from tests.sandbox import scale
from tests.sandbox.conftest import Client, matched, noting_statements

COUNT = 60  # ten times as much is more than SQLAlchemy loads at once with selectinload()


def some(element: str, ids: range) -> str:
    return "".join(f"<{element}>{id}</{element}>" for id in ids)


Body = Callable[[int], str]


def always(body: str) -> Body:
    return lambda count: body


CALLS: dict[str, Body] = {
    "GET /login": always(""),
    "POST /ws/pages/all": always(""),
    "POST /ws/pages/search": always("<term>o</term>"),
    "POST /ws/pages/new": always("<page><title>New</title></page>"),
    "POST /ws/page/PAGE": always(""),
    "POST /ws/page/PAGE/reorder": lambda count: some(
        "belongings", range(scale.BELONGING + count - 1, scale.BELONGING - 1, -1)
    ),
    "POST /ws/page/PAGE/destroy": always(""),
    "POST /ws/page/PAGE/update_title": always("<title>T</title>"),
    "POST /ws/page/PAGE/update_body": always("<description>D</description>"),
    "POST /ws/page/PAGE/duplicate": always(""),
    "POST /ws/page/PAGE/share": lambda count: (
        f"<email_addresses>{' '.join(f'{i}@y.example' for i in range(count))}</email_addresses>"
    ),
    "POST /ws/page/PAGE/unshare_friend_page": always(""),
    "POST /ws/page/PAGE/email": always(""),
    "POST /ws/page/PAGE/link": always("<linked_page_id>1</linked_page_id>"),
    "POST /ws/page/PAGE/unlink": always("<linked_page_id>2</linked_page_id>"),
    "POST /ws/page/PAGE/lists/list": always(""),
    "POST /ws/page/PAGE/lists/add": always("<name>L</name>"),
    f"POST /ws/page/PAGE/lists/update/{scale.LIST}": always("<name>L</name>"),
    f"POST /ws/page/PAGE/lists/destroy/{scale.LIST}": always(""),
    "POST /ws/page/PAGE/lists/LIST/items/list": always(""),
    "POST /ws/page/PAGE/items/list": always(""),
    "POST /ws/page/PAGE/lists/LIST/items/add": always("<content>I</content>"),
    "POST /ws/page/PAGE/items/add": always("<content>I</content>"),
    "POST /ws/page/PAGE/items/create": always("<content>I</content>"),
    f"POST /ws/page/PAGE/lists/LIST/items/update/{scale.ITEM}": always("<content>I</content>"),
    f"POST /ws/page/PAGE/items/update/{scale.LOOSE_ITEM}": always("<content>I</content>"),
    f"POST /ws/page/PAGE/lists/LIST/items/toggle/{scale.ITEM}": always(""),
    f"POST /ws/page/PAGE/items/toggle/{scale.LOOSE_ITEM}": always(""),
    f"POST /ws/page/PAGE/lists/LIST/items/destroy/{scale.ITEM}": always(""),
    f"POST /ws/page/PAGE/items/destroy/{scale.LOOSE_ITEM}": always(""),
    f"POST /ws/page/PAGE/lists/LIST/items/move/{scale.ITEM}": always(
        "<direction>move_to_bottom</direction>"
    ),
    f"POST /ws/page/PAGE/items/move/{scale.LOOSE_ITEM}": always(
        "<direction>move_to_bottom</direction>"
    ),
    "POST /ws/page/PAGE/lists/LIST/items/reorder": lambda count: some(
        "item-id", range(scale.ITEM + count - 1, scale.ITEM - 1, -1)
    ),
    "POST /ws/page/PAGE/notes/list": always(""),
    "POST /ws/page/PAGE/notes/create": always("<note><body>B</body></note>"),
    f"POST /ws/page/PAGE/notes/update/{scale.NOTE}": always("<note><body>B</body></note>"),
    f"POST /ws/page/PAGE/notes/destroy/{scale.NOTE}": always(""),
    "POST /ws/page/PAGE/emails/list": always(""),
    f"POST /ws/page/PAGE/emails/show/{scale.EMAIL}": always(""),
    f"POST /ws/page/PAGE/emails/destroy/{scale.EMAIL}": always(""),
    f"POST /ws/tags/select/{scale.TAG}": always(""),
    "POST /ws/page/PAGE/tags/tag": lambda count: (
        f"<tags>{' '.join(f'new{i}' for i in range(count))}</tags>"
    ),
    "POST /pages/PAGE/separators.xml": always("<separator><name>S</name></separator>"),
    "POST /ws/page/PAGE/separators/create": always("<separator><name>S</name></separator>"),
    f"PUT /pages/PAGE/separators/{scale.SEPARATOR}.xml": always("<name>S</name>"),
    f"POST /ws/page/PAGE/separators/update/{scale.SEPARATOR}": always("<name>S</name>"),
    f"DELETE /pages/PAGE/separators/{scale.SEPARATOR}.xml": always(""),
    f"POST /ws/page/PAGE/separators/destroy/{scale.SEPARATOR}": always(""),
    "GET /reminders.xml": always(""),
    "POST /ws/reminders": always(""),
    "POST /reminders.xml": lambda count: (
        "<reminder><content>C</content><remindees type='array'>"
        + some("user_id", range(scale.USER, scale.USER + count))
        + "</remindees></reminder>"
    ),
    "POST /ws/reminders/create": always("<reminder><content>C</content></reminder>"),
    f"PUT /reminders/{scale.REMINDER}.xml": lambda count: (
        "<reminder><content>C</content><remindees type='array'>"
        + some("user_id", range(scale.USER + count // 2, scale.USER + count))
        + "</remindees></reminder>"
    ),
    f"POST /ws/reminders/update/{scale.REMINDER}": always("<content>C</content>"),
    f"DELETE /reminders/{scale.REMINDER}.xml": always(""),
    f"POST /ws/reminders/destroy/{scale.REMINDER}": always(""),
    "GET /me.xml": always(""),
    "POST /me.xml": always(""),
    "GET /users.xml": always(""),
    "GET /users/USER/bookmarks.xml": always(""),
    "GET /users/USER/export.xml": always(""),
    "POST /ws/account/export": always(""),
    "GET /statuses.xml": always(""),
    "GET /users/USER/status.xml": always(""),
    "PUT /users/USER/status.xml": always("<status><message>M</message></status>"),
    "GET /journal_entries.xml": always(""),
    "GET /users/USER/journal_entries.xml": always(""),
    f"GET /journal_entries/{scale.ENTRY}.xml": always(""),
    "POST /users/USER/journal_entries.xml": always("<body>B</body>"),
    f"PUT /journal_entries/{scale.ENTRY}.xml": always("<body>B</body>"),
    f"DELETE /journal_entries/{scale.ENTRY}.xml": always(""),
    "GET /calendars.xml": always(""),
    f"GET /calendars/{scale.CALENDAR}/calendar_events.xml": always(""),
    f"GET /calendar_events/{scale.EVENT}.xml": always(""),
    "POST /calendar_events.xml": always(
        f"<event><calendar-id>{scale.CALENDAR}</calendar-id>"
        "<title>tomorrow 9am Call</title></event>"
    ),
    f"PUT /calendar_events/{scale.EVENT}.xml": always("<event><remind>1</remind></event>"),
    f"DELETE /calendar_events/{scale.EVENT}.xml": always(""),
    "GET /FEED.ics": always(""),
}


def path_of(call: str) -> str:
    path = call.partition(" ")[2].replace("PAGE", str(scale.PAGE)).replace("LIST", str(scale.LIST))
    return path.replace("USER", str(scale.OWNER))


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Executed statements."""
    executed: list[str] = []
    with noting_statements(executed.append):
        yield executed


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("scale")
    return {count: scale.sandbox_of(folder, count) for count in (COUNT, 10 * COUNT)}


@pytest.mark.network
@pytest.mark.parametrize("call", CALLS)
def test_a_larger_account_takes_the_same_number_of_statements(
    call: str, data: dict[int, Path], statements: list[str], tmp_path: Path
) -> None:
    counts = []
    for count, file in data.items():
        copy = shutil.copy(file, tmp_path / f"{count}.db")
        with Sandbox(data=str(copy), clock=lambda: scale.NOW) as box:
            client = Client(box.url, box.token)
            path = path_of(call)
            if "FEED" in path:
                token = client.rest("GET", "/calendars.xml").text.partition("<token>")[2]
                path = path.replace("FEED", token.partition("<")[0])
            statements.clear()
            response = client.rest(
                call.partition(" ")[0], path, f"<request>{CALLS[call](count)}</request>"
            )
            assert response.status_code in (200, 201, 204), response.text
            counts.append(len(statements))
            client.close()
    assert counts[0] == counts[1]
    assert counts[0] <= 20


@pytest.mark.network
def test_showing_a_page_takes_five_statements_in_a_transaction(
    statements: list[str], as_user: Callable[..., Client]
) -> None:
    with Sandbox(seed="demo") as box:
        client = as_user(box.token, box.url)
        page = matched('id="([0-9]+)"', client.ws("pages/all"))
        statements.clear()
        client.ws(f"page/{page}")
    assert [statement.split()[0] for statement in statements] == ["BEGIN", *["SELECT"] * 5]


def test_every_endpoint_is_counted() -> None:
    adapter = server.application().url_map.bind("localhost")
    counted = {
        adapter.match(path_of(call), call.partition(" ")[0], return_rule=True)[0].rule
        for call in CALLS
    }
    there = {rule.rule for rule in server.application().url_map.iter_rules()}
    provider = {rule for rule in there if rule.startswith("/authorization")}  # reads no records
    assert there - provider == counted
