"""The documented responses of every call that returns data, as the models' tables read them.

Each is written twice: as the documentation prints it, except for the white space that it adds to
bodies, and as the service really sends it.
"""

from datetime import UTC, datetime

import pytest

from backpack_orm import (
    Attachment,
    Belonging,
    Bookmark,
    Calendar,
    CalendarEvent,
    Email,
    Gallery,
    Image,
    InvalidResponse,
    Item,
    JournalEntry,
    List,
    Message,
    Note,
    Page,
    PageItem,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
)
from backpack_orm.models.export import read_export, read_live_export
from backpack_orm.orm.projections import Projection
from backpack_orm.wire.shapes import MISSING, Response

XML = b'<?xml version="1.0" encoding="UTF-8"?>'
NOON = datetime(2026, 5, 14, 16, 39, 2, tzinfo=UTC)
MODELS = [
    Attachment,
    Belonging,
    Bookmark,
    Calendar,
    CalendarEvent,
    Email,
    Gallery,
    Image,
    Item,
    JournalEntry,
    List,
    Note,
    Page,
    PageItem,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
]


def known(value):
    """What a record knows, and the records in it."""
    if not isinstance(value, tuple):
        return value
    return tuple(known(part) for part in value if part is not MISSING)


def named(model, record):
    """What a record knows, by the names of its positions."""
    pairs = zip(model._table.positions, record, strict=True)
    return {name: known(value) for name, value in pairs if value is not MISSING}


def many(model, content, view=None):
    view = view or model._full
    return [named(model, record) for record in view.read_many(Response(200, content))]


def one(model, content, view=None):
    return named(model, (view or model._full).read_one(Response(200, content)))


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
        {
            "id": 71,
            "title": "Lisbon",
            "matches": ((33469, "note", ""), (33470, "writeboard_link", "")),
        },
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
    <description>h1. *Bem-vindo*</description>
    <belongings>
      <belonging id='901'><position>1</position><widget type='Note' id='301' /></belonging>
      <belonging id='902'><position>2</position><widget type='List' id='401' /></belonging>
      <belonging id='903'><position>3</position><widget type='WriteboardLink' id='9' /></belonging>
    </belongings>
    <notes>
      <note title='Flight' id='301' created_at='2026-05-14 16:39:02'>At *nine*.

        Gate B</note>
      <note title='' id='302' created_at='2026-05-15 08:00:00'></note>
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
    <items>
      <item completed='false' id='511'>Return the key</item>
      <item completed='true' id='512' list_id='401'>Feed the cat</item>
    </items>
    <galleries>
      <gallery id='601' name='Views'>
        <images>
          <image id='611' file_name='tram.jpg' gallery_id='601' description='Line 28' />
          <image id='612' file_name='river.jpg' gallery_id='601' description='' />
        </images>
      </gallery>
      <gallery id='602' name=''><images></images></gallery>
    </galleries>
    <attachments>
      <attachment id='60887' file_name='itinerary.pdf' />
    </attachments>
    <separators>
      <separator id='701'>Evenings</separator>
      <separator id='702'></separator>
    </separators>
    <emails>
      <email id='801' title='Your booking' created_at='2026-05-13 07:00:00'
              >Dear Ana,</email>
    </emails>
    <linked_pages>
      <page title='Porto' id='72' />
    </linked_pages>
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
    b'<items><incomplete><item id="511">Return the key</item></incomplete>'
    b'<completed><item id="512" list_id="401">Feed the cat</item></completed></items>'
    b'<notes><note title="Flight" id="301" created_at="2026-05-14 16:39:02">'
    b"At *nine*.\n\n        Gate B</note>"
    b'<note title="" id="302" created_at="2026-05-15 08:00:00"></note></notes>'
    b'<galleries><gallery name="Views" id="601"><images>'
    b'<image gallery_id="601" file_name="tram.jpg" id="611" description="Line 28"/>'
    b'<image gallery_id="601" file_name="river.jpg" id="612" description=""/></images></gallery>'
    b'<gallery name="" id="602"><images></images></gallery></galleries>'
    b'<attachments><attachment file_name="itinerary.pdf" id="60887"/></attachments>'
    b'<separators><separator id="701">Evenings</separator><separator id="702"></separator>'
    b"</separators>"
    b'<emails><email subject="Your booking" id="801" created_at="2026-05-13 07:00:00">'
    b"Dear Ana,</email></emails>"
    b'<linked_pages><page title="Porto" id="72"/></linked_pages>'
    b"</page></response>"
)
ITEMS = ((501, "Socks", False), (502, "Passport", True))
FULL_PAGE = {
    "id": 71,
    "title": "Lisbon",
    "email_address": "xy12ab@backpackit.com",
    "description": "h1. *Bem-vindo*",
    "belongings": ((901, 1, "Note", 301), (902, 2, "List", 401), (903, 3, "WriteboardLink", 9)),
    "tags": ((5, "Travel"), (6, "Long Weekends")),
    "lists": ((401, "Packing", ITEMS), (402, "", ())),
    "notes": (
        (301, "Flight", "At *nine*.\n\n        Gate B", datetime(2026, 5, 14, 16, 39, 2)),
        (302, "", "", datetime(2026, 5, 15, 8)),
    ),
    "galleries": (
        (601, "Views", ((611, "tram.jpg", "Line 28"), (612, "river.jpg", ""))),
        (602, "", ()),
    ),
    "attachments": ((60887, "itinerary.pdf"),),
    "separators": ((701, "Evenings"), (702, "")),
    "emails": ((801, "Your booking", "Dear Ana,", datetime(2026, 5, 13, 7)),),
    "linked_pages": ((72, "Porto"),),
    "items": (
        (511, "Return the key", False),
        (512, "Feed the cat", True, 401),
    ),
}
EMPTY_PAGE = {
    "id": 71,
    "title": "",
    "email_address": "",
    "description": "",
    "belongings": (),
    "tags": (),
    "lists": (),
    "notes": (),
    "galleries": (),
    "attachments": (),
    "separators": (),
    "linked_pages": (),
    "items": (),
}


@pytest.mark.parametrize("content", [DOCUMENTED_PAGE, REAL_PAGE], ids=["documented", "real"])
def test_a_full_page(content):
    assert one(Page, content, Page._full) == FULL_PAGE


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <page title='' id='71' />\n</response>",
        XML + b'\n<response success="true"><page title="" id="71" email_address=""></page>'
        b"</response>",
    ],
)
def test_a_page_with_nothing_on_it_may_still_have_mails(content):
    assert one(Page, content, Page._full) == EMPTY_PAGE


def test_a_page_without_belongings_may_have_notes():
    content = b"<page title='' id='71'><notes><note title='Hi' id='3'>x</note></notes></page>"
    assert one(Page, content, Page._full)["notes"] == ((3, "Hi", "x"),)


def test_the_legacy_items_of_a_page_are_not_taken_for_those_of_a_list():
    content = (
        b"<page title='' id='71'><items><item id='9' completed='false'>loose</item></items>"
        b"<lists><list id='4' name='a'><items><item id='5' completed='false'>in</item></items>"
        b"</list></lists></page>"
    )
    page = one(Page, content, Page._full)
    assert page["lists"] == ((4, "a", ((5, "in", False),)),)
    assert page["items"] == ((9, "loose", False),)


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <response success='true'>
          <items>
            <item id='511' list_id='401' completed='false'>Return the key</item>
          </items>
        </response>""",
        XML + b'\n<response success="true"><items>'
        b'<item completed="false" id="511" list_id="401">Return the key</item></items></response>',
    ],
)
def test_the_legacy_list_of_items(content):
    assert many(PageItem, content) == [
        {
            "id": 511,
            "content": "Return the key",
            "completed": False,
            "updated_at": None,
            "list_id": 401,
        }
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <item id='511' list_id='401' completed='true'>Key</item>\n"
        b"</response>",
        XML + b'\n<response success="true">'
        b'<item completed="true" id="511" list_id="401">Key</item></response>',
    ],
)
def test_a_legacy_item_that_was_created(content):
    assert one(PageItem, content, PageItem._created) == {
        "id": 511,
        "content": "Key",
        "completed": True,
        "list_id": 401,
    }


# --- notes, lists, items ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <response success='true'>
          <notes>
            <note id='301' title='Flight' created_at='2026-05-14 16:39:02'>At nine.</note>
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
        b"created_at='2026-05-14 16:39:02'>At nine.</note>\n</response>",
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
    assert one(List, content, List._full.partial) == {"id": 401, "name": "Packing"}


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
    assert one(Reminder, content)["remind_at"] == datetime(2031, 1, 2, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "content",
    [
        b"<users type='array'>\n  <user>\n    <id type='integer'>4</id>\n"
        b"    <name>Ana</name>\n  </user>\n</users>",
        XML + b'<users type="array"><user><id type="integer">4</id><name>Ana</name></user></users>',
    ],
)
def test_the_list_of_users(content):
    assert many(User, content, User._listed) == [{"id": 4, "name": "Ana"}]


def test_the_users_as_the_documentation_misprints_them_are_an_invalid_response():
    content = b"<users type='array'><user><id>4</id><name>Ana</name></user></user>"
    with pytest.raises(InvalidResponse, match="no well-formed XML"):
        many(User, content)


@pytest.mark.parametrize(
    "content",
    [
        b"""<?xml version='1.0' encoding='UTF-8'?>
        <user>
          <account-id type='integer'>2</account-id>
          <created-at type='datetime'>2006-10-06T00:00</created-at>
          <id type='integer'>4</id>
          <identity-url nil='true'></identity-url>
          <mobile-phone-host nil='true'></mobile-phone-host>
          <mobile-phone-number nil='true'></mobile-phone-number>
          <remind-via-email type='boolean'>true</remind-via-email>
          <remind-via-mobile type='boolean'>false</remind-via-mobile>
          <reminder-address>ana@example.com</reminder-address>
          <start-page-id type='integer'>71</start-page-id>
          <time-zone-id>Pacific Time (US &amp; Canada)</time-zone-id>
          <updated-at type='datetime'>2026-05-14T16:39:02Z</updated-at>
          <use-24h-clock type='boolean'>true</use-24h-clock>
          <name>Ana</name>
          <email-address>ana@example.com</email-address>
          <admin type='boolean'>true</admin>
        </user>""",
        XML + b'<user><account-id type="integer">2</account-id>'
        b'<created-at type="datetime">2006-10-06T00:00:00Z</created-at><id type="integer">4</id>'
        b'<identity-url nil="true"/><mobile-phone-host nil="true"/>'
        b'<mobile-phone-number nil="true"/><remind-via-email type="boolean">true</remind-via-email>'
        b'<remind-via-mobile type="boolean">false</remind-via-mobile>'
        b"<reminder-address>ana@example.com</reminder-address>"
        b'<start-page-id type="integer">71</start-page-id>'
        b"<time-zone-id>Pacific Time (US &amp; Canada)</time-zone-id>"
        b'<updated-at type="datetime">2026-05-14T16:39:02Z</updated-at>'
        b'<use-24h-clock type="boolean">true</use-24h-clock><name>Ana</name>'
        b'<email-address>ana@example.com</email-address><admin type="boolean">true</admin></user>',
    ],
    ids=["documented", "real"],
)
def test_what_the_service_includes_of_me(content):
    assert one(User, content) == {
        "id": 4,
        "name": "Ana",
        "account_id": 2,
        "email_address": "ana@example.com",
        "admin": True,
        "time_zone_id": "Pacific Time (US & Canada)",
        "use_24h_clock": True,
        "remind_via_email": True,
        "remind_via_mobile": False,
        "reminder_address": "ana@example.com",
        "mobile_phone_number": None,
        "mobile_phone_host": None,
        "identity_url": None,
        "start_page_id": 71,
        "created_at": datetime(2006, 10, 6, tzinfo=UTC),
        "updated_at": NOON,
    }


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <bookmarks type='array'>
          <bookmark>
            <bookmarkable-id type='integer'>71</bookmarkable-id>
            <bookmarkable-type type='string'>Page</bookmarkable-type>
            <created-at type='datetime'>2026-05-14T16:39:02Z</created-at>
            <id type='integer'>31</id>
            <position type='integer'>1</position>
            <user-id type='integer'>4</user-id>
          </bookmark>
          <bookmark>
            <bookmarkable-id type='integer'>5</bookmarkable-id>
            <bookmarkable-type type='string'>Tag</bookmarkable-type>
            <id type='integer'>32</id>
            <position type='integer' nil='true'></position>
            <user-id type='integer'>4</user-id>
          </bookmark>
        </bookmarks>""",
        XML + b'<bookmarks type="array"><bookmark><id type="integer">31</id>'
        b'<user-id type="integer">4</user-id><bookmarkable-type type="string">Page'
        b'</bookmarkable-type><bookmarkable-id type="integer">71</bookmarkable-id>'
        b'<position type="integer">1</position></bookmark><bookmark><id type="integer">32</id>'
        b'<user-id type="integer">4</user-id><bookmarkable-type type="string">Tag'
        b'</bookmarkable-type><bookmarkable-id type="integer">5</bookmarkable-id>'
        b'<position nil="true"/></bookmark></bookmarks>',
    ],
    ids=["documented", "real"],
)
def test_the_list_of_bookmarks(content):
    assert many(Bookmark, content) == [
        {"id": 31, "position": 1, "bookmarkable_type": "Page", "bookmarkable_id": 71},
        {"id": 32, "position": None, "bookmarkable_type": "Tag", "bookmarkable_id": 5},
    ]


def test_the_bookmarks_as_the_documentation_misprints_them_are_an_invalid_response():
    content = b"<bookmarks type='array'><bookmark><id>31</id></page-id></bookmark></bookmarks>"
    with pytest.raises(InvalidResponse, match="no well-formed XML"):
        many(Bookmark, content)


# --- mails and separators ---------------------------------------------------------------------


MAIL = {
    "id": 801,
    "subject": "Your booking – R&D",
    "body": "Dear Ana,",
    "created_at": datetime(2026, 5, 13, 7),
}


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <response success='true'>
          <emails>
            <email id='801' title='Your booking &#8211; R&amp;D' created_at='2026-05-13 07:00:00'
              >Dear Ana,</email>
            <email id='802' title='' created_at='2026-05-14 07:00:00'></email>
          </emails>
        </response>""",
        XML + b'<response success="true"><emails>'
        b'<email subject="Your booking &#8211; R&amp;D" id="801" created_at="2026-05-13 07:00:00">'
        b"Dear Ana,</email>"
        b'<email subject="" id="802" created_at="2026-05-14 07:00:00"></email></emails></response>',
    ],
    ids=["documented", "real"],
)
def test_the_list_of_mails(content):
    empty = {"id": 802, "subject": "", "body": "", "created_at": datetime(2026, 5, 14, 7)}
    assert many(Email, content) == [MAIL, empty]


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <email id='801' title='Your booking &#8211; R&amp;D' "
        b"created_at='2026-05-13 07:00:00'>Dear Ana,</email>\n</response>",
        XML + b'<response success="true"><email subject="Your booking &#8211; R&amp;D" id="801" '
        b'created_at="2026-05-13 07:00:00">Dear Ana,</email></response>',
    ],
    ids=["documented", "real"],
)
def test_a_mail_that_is_shown(content):
    assert one(Email, content) == MAIL


def test_a_subject_wins_over_a_title():
    assert one(Email, b"<email id='8' subject='s' title='t'/>")["subject"] == "s"
    assert one(Email, b"<email id='8' subject='' title='t'/>")["subject"] == ""


def test_a_mail_keeps_the_blanks_that_are_its_own():
    content = b"<email subject='' id='8'>\n     Dear Ana,\nsee you\n\n</email>"
    assert one(Email, content)["body"] == "\n     Dear Ana,\nsee you\n\n"


@pytest.mark.parametrize(
    "content",
    [
        b"<separator>\n  <id type='integer'>71</id>\n  <name>Evenings</name>\n"
        b"  <page-id type='integer'>701</page-id>\n</separator>",  # its ids are swapped
        XML + b'<separator><id type="integer">701</id><name>Evenings</name>'
        b'<page-id type="integer">71</page-id></separator>',
    ],
    ids=["documented", "real"],
)
def test_a_separator_that_was_created_has_the_id_of_its_location(content):
    response = Response(201, content, "/pages/71/separators/701.xml")
    assert named(Separator, Separator._read_created(response)) == {"id": 701, "name": "Evenings"}


@pytest.mark.parametrize(
    "content",
    [
        b"<response success='true'>\n  <separator id='701'>Evenings</separator>\n</response>",
        XML + b'<response success="true"><separator id="701">Evenings</separator></response>',
    ],
)
def test_a_separator_that_was_created_by_the_older_call(content):
    assert named(Separator, Separator._read_created(Response(200, content))) == {
        "id": 701,
        "name": "Evenings",
    }


# --- statuses and the journal -----------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <statuses type='array'>
          <status>
            <id type='integer'>41</id>
            <message>Packing &amp; unpacking</message>
            <updated-at type='datetime'>2026-05-14T16:39:02Z</updated-at>
            <user-id type='integer'>4</user-id>
            <user>
              <id type='integer'>4</id>
              <name>Ana</name>
            </user>
          </status>
        </statuses>""",
        XML + b'<statuses type="array"><status><id type="integer">41</id>'
        b"<message>Packing &amp; unpacking</message>"
        b'<updated-at type="datetime">2026-05-14T16:39:02Z</updated-at>'
        b'<user-id type="integer">4</user-id><user><id type="integer">4</id><name>Ana</name>'
        b"</user></status></statuses>",
    ],
    ids=["documented", "real"],
)
def test_the_list_of_statuses(content):
    assert many(Status, content) == [
        {"id": 41, "message": "Packing & unpacking", "updated_at": NOON, "user": (4, "Ana")}
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<status>\n  <id type='integer'>41</id>\n  <message></message>\n"
        b"  <updated-at type='datetime'>2026-05-14T16:39:02Z</updated-at>\n"
        b"  <user-id type='integer'>4</user-id>\n</status>",
        XML + b'<status><id type="integer">41</id><message/>'
        b'<updated-at type="datetime">2026-05-14T16:39:02Z</updated-at>'
        b'<user-id type="integer">4</user-id></status>',
    ],
    ids=["documented", "real"],
)
def test_the_status_of_one_user_includes_the_users_id_alone(content):
    assert one(Status, content) == {"id": 41, "message": "", "updated_at": NOON, "user": (4,)}


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <journal-entries type='array'>
          <journal-entry>
            <body>Booked the hotel &#8211; at last </body>
            <created-at type='datetime'>2026-05-14T16:39:02Z</created-at>
            <id type='integer'>51</id>
            <updated-at type='datetime'>2026-05-14T16:39:02Z</updated-at>
            <user>
              <id type='integer'>4</id>
              <name>Ana</name>
            </user>
          </journal-entry>
        </journal-entries>""",
        XML + b'<journal-entries type="array"><journal-entry>'
        b"<body>Booked the hotel &#8211; at last </body>"
        b'<created-at type="datetime">2026-05-14T16:39:02Z</created-at><id type="integer">51</id>'
        b'<updated-at type="datetime">2026-05-14T16:39:02Z</updated-at>'
        b'<user><id type="integer">4</id><name>Ana</name></user></journal-entry></journal-entries>',
    ],
    ids=["documented", "real"],
)
def test_a_window_of_the_journal(content):
    assert many(JournalEntry, content, JournalEntry._listed) == [
        {
            "id": 51,
            "body": "Booked the hotel – at last ",
            "created_at": NOON,
            "updated_at": NOON,
            "user": (4, "Ana"),
        }
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<journal-entry>\n  <account-id type='integer'>2</account-id>\n"
        b"  <body>Booked</body>\n  <created-at type='datetime'>2026-05-14T16:39:02Z</created-at>\n"
        b"  <id type='integer'>51</id>\n"
        b"  <updated-at type='datetime'>2026-05-14T16:39:02Z</updated-at>\n"
        b"  <user-id type='integer'>4</user-id>\n</journal-entry>",
        XML + b'<journal-entry><account-id type="integer">2</account-id><body>Booked</body>'
        b'<created-at type="datetime">2026-05-14T16:39:02Z</created-at><id type="integer">51</id>'
        b'<updated-at type="datetime">2026-05-14T16:39:02Z</updated-at>'
        b'<user-id type="integer">4</user-id></journal-entry>',
    ],
    ids=["documented", "real"],
)
def test_a_journal_entry_that_is_shown(content):
    assert one(JournalEntry, content) == {
        "id": 51,
        "body": "Booked",
        "created_at": NOON,
        "updated_at": NOON,
        "account_id": 2,
        "user": (4,),
    }


@pytest.mark.parametrize(
    ("model", "location"),
    [
        (JournalEntry, "http://acme.backpackit.com/journal-entries/51"),
        (CalendarEvent, "https://acme.backpackit.com/calendar_events/51.xml"),
        (Reminder, "/reminders/51"),
        (Separator, "/pages/71/separators/51.xml"),
    ],
)
def test_what_was_created_without_a_body_is_known_by_its_location(model, location):
    assert named(model, model._read_created(Response(201, b" ", location))) == {"id": 51}


@pytest.mark.parametrize("model", [JournalEntry, CalendarEvent, Reminder, Separator])
def test_what_was_created_without_a_body_and_a_location_is_an_invalid_response(model):
    with pytest.raises(InvalidResponse, match="does not include the id"):
        model._read_created(Response(201, b"", None))


# --- calendars --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"""
        <calendars>
          <calendar>
            <account-id type='integer'>2</account-id>
            <color>336699</color>
            <created-at type='datetime'>2026-05-14T16:39:02Z</created-at>
            <ical-subscription-url>webcal://acme.backpackit.com/c0ffee.ics</ical-subscription-url>
            <id type='integer'>61</id>
            <name>Home &amp; away</name>
            <token>c0ffee</token>
            <updated-at type='datetime'>2026-05-14T16:39:02Z</updated-at>
          </calendar>
        </calendars>""",
        XML + b'<calendars><calendar><account-id type="integer">2</account-id>'
        b'<color>336699</color><created-at type="datetime">2026-05-14T16:39:02Z</created-at>'
        b"<ical-subscription-url>webcal://acme.backpackit.com/c0ffee.ics</ical-subscription-url>"
        b'<id type="integer">61</id><name>Home &amp; away</name><token>c0ffee</token>'
        b'<updated-at type="datetime">2026-05-14T16:39:02Z</updated-at></calendar></calendars>',
    ],
    ids=["documented", "real"],
)
def test_the_list_of_calendars(content):
    assert many(Calendar, content) == [
        {
            "id": 61,
            "name": "Home & away",
            "color": "336699",
            "account_id": 2,
            "created_at": NOON,
            "updated_at": NOON,
            "token": "c0ffee",
            "ical_subscription_url": "webcal://acme.backpackit.com/c0ffee.ics",
        }
    ]


EVENT = {
    "id": 62,
    "title": "Tea",
    "remind": True,
    "occurs_at": datetime(2006, 10, 6, tzinfo=UTC),
    "occurs_until": None,
    "all_day": False,
    "message": "",
    "reminded_at": None,
    "created_at": NOON,
    "updated_at": NOON,
    "calendar": (61,),
}
DOCUMENTED_EVENT = b"""
          <calendar-event>
            <all-day type='boolean'>false</all-day>
            <calendar-id type='integer'>61</calendar-id>
            <created-at type='datetime'>2026-05-14T16:39:02Z</created-at>
            <id type='integer'>62</id>
            <message></message>
            <occurs-at type='datetime'>2006-10-06T00:00</occurs-at>
            <occurs-until type='datetime'></occurs-until>
            <remind type='boolean'>true</remind>
            <reminded-at type='datetime'></reminded-at>
            <title>Tea</title>
            <updated-at type='datetime'>2026-05-14T16:39:02Z</updated-at>
          </calendar-event>
"""
REAL_EVENT = (
    b'<calendar-event><all-day type="boolean">false</all-day>'
    b'<calendar-id type="integer">61</calendar-id>'
    b'<created-at type="datetime">2026-05-14T16:39:02Z</created-at><id type="integer">62</id>'
    b'<message/><occurs-at type="datetime">2006-10-06T00:00:00Z</occurs-at><occurs-until/>'
    b'<remind type="boolean">true</remind><reminded-at/><title>Tea</title>'
    b'<updated-at type="datetime">2026-05-14T16:39:02Z</updated-at></calendar-event>'
)


@pytest.mark.parametrize(
    "content",
    [
        b"<calendar-events>" + DOCUMENTED_EVENT + b"</calendar-events>",
        XML + b"<calendar-events>" + REAL_EVENT + b"</calendar-events>",
    ],
    ids=["documented", "real"],
)
def test_the_events_of_a_calendar(content):
    assert many(CalendarEvent, content) == [EVENT]


@pytest.mark.parametrize(
    "content", [DOCUMENTED_EVENT, XML + REAL_EVENT], ids=["documented", "real"]
)
def test_an_event_that_is_shown(content):
    assert one(CalendarEvent, content) == EVENT


def test_any_part_of_an_event_may_be_absent():
    content = b"<calendar-event><id>62</id></calendar-event>"
    empty = dict.fromkeys(EVENT) | {"id": 62, "title": "", "message": ""}
    assert one(CalendarEvent, content) == empty


# --- exports ----------------------------------------------------------------------------------


EXPORTED_PAGE = {
    **FULL_PAGE,
    "notes": tuple((*note, ()) for note in FULL_PAGE["notes"]),
    "lists": ((401, "Packing", tuple((*item, ()) for item in ITEMS)), (402, "", ())),
    "items": tuple((*item, ()) for item in FULL_PAGE["items"]),
}
PAGES = [
    DOCUMENTED_PAGE.replace(b"<response success='true'>", b"").replace(b"</response>", b""),
    REAL_PAGE.partition(b'<response success="true">')[2].replace(b"</response>", b""),
]


def exported(content):
    """The username, the account, what the pages know, and the reminders of an export."""
    _, username, account, pages, reminders = read_export(Response(200, content))
    return username, account, [named(Page, page) for page in pages], known(reminders)


@pytest.mark.parametrize("page", PAGES, ids=["documented", "real"])
@pytest.mark.parametrize(
    ("opening", "closing", "whose"),
    [
        (b"<user id='4' name='Ana' account='acme'><pages>", b"</pages></user>", ("Ana", "acme")),
        (b'<user name="Ana" id="4"><pages>', b"</pages><reminders/></user>", ("Ana", "")),
        (b"<backpack username='Ana'><pages>", b"</pages></backpack>", ("Ana", "")),
        (b"<pages>", b"</pages>", ("", "")),
        (b"<pages type='array'>", b"</pages>", ("", "")),
        (b"", b"", ("", "")),
    ],
    ids=["user", "user without account", "backpack", "pages", "typed pages", "page"],
)
@pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "in a response"])
def test_an_export_of_any_shape_holds_whole_pages(page, opening, closing, whose, is_bare):
    content = opening + page + closing
    if not is_bare:
        content = b"<response success='true'>" + content + b"</response>"
    reminders = () if b"<reminders/>" in content else MISSING
    assert exported(XML + content) == (*whose, [EXPORTED_PAGE], reminders)


@pytest.mark.parametrize(
    ("reminders", "creator"),
    [
        (b"<reminder remind_at='2031-01-02 09:05:00' id='81'>Call the hotel</reminder>", ()),
        (
            b"<reminder id='81'><remind_at>2031-01-02 09:05:00</remind_at>"
            b"<content>Call the hotel</content><creator id='4' name='Ana'/></reminder>",
            ((4, "Ana"),),
        ),
    ],
)
@pytest.mark.parametrize("root", [b"user", b"backpack"])
def test_the_reminders_of_an_export_come_in_either_form(root, reminders, creator):
    content = b"<%s><pages/><reminders>%s</reminders></%s>" % (root, reminders, root)
    moment = datetime(2031, 1, 2, 9, 5)
    assert exported(content)[3] == ((81, "Call the hotel", moment, *creator),)


@pytest.mark.parametrize(
    ("content", "id"),
    [
        (b"<user id='4' name='Ana'><pages/></user>", 4),
        (b"<user><id type='integer'>4</id><pages/></user>", 4),
        (b"<user name='Ana'><pages/></user>", None),
        (b"<backpack username='Ana'><pages/></backpack>", None),
        (b"<pages/>", None),
        (b"<page id='71' title=''/>", None),
    ],
)
def test_an_export_includes_its_user(content, id):
    assert read_export(Response(200, content))[0] == id


def test_only_a_live_export_leaves_open_which_pages_are_linked():
    content = b"<user id='4'><pages><page id='71' title='Lisbon'/></pages></user>"
    position = Page._table.positions["linked_pages"]
    assert read_live_export(Response(200, content))[3][0][position] is MISSING
    assert read_export(Response(200, content))[3][0][position] == ()


def test_a_page_of_an_export_may_be_entirely_empty():
    nothing = {**EMPTY_PAGE, "emails": ()}
    del nothing["email_address"]
    assert exported(b"<user><pages><page title='' id='71'/></pages></user>")[2] == [nothing]


@pytest.mark.parametrize(
    "content",
    [b"<user><pages/></user>", b"<backpack><pages/></backpack>", b"<pages/>", b"<pages></pages>"],
)
def test_an_export_may_have_no_pages(content):
    assert exported(content) == ("", "", [], MISSING)


@pytest.mark.parametrize("root", ["user", "backpack"])
def test_what_has_no_place_for_pages_is_no_export(root):
    content = f"<{root}><id>4</id><name>Ana</name></{root}>".encode()
    with pytest.raises(InvalidResponse, match=f"a <{root}> without <pages> is no export"):
        exported(content)


MESSAGES = (
    b"<message id='91' created_at='2026-05-14 16:39:02'>Which one?</message><message>Both</message>"
)
SAID = ((91, "Which one?", datetime(2026, 5, 14, 16, 39, 2)), (None, "Both", None))


def test_comments_stand_under_notes_and_items():
    page = exported(
        b"<page id='71' title=''><notes><note id='301' title='a'>text" + MESSAGES + b"</note>"
        b"</notes><lists><list id='401' name=''><items><item id='501' completed='false'>Socks"
        + MESSAGES
        + b"</item></items></list></lists><items><incomplete><item id='511'>Key"
        + MESSAGES
        + b"</item></incomplete></items></page>"
    )[2][0]
    assert page["notes"] == ((301, "a", "text", SAID),)
    assert page["lists"] == ((401, "", ((501, "Socks", False, SAID),)),)
    assert page["items"] == ((511, "Key", False, SAID),)


@pytest.mark.parametrize(
    "content",
    [
        b"<message id='91' created_at='2026-05-14 16:39:02'>Which one?</message>",
        b"<message><id>91</id><body>Which one?</body>"
        b"<created-at>2026-05-14 16:39:02</created-at></message>",
    ],
)
def test_a_comment_is_read_in_either_form(content):
    page = exported(b"<page id='7'><notes><note id='3'>x" + content + b"</note></notes></page>")
    assert page[2][0]["notes"][0][-1] == SAID[:1]


# --- all of them ------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_record_without_an_id_is_refused_for_every_model(model):
    content = f"<{model._container}><{model._element}/></{model._container}>".encode()
    with pytest.raises(InvalidResponse, match="cannot be read"):
        Projection("id", model=model).read_many(Response(200, content))


def test_only_a_comment_may_come_without_an_id():
    content = b"<messages><message>Hm</message></messages>"
    assert many(Message, content) == [{"id": None, "body": "Hm", "created_at": None}]


@pytest.mark.parametrize("model", [*MODELS, Message])
def test_a_record_has_a_place_for_all_that_a_model_knows(model):
    assert len(model._full.shape.parts) == len(model._table.positions)


@pytest.mark.parametrize("model", MODELS)
def test_a_record_that_is_nothing_but_its_id_is_read_without_an_error(model):
    content = f"<{model._element} id='5'/>".encode()
    assert one(model, content)["id"] == 5
