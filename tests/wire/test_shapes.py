"""The documented answers of every call that returns data, as the models' tables read them.

Each is written twice: as the documentation prints it, and as the service really sends it.
"""

from datetime import datetime, timezone

import pytest

from backpack_orm.errors import InvalidResponse
from backpack_orm.models.item import Item
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.user import User
from backpack_orm.orm.fields import View
from backpack_orm.wire.parse import MISSING, Answer

XML = b'<?xml version="1.0" encoding="UTF-8"?>'


def named(model, record):
    """What a record knows, by the names of its positions."""
    pairs = zip(model._table.positions, record, strict=True)
    return {name: value for name, value in pairs if value is not MISSING}


def many(model, content, view=None):
    view = view or model._whole
    return [named(model, record) for record in view.read_many(Answer(200, content))]


def one(model, content, view=None):
    return named(model, (view or model._whole).read_one(Answer(200, content)))


# --- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <response success='true'>
          <pages>
            <page scope='personal' title='Lisbon' id='71' />
            <page scope='friends' title='R&amp;D &#8211; plans' id='72' />
          </pages>
        </response>""",
        XML + b'\n<response success="true"><pages><page title="Lisbon" id="71" scope="personal"/>'
        b'<page title="R&amp;D &#8211; plans" id="72" scope="friends"/></pages></response>',
    ],
)
def test_the_list_of_pages(content):
    assert many(Page, content, Page._listed) == [
        {"id": 71, "title": "Lisbon", "scope": "personal"},
        {"id": 72, "title": "R&D – plans", "scope": "friends"},
    ]


def test_a_page_without_a_scope_has_none():
    content = b"<pages><page title='Lisbon' id='71'/></pages>"
    assert many(Page, content, Page._listed) == [{"id": 71, "title": "Lisbon", "scope": None}]


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <response success='true'>
          <pages>
            <page title='Lisbon' id='71'>
              <send id='33469'>note</send>
              <send id='33470'>writeboard_link</send>
            </page>
            <page title='Porto' id='72' />
          </pages>
        </response>""",
        XML + b'<response success="true"><pages><page title="Lisbon" id="71">'
        b'<send id="33469">note</send><send id="33470">writeboard_link</send></page>'
        b'<page title="Porto" id="72"></page></pages></response>',
    ],
)
def test_what_a_search_has_found(content):
    assert many(Page, content, Page._found) == [
        {"id": 71, "title": "Lisbon", "matches": ((33469, "note"), (33470, "writeboard_link"))},
        {"id": 72, "title": "Porto", "matches": ()},
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <page title='Lisbon (copy)' id='73' />\n</response>",
        XML + b'<response success="true"><page title="Lisbon (copy)" id="73"/></response>',
    ],
)
def test_a_page_that_was_created_or_copied(content):
    assert one(Page, content, Page._named) == {"id": 73, "title": "Lisbon (copy)"}


@pytest.mark.parametrize(
    "content",
    [
        b"<pages>\n  <page id='71' title='Lisbon'/>\n</pages>",
        b'<response success="true"><pages><page title="Lisbon" id="71"/></pages></response>',
    ],
)
def test_the_pages_of_a_tag(content):
    assert many(Page, content, Page._named) == [{"id": 71, "title": "Lisbon"}]


DOCUMENTED_PAGE = b"""
<response success='true'>
  <page title='Lisbon' id='71' email_address='xy12ab@backpackit.com'>
    <description>
      h1. *Bem-vindo*
    </description>
    <belongings>
      <belonging id='901'><position>1</position><widget type='Note' id='301' /></belonging>
      <belonging id='902'><position>2</position><widget type='List' id='401' /></belonging>
      <belonging id='903'><position>3</position><widget type='WriteboardLink' id='9' /></belonging>
    </belongings>
    <notes>
      <note title='Flight' id='301' created_at='2026-05-14 16:39:02'>
        At *nine*.

        Gate B
      </note>
      <note title='' id='302' created_at='2026-05-15 08:00:00'>
      </note>
    </notes>
    <lists>
      <list id='401' name='Packing'>
        <items>
          <item completed='false' id='501' list_id='401'>Socks</item>
          <item completed='true' id='502' list_id='401'>Passport</item>
        </items>
      </list>
      <list id='402' name=''><items></items></list>
    </lists>
    <galleries><gallery id='601' name='x'><images/></gallery></galleries>
    <tags>
      <tag name='Travel' id='5' />
      <tag name='Long Weekends' id='6' />
    </tags>
  </page>
</response>"""
REAL_PAGE = (
    XML + b'\n<response success="true">'
    b'<page title="Lisbon" id="71" email_address="xy12ab@backpackit.com">'
    b"<description>h1. *Bem-vindo*</description>"
    b'<belongings><belonging id="901"><widget type="Note" id="301"/><position>1</position>'
    b'</belonging><belonging id="902"><widget type="List" id="401"/><position>2</position>'
    b'</belonging><belonging id="903"><widget type="WriteboardLink" id="9"/>'
    b"<position>3</position></belonging></belongings>"
    b'<tags><tag name="Travel" id="5"/><tag name="Long Weekends" id="6"/></tags>'
    b'<lists><list name="Packing" id="401"><items>'
    b'<item completed="false" id="501" list_id="401">Socks</item>'
    b'<item completed="true" id="502" list_id="401">Passport</item></items></list>'
    b'<list name="" id="402"><items></items></list></lists>'
    b'<notes><note title="Flight" id="301" created_at="2026-05-14 16:39:02">'
    b"At *nine*.\n\n        Gate B</note>"
    b'<note title="" id="302" created_at="2026-05-15 08:00:00"></note></notes>'
    b'<attachments><attachment file_name="itinerary.pdf" id="60887"/></attachments>'
    b"</page></response>"
)


@pytest.mark.parametrize("content", [DOCUMENTED_PAGE, REAL_PAGE], ids=["documented", "real"])
def test_a_full_page(content):
    items = ((501, "Socks", False, None), (502, "Passport", True, None))
    assert one(Page, content, Page._shown) == {
        "id": 71,
        "title": "Lisbon",
        "email_address": "xy12ab@backpackit.com",
        "description": "h1. *Bem-vindo*",
        "belongings": ((901, 1, "Note", 301), (902, 2, "List", 401), (903, 3, "WriteboardLink", 9)),
        "tags": ((5, "Travel"), (6, "Long Weekends")),
        "lists": ((401, "Packing", items), (402, "", ())),
        "notes": (
            (301, "Flight", "At *nine*.\n\n        Gate B", datetime(2026, 5, 14, 16, 39, 2)),
            (302, "", "", datetime(2026, 5, 15, 8)),
        ),
    }


def test_a_page_with_nothing_on_it():
    content = b"<response success='true'><page title='' id='71'/></response>"
    assert one(Page, content, Page._shown) == {
        "id": 71,
        "title": "",
        "email_address": "",
        "description": "",
        "belongings": (),
        "tags": (),
        "lists": (),
        "notes": (),
    }


def test_a_page_without_belongings_may_have_notes():
    content = b"<page title='' id='71'><notes><note title='Hi' id='3'>x</note></notes></page>"
    assert one(Page, content, Page._shown)["notes"] == ((3, "Hi", "x", None),)


def test_the_legacy_items_of_a_page_are_not_taken_for_those_of_a_list():
    content = (
        b"<page title='' id='71'><items><item id='9' completed='false'>loose</item></items>"
        b"<lists><list id='4' name='a'><items><item id='5' completed='false'>in</item></items>"
        b"</list></lists></page>"
    )
    assert one(Page, content, Page._shown)["lists"] == ((4, "a", ((5, "in", False, None),)),)


# --- notes, lists, items ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <response success='true'>
          <notes>
            <note id='301' title='Flight' created_at='2026-05-14 16:39:02'>
              At nine.
            </note>
            <note id='302' title='R&amp;D' created_at='2026-05-15 08:00:00'>The Green Mile </note>
          </notes>
        </response>""",
        XML + b'<response success="true"><notes>'
        b'<note title="Flight" id="301" created_at="2026-05-14 16:39:02">At nine.</note>'
        b'<note title="R&amp;D" id="302" created_at="2026-05-15 08:00:00">The Green Mile </note>'
        b"</notes></response>",
    ],
)
def test_the_list_of_notes(content):
    assert many(Note, content) == [
        {
            "id": 301,
            "title": "Flight",
            "body": "At nine.",
            "created_at": datetime(2026, 5, 14, 16, 39, 2),
        },
        {
            "id": 302,
            "title": "R&D",
            "body": "The Green Mile ",
            "created_at": datetime(2026, 5, 15, 8),
        },
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <note id='301' title='Flight' "
        b"created_at='2026-05-14 16:39:02'>\n    At nine.\n  </note>\n</response>",
        XML + b'<response success="true"><note title="Flight" id="301" '
        b'created_at="2026-05-14 16:39:02">At nine.</note></response>',
    ],
)
def test_a_note_that_was_created(content):
    assert one(Note, content) == {
        "id": 301,
        "title": "Flight",
        "body": "At nine.",
        "created_at": datetime(2026, 5, 14, 16, 39, 2),
    }


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <lists>\n    <list id='401' name='Packing' />\n"
        b"    <list id='402' name='' />\n  </lists>\n</response>",
        XML + b'<response success="true"><lists><list name="Packing" id="401"/>'
        b'<list name="" id="402"/></lists></response>',
    ],
)
def test_the_list_of_lists_knows_nothing_of_items(content):
    assert many(List, content, List._listed) == [
        {"id": 401, "name": "Packing"},
        {"id": 402, "name": ""},
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <list id='401' name='Packing' />\n</response>",
        XML + b'<response success="true"><list name="Packing" id="401"></list></response>',
    ],
)
def test_a_list_that_was_created(content):
    assert one(List, content, List._created) == {"id": 401, "name": "Packing"}


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <response success='true'>
          <items>
            <item id='501' list_id='401' completed='false' updated_at='2026-05-14 16:39:02'>Socks &amp; co</item>
            <item id='502' list_id='401' completed='true'>two
lines </item>
          </items>
        </response>""",  # noqa: E501
        XML + b'\n<response success="true"><items>'
        b'<item completed="false" id="501" list_id="401" updated_at="2026-05-14 16:39:02">'
        b"Socks &amp; co</item>"
        b'<item completed="true" id="502" list_id="401">two\nlines </item></items></response>',
    ],
)
def test_the_list_of_items(content):
    assert many(Item, content) == [
        {
            "id": 501,
            "content": "Socks & co",
            "completed": False,
            "updated_at": datetime(2026, 5, 14, 16, 39, 2),
        },
        {"id": 502, "content": "two\nlines ", "completed": True, "updated_at": None},
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <item id='501' list_id='401' completed='true'>Socks</item>\n"
        b"</response>",
        XML + b'\n<response success="true">'
        b'<item completed="true" id="501" list_id="401">Socks</item></response>',
    ],
)
def test_an_item_that_was_created(content):
    assert one(Item, content, Item._created) == {"id": 501, "content": "Socks", "completed": True}


def test_a_comment_on_an_item_is_not_its_text():
    content = b"<items><item id='5' completed='false'>Socks<message id='9'>Which?</message></item>"
    assert many(Item, content + b"</items>")[0]["content"] == "Socks"


# --- reminders and users ----------------------------------------------------------------------


REMINDER = {
    "id": 81,
    "content": "Call the hotel",
    "remind_at": datetime(2031, 1, 2, 9, 5),
    "creator": (4, "Ana"),
    "remindees": ((4, "Ana"), (5, "Rui")),
}


@pytest.mark.parametrize(
    "content",
    [
        b"""<?xml version='1.0' encoding='UTF-8'?>
        <reminders>
          <reminder id='81'>
            <remind_at>2031-01-02 09:05:00</remind_at>
            <content>Call the hotel</content>
            <creator id='4' name='Ana' />
            <remindees>
              <user id='4' name='Ana' />
              <user id='5' name='Rui' />
            </remindees>
          </reminder>
        </reminders>""",
        XML + b'<reminders><reminder id="81"><remind_at>2031-01-02 09:05:00</remind_at>'
        b'<content>Call the hotel</content><creator id="4" name="Ana"/>'
        b'<remindees><user id="4" name="Ana"/><user id="5" name="Rui"/></remindees>'
        b"</reminder></reminders>",
        XML + b'<reminders type="array"><reminder><id type="integer">81</id>'
        b'<remind-at type="datetime">2031-01-02 09:05:00</remind-at>'
        b"<content>Call the hotel</content><creator><id>4</id><name>Ana</name></creator>"
        b'<remindees type="array"><user><id>4</id><name>Ana</name></user>'
        b"<user><id>5</id><name>Rui</name></user></remindees></reminder></reminders>",
    ],
)
def test_the_list_of_reminders(content):
    assert many(Reminder, content) == [REMINDER]


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <reminders>\n"
        b"    <reminder remind_at='2031-01-02 09:05:00' id='81'>Call the hotel</reminder>\n"
        b"  </reminders>\n</response>",
        XML + b'<response success="true"><reminders>'
        b'<reminder remind_at="2031-01-02 09:05:00" id="81">Call the hotel</reminder>'
        b"</reminders></response>",
    ],
)
def test_reminders_in_the_older_form(content):
    assert many(Reminder, content) == [{**REMINDER, "creator": None, "remindees": ()}]


@pytest.mark.parametrize(
    "content",
    [
        b"<reminder id='81'>\n  <remind_at>2031-01-02 09:05:00</remind_at>\n"
        b"  <content>Call the hotel</content>\n  <creator id='4' name='Ana'/>\n"
        b"  <remindees>\n    <user id='4' name='Ana'/>\n    <user id='5' name='Rui'/>\n"
        b"  </remindees>\n</reminder>",
        XML + b'<reminder id="81"><remind_at>2031-01-02 09:05:00</remind_at>'
        b'<content>Call the hotel</content><creator id="4" name="Ana"/><remindees>'
        b'<user id="4" name="Ana"/><user id="5" name="Rui"/></remindees></reminder>',
    ],
)
def test_a_reminder_that_was_created(content):
    assert one(Reminder, content) == REMINDER


def test_a_reminder_in_the_newer_form_of_time_is_aware():
    content = b"<reminder id='81'><remind_at>2031-01-02T09:05:00Z</remind_at></reminder>"
    assert one(Reminder, content)["remind_at"] == datetime(2031, 1, 2, 9, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "content",
    [
        b"<users type='array'>\n  <user>\n    <id type='integer'>4</id>\n"
        b"    <name>Ana</name>\n  </user>\n</users>",
        XML + b'<users type="array"><user><id type="integer">4</id><name>Ana</name></user></users>',
    ],
)
def test_the_list_of_users(content):
    assert many(User, content) == [{"id": 4, "name": "Ana"}]


def test_the_users_as_the_documentation_misprints_them_are_an_invalid_response():
    content = b"<users type='array'><user><id>4</id><name>Ana</name></user></user>"
    with pytest.raises(InvalidResponse, match="no well-formed XML"):
        many(User, content)


# --- all of them ------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Page, Note, List, Item, Reminder, User])
def test_a_record_without_an_id_is_refused_for_every_model(model):
    content = f"<{model._container}><{model._element}/></{model._container}>".encode()
    with pytest.raises(InvalidResponse, match="cannot be read"):
        View("id", model=model).read_many(Answer(200, content))


@pytest.mark.parametrize("model", [Page, Note, List, Item, Reminder, User])
def test_a_record_has_a_place_for_all_that_a_model_knows(model):
    assert len(model._whole.shape.parts) == len(model._table.positions)
