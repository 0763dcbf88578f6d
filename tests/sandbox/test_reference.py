"""Every row of the reference, in its order: each call gets the documented response.

In a path, TOKEN is a placeholder for the token. Calls under `/ws/` and calls about separators have
it in their bodies, all others in a header. The expected text is part of the response; `DONE` and an
empty text are the whole response.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
import yaml

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.server import application

from .conftest import NOW, Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'
DONE = f'{XML}<response success="true"></response>'

ACCOUNT = """\
<user id="17" name="Ana"><pages>
<page title="Lisbon" id="71"><belongings>
<belonging id="901"><position>1</position><widget type="Note" id="301"/></belonging>
<belonging id="902"><position>2</position><widget type="List" id="401"/></belonging>
<belonging id="903"><position>3</position><widget type="Separator" id="603"/></belonging>
<belonging id="904"><position>4</position><widget type="Email" id="604"/></belonging>
</belongings><tags><tag name="Travel" id="5"/></tags>
<lists><list name="Packing" id="401"><items>
<item completed="false" id="501">Socks</item><item completed="true" id="502">Hat</item>
</items></list></lists>
<notes><note title="Keys" id="301" created_at="2026-05-14 16:39:02">Baker</note></notes>
<separators><separator id="603">On the way</separator></separators>
<emails><email subject="Hello" id="604" created_at="2026-05-14 16:39:02">Dear Ana</email></emails>
<linked_pages><page title="Porto" id="72"/></linked_pages></page>
<page title="Porto" id="72"/></pages>
<reminders><reminder remind_at="2031-04-01 09:00:00" id="91">Call</reminder></reminders></user>
"""


def entry(body: str) -> str:
    return f"<journal-entry><body>{body}</body></journal-entry>"


# What is then made in every account, by its id:
CALENDAR, EVENT, ENTRY, STATUS, RUI, THEIRS = range(40_000_002, 40_000_008)

TITLE = "<page><title>New</title></page>"
LISTS, ITEMS, OLD_ITEMS = (
    "/ws/page/71/lists",
    "/ws/page/71/lists/401/items",
    "/ws/page/71/items",
)
ITEM = '<item completed="true"><content>Scarf</content></item>'
ALL_ITEMS = (
    '<response success="true"><items><item completed="false" id="501" list_id="401" '
    'updated_at="2031-03-05 18:30:15">Socks</item><item completed="true" id="502"'
)
NEW_ITEM = (
    '<response success="true"><item completed="true" id="40000008" list_id="401">Scarf</item>'
)
MOVE = "<direction>move_lower</direction>"
NOTE = "<note><title>A</title><body>b</body><show-created-at>true</show-created-at></note>"
MAIL = '<email subject="Hello" id="604" created_at="2026-05-14 16:39:02">Dear Ana</email>'
SEPARATOR = "<separator><name>Then</name></separator>"
REMINDER = (
    "<reminder><content>Write</content><remind_at>2031-05-01 09:00:00</remind_at>"
    '<remindees type="array"><user_id>17</user_id></remindees></reminder>'
)
REMINDED = (
    "<remind_at>2031-05-01 09:00:00</remind_at><content>Write</content>"
    '<creator id="17" name="Ana"/><remindees><user id="17" name="Ana"/></remindees></reminder>'
)
PERSON = '<user><id type="integer">17</id><name>Ana</name></user>'
EVENTS = (
    '<calendar-event><all-day type="boolean">false</all-day>'
    f'<calendar-id type="integer">{CALENDAR}<'
)
MESSAGE = "<status><message>Gone</message></status>"

ROWS = [
    # Pages
    ("POST", "/ws/pages/all", "", 200, '<pages><page scope="personal" title="Lisbon" id="71"/>'),
    (
        "POST",
        "/ws/pages/search",
        "<term>baker</term>",
        200,
        '<pages><page title="Lisbon" id="71"><send id="301">note</send></page></pages>',
    ),
    ("POST", "/ws/pages/new", TITLE, 200, '<page title="New" id="40000008"/></response>'),
    (
        "POST",
        "/ws/page/71",
        "",
        200,
        '<response success="true"><page title="Lisbon" id="71" email_',
    ),
    ("POST", "/ws/page/71/reorder", "<belongings>903 901</belongings>", 200, DONE),
    ("POST", "/ws/page/71/destroy", "", 200, DONE),
    ("POST", "/ws/page/71/update_title", TITLE, 200, DONE),
    (
        "POST",
        "/ws/page/71/update_body",
        "<page><description>x</description></page>",
        200,
        DONE,
    ),
    ("POST", "/ws/page/71/duplicate", "", 200, '<page title="Lisbon (copy)" id="40000008"/>'),
    (
        "POST",
        "/ws/page/71/share",
        "<email_addresses>a@x b@y</email_addresses><page><public>1</public></page>",
        200,
        DONE,
    ),
    ("POST", "/ws/page/71/unshare_friend_page", "", 200, DONE),
    ("POST", "/ws/page/71/email", "", 200, DONE),
    ("POST", "/ws/page/72/link", "<linked_page_id>71</linked_page_id>", 200, DONE),
    ("POST", "/ws/page/71/unlink", "<linked_page_id>72</linked_page_id>", 200, DONE),
    # Lists and items
    ("POST", f"{LISTS}/list", "", 200, '<lists><list name="Packing" id="401"/></lists>'),
    ("POST", f"{LISTS}/add", "<name>Food</name>", 200, '<list name="Food" id="40000008"/>'),
    ("POST", f"{LISTS}/update/401", "<list><name>Food</name></list>", 200, DONE),
    ("POST", f"{LISTS}/destroy/401", "", 200, DONE),
    ("POST", f"{ITEMS}/list", "", 200, ALL_ITEMS),
    ("POST", f"{ITEMS}/add", ITEM, 200, NEW_ITEM),
    ("POST", f"{ITEMS}/update/501", ITEM, 200, DONE),
    ("POST", f"{ITEMS}/toggle/501", "", 200, DONE),
    ("POST", f"{ITEMS}/destroy/501", "", 200, DONE),
    ("POST", f"{ITEMS}/move/501", MOVE, 200, DONE),
    ("POST", f"{ITEMS}/reorder", "<item-id>502</item-id><item-id>501</item-id>", 200, DONE),
    ("POST", f"{OLD_ITEMS}/list", "", 200, ALL_ITEMS),
    ("POST", f"{OLD_ITEMS}/add", ITEM, 200, NEW_ITEM),
    ("POST", f"{OLD_ITEMS}/create", ITEM, 200, NEW_ITEM),
    ("POST", f"{OLD_ITEMS}/update/501", ITEM, 200, DONE),
    ("POST", f"{OLD_ITEMS}/toggle/501", "", 200, DONE),
    ("POST", f"{OLD_ITEMS}/destroy/501", "", 200, DONE),
    ("POST", f"{OLD_ITEMS}/move/501", MOVE, 200, DONE),
    # Notes, emails, tags
    (
        "POST",
        "/ws/page/71/notes/list",
        "",
        200,
        '<notes><note title="Keys" id="301" created_at="2026-05-14 16:39:02">Baker</note></notes>',
    ),
    (
        "POST",
        "/ws/page/71/notes/create",
        NOTE,
        200,
        '<note title="A" id="40000008" created_at="2031-03-05 18:30:15">b</note>',
    ),
    ("POST", "/ws/page/71/notes/update/301", NOTE, 200, DONE),
    ("POST", "/ws/page/71/notes/destroy/301", "", 200, DONE),
    ("POST", "/ws/page/71/emails/list", "", 200, f"<emails>{MAIL}</emails>"),
    ("POST", "/ws/page/71/emails/show/604", "", 200, f'<response success="true">{MAIL}</response>'),
    ("POST", "/ws/page/71/emails/destroy/604", "", 200, DONE),
    ("POST", "/ws/tags/select/5", "", 200, '<pages><page title="Lisbon" id="71"/></pages>'),
    ("POST", "/ws/page/71/tags/tag", '<tags>Music "Long Scores" Jazz</tags>', 200, DONE),
    # Separators
    (
        "POST",
        "/pages/71/separators.xml",
        SEPARATOR,
        201,
        '<separator><id type="integer">40000008</id><name>Then</name>'
        '<page-id type="integer">71</page-id></separator>',
    ),
    ("PUT", "/pages/71/separators/603.xml", SEPARATOR, 200, "<name>Then</name>"),
    ("DELETE", "/pages/71/separators/603.xml", "", 204, ""),
    ("POST", "/ws/page/71/separators/destroy/603", "", 200, DONE),
    (
        "POST",
        "/ws/page/71/separators/create",
        SEPARATOR,
        200,
        '<response success="true"><separator id="40000008">Then</separator></response>',
    ),
    ("POST", "/ws/page/71/separators/update/603", SEPARATOR, 200, DONE),
    # Reminders
    (
        "GET",
        "/TOKEN/reminders.xml",
        "",
        200,
        '<reminders><reminder id="91"><remind_at>2031-04-01 09:00:00</remind_at>',
    ),
    ("POST", "/TOKEN/reminders.xml", REMINDER, 201, f'<reminder id="40000008">{REMINDED}'),
    ("PUT", "/TOKEN/reminders/91.xml", REMINDER, 200, f'<reminder id="91">{REMINDED}'),
    ("DELETE", "/TOKEN/reminders/91.xml", "", 204, ""),
    (
        "POST",
        "/ws/reminders",
        "",
        200,
        '<reminders><reminder remind_at="2031-04-01 09:00:00" id="91">Call</reminder></reminders>',
    ),
    (
        "POST",
        "/ws/reminders/create",
        REMINDER,
        200,
        '"true"><reminder remind_at="2031-05-01 09:00:00" id="40000008">Write</reminder></response',
    ),
    (
        "POST",
        "/ws/reminders/update/91",
        REMINDER,
        200,
        '"true"><reminder remind_at="2031-05-01 09:00:00" id="91">Write</reminder></response>',
    ),
    ("POST", "/ws/reminders/destroy/91", "", 200, DONE),
    # Users, bookmarks, export
    ("GET", "/TOKEN/me.xml", "", 200, "<user><account-id "),
    ("POST", "/TOKEN/me.xml", "", 200, "<user><account-id "),
    ("GET", "/me.xml", "", 200, "<user><account-id "),
    ("GET", "/TOKEN/users.xml", "", 200, f'<users type="array">{PERSON}<user>'),
    (
        "GET",
        "/TOKEN/users/17/export.xml",
        "",
        200,
        '<user id="17" name="Ana" account="',
    ),
    ("GET", "/TOKEN/users/17/bookmarks.xml", "", 200, '<bookmarks type="array"></bookmarks>'),
    ("GET", f"/TOKEN/users/{RUI}/bookmarks.xml", "", 403, '<error code="403">'),
    (
        "POST",
        "/ws/account/export",
        "",
        200,
        '<backpack username="Ana"><pages><page title="Lisbon" id="71" email_address="',
    ),
    # Statuses and journal
    (
        "GET",
        "/statuses.xml",
        "",
        200,
        f'<statuses type="array"><status><id type="integer">{STATUS}<',
    ),
    ("GET", "/users/17/status.xml", "", 200, f'<status><id type="integer">{STATUS}</id><message>'),
    ("GET", f"/users/{RUI}/status.xml", "", 404, "Record not found"),
    ("PUT", "/users/17/status.xml", MESSAGE, 200, ""),
    ("PUT", f"/users/{RUI}/status.xml", MESSAGE, 403, '<error code="403">'),
    (
        "GET",
        "/journal_entries.xml?n=0&count=100",
        "",
        200,
        '<journal-entries type="array"><journal-entry><body>Theirs</body>',
    ),
    (
        "GET",
        "/users/17/journal_entries.xml?n=0&count=100",
        "",
        200,
        '<journal-entries type="array"><journal-entry><body>Mine</body>',
    ),
    (
        "GET",
        f"/journal_entries/{ENTRY}.xml",
        "",
        200,
        '<journal-entry><account-id type="integer">40000000</account-id><body>Mine</body>',
    ),
    ("GET", f"/journal_entries/{THEIRS}.xml", "", 403, '<error code="403">'),
    ("POST", "/users/17/journal_entries.xml", entry("Slept"), 201, ""),
    ("PUT", f"/journal_entries/{ENTRY}.xml", entry("Slept"), 200, "<body>Slept</body>"),
    ("DELETE", f"/journal_entries/{ENTRY}.xml", "", 200, ""),
    # Calendars
    (
        "GET",
        "/calendars.xml",
        "",
        200,
        "<calendars><calendar><account-id ",
    ),
    (
        "GET",
        f"/calendars/{CALENDAR}/calendar_events.xml",
        "",
        200,
        f"<calendar-events>{EVENTS}",
    ),
    ("GET", f"/calendar_events/{EVENT}.xml", "", 200, EVENTS),
    (
        "POST",
        "/calendar_events.xml",
        f"<request><event><calendar-id>{CALENDAR}</calendar-id><title>9/27 2pm Tea</title>"
        "<remind>1</remind></event></request>",
        201,
        "",
    ),
    (
        "PUT",
        f"/calendar_events/{EVENT}.xml",
        "<request><event><title>9/27 2pm Tea</title><remind>1</remind></event></request>",
        200,
        "",
    ),
    ("DELETE", f"/calendar_events/{EVENT}.xml", "", 200, ""),
]

LOCATIONS = {
    "/pages/71/separators.xml": "/pages/71/separators/40000008.xml",
    "/TOKEN/reminders.xml": "/reminders/40000008",
    "/users/17/journal_entries.xml": "URL/journal-entries/40000008",
    "/calendar_events.xml": "URL/calendar_events/40000008.xml",
}


@pytest.fixture(scope="module")
def house(network: None) -> Iterator[Sandbox]:
    """A sandbox for all accounts of this module."""
    with Sandbox(seed="empty", clock=lambda: NOW) as box:
        yield box


@pytest.fixture
def client(house: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of a new account, named after the test, with a record of every type."""
    export = tmp_path / "export.xml"
    export.write_text(ACCOUNT)
    name = request.node.name
    client = Client(house.url, house.add_account(name, seed=str(export)))
    assert house.add_calendar("Home", account=name) == CALENDAR
    event = f"<event><calendar-id>{CALENDAR}</calendar-id><title>now x</title></event>"
    client.rest("POST", "/calendar_events.xml", event)
    client.rest("POST", "/users/17/journal_entries.xml", entry("Mine"))
    client.rest("PUT", "/users/17/status.xml", "<status><message>Here</message></status>")
    rui = Client(house.url, house.add_user("Rui", account=name))
    rui.rest("POST", f"/users/{RUI}/journal_entries.xml", entry("Theirs"))
    yield client
    rui.close()
    client.close()


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "expected"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS]
)
def test_an_endpoint_responds_as_documented(
    client: Client, verb: str, path: str, body: str, status: int, expected: str
) -> None:
    if path.startswith("/TOKEN/"):
        response = client.send(verb, path.replace("TOKEN", client.token), body)
    elif path.startswith(("/ws/", "/pages/")):
        request = f"<request><token>{client.token}</token>{body}</request>"
        response = client.send(verb, path, request, Content_Type="application/xml")
    else:
        response = client.rest(verb, path, body)
    assert response.status_code == status
    location = LOCATIONS.get(path, "") if status == 201 else ""
    assert response.headers.get("Location", "") == location.replace("URL", client.url)
    if expected in ("", DONE):
        assert response.text == expected
    else:
        assert response.text.startswith(XML)
        assert expected in response.text


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [row[:4] for row in ROWS if re.match(r"/(statuses|users|journal|calendar)", row[1])],
)
def test_calls_that_accept_the_token_in_a_header_accept_it_in_the_body(
    client: Client, verb: str, path: str, body: str, status: int
) -> None:
    inner = body.removeprefix("<request>").removesuffix("</request>")
    request = f"<request><token>{client.token}</token>{inner}</request>"
    assert client.send(verb, path, request).status_code == status


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [row[:4] for row in ROWS],
    ids=[f"{row[0]} {row[1]}" for row in ROWS],
)
def test_every_call_accepts_a_bearer_token(
    client: Client, verb: str, path: str, body: str, status: int
) -> None:
    request = f"<request>{body}</request>" if path.startswith("/ws/") else body
    bearer = f"Bearer {client.token}"
    response = client.send(verb, path.removeprefix("/TOKEN"), request, Authorization=bearer)
    assert response.status_code == status


def test_every_endpoint_requires_a_valid_token(client: Client) -> None:
    before = client.ws("account/export")
    for verb, path, body, *_ in ROWS:
        request = f"<request>{body}</request>" if path.startswith(("/ws/", "/pages/")) else body
        response = client.send(
            verb, path.replace("TOKEN", "unknown"), request, X_BP_Token="unknown"
        )
        assert (response.status_code, response.headers["Location"]) == (
            302,
            f"{client.url}/login",
        ), path
    assert client.ws("account/export") == before


def fields(element: Any) -> Any:
    """Return the content of an element as JSON and YAML represent it."""
    if element.get("type") == "array":
        return [fields(child) for child in element]
    if not len(element) and not element.attrib:
        return element.text or ""
    content = dict(element.attrib)
    for name in dict.fromkeys(child.tag for child in element):
        values = [fields(child) for child in element.iterfind(name)]
        content[name] = values if len(values) > 1 else values[0]
    return content


def pairs(content: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Return the same content as form fields."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from pairs(value, f"{name}[{key}]" if name else key)
    elif isinstance(content, list):
        for value in content:
            yield from pairs(value, f"{name}[]")
    else:
        yield name, content


def in_elements(content: object, name: str) -> str:
    """Return the same content as XML without attributes, with dashes and underscores swapped."""
    if isinstance(content, list):
        return "".join(in_elements(value, name) for value in content)
    if isinstance(content, dict):
        inner = "".join(in_elements(value, key) for key, value in content.items())
    else:
        inner = escape(str(content))
    name = name.translate(str.maketrans("-_", "_-"))
    return f"<{name}>{inner}</{name}>"


SPELLINGS = {
    "JSON": json.dumps,
    "YAML": lambda content: yaml.safe_dump({f":{name}": value for name, value in content.items()}),
    "form": lambda content: urlencode(list(pairs(content))),
    "elements, each dash an underscore and the other way round": (
        lambda content: in_elements(content, "anything")
    ),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "expected"),
    [row for row in ROWS if row[2] and row[3] < 300],
    ids=[f"{row[0]} {row[1]}" for row in ROWS if row[2] and row[3] < 300],
)
def test_every_call_accepts_every_format(
    client: Client,
    verb: str,
    path: str,
    body: str,
    status: int,
    expected: str,
    spelled: Callable[..., Any],
) -> None:
    inner = body.removeprefix("<request>").removesuffix("</request>")
    root = ET.fromstring(f"<request><token>{client.token}</token>{inner}</request>")
    response = client.send(verb, path.removeprefix("/TOKEN"), spelled(fields(root)))
    assert response.status_code == status
    assert expected in response.text


def test_every_served_path_is_in_the_reference(box: Sandbox) -> None:
    app = application()
    served = {
        (verb, re.sub(r"<id:\w+>", "ID", rule.rule))
        for rule in app.url_map.iter_rules()
        for verb in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    named = {
        (verb, re.sub(r"\d+", "ID", re.sub(r"^/TOKEN|\?.*", "", path))) for verb, path, *_ in ROWS
    }
    provider = {
        ("GET", "/authorization/new"),
        ("POST", "/authorization/new"),
        ("POST", "/authorization/token"),
        ("GET", "/authorization.json"),
        ("GET", "/authorization.xml"),
    }
    assert served - {("GET", "/login"), ("GET", "/<token>.ics")} == named | provider
