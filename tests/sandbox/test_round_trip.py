"""Importing an export of one sandbox into another preserves the account."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.sandbox import Sandbox
from tests.seeds import examples

from .conftest import NOW, Client

USER, ACCOUNT, PAGES = "users/USER/export.xml", "account/export", "pages"


def exported(client: Client, shape: str) -> str:
    """An account that is created in one of three ways."""
    if shape == USER:
        me = re.search('<id type="integer">(.*?)<', client.rest("GET", "/me.xml").text)
        assert me
        return client.rest("GET", f"/users/{me[1]}/export.xml").text
    if shape == ACCOUNT:
        return client.ws("account/export")
    ids = re.findall(' id="(.*?)"/>', client.ws("pages/all"))
    shown = (client.ws(f"page/{id}").partition('success="true">')[2] for id in ids)
    return f"<pages>{''.join(page.removesuffix('</response>') for page in shown)}</pages>"


COMMENTED = (
    '<page title="Comments &amp; polls" id="50000001" email_address="xy12ab@backpackit.com">'
    "<belongings>"
    '<belonging id="50000002"><position>1</position><widget type="Poll" id="50000003"/></belonging>'
    '<belonging id="50000004"><position>2</position><widget type="Note" id="50000005"/></belonging>'
    '<belonging id="50000006"><position>3</position><widget type="List" id="50000005"/></belonging>'
    "</belongings>"
    '<lists><list name=" a&#10;b&#9;&quot; " id="50000005"><items>'
    '<item completed="false" id="50000007" list_id="50000005">Tea\n<message>Lemon?</message></item>'
    '<item completed="true" id="50000008" list_id="50000005"></item></items></list></lists>'
    '<notes><note title="" id="50000005" created_at="2026-05-14 16:39:02">\n    laid out\n  '
    '<message id="9" by="R &amp; D">Hm &#8211; &lt;no&gt;</message><message>&#13;</message>'
    "</note></notes></page>"
)


@pytest.fixture
def begun_from(tmp_path: Path, network: None) -> Callable[..., Sandbox]:
    """Return a function that creates a sandbox from the text of an export."""

    def make(text: str) -> Sandbox:
        path = tmp_path / "export.xml"
        path.write_text(text, newline="")
        return Sandbox(seed=str(path), token="t0ken-0123456789", clock=lambda: NOW)

    return make


def without_links(response: str) -> str:
    """Return a response without linked pages, which the export of a user omits."""
    return re.sub("<linked_pages>.*?</linked_pages>", "", response, flags=re.DOTALL)


@pytest.fixture(scope="module", params=[USER, ACCOUNT, PAGES])
def shape(request: pytest.FixtureRequest) -> str:
    """The type of export."""
    return str(request.param)


@pytest.fixture
def again(begun_from: Callable[..., Sandbox]) -> Callable[[str, str], str]:
    """Return a function that imports an export and exports it again."""

    def export(text: str, shape: str) -> str:
        with begun_from(text) as box:
            client = Client(box.url, box.token)
            there = exported(client, shape)
            client.close()
            return there

    return export


def test_the_demonstration_is_exported_unchanged(
    demo: Client, again: Callable[[str, str], str], shape: str
) -> None:
    first = exported(demo, shape)
    assert again(first, shape) == first


def test_the_export_of_another_user_is_exported_unchanged(
    again: Callable[[str, str], str], as_user: Callable[..., Client]
) -> None:
    with Sandbox(seed="demo", token="t0ken-0123456789", clock=lambda: NOW) as box:
        builder = as_user(box.add_user("Sam", email_address="builder@example.com"), box.url)
        builder.rest(
            "POST",
            "/reminders.xml",
            '<reminder><content>+5 Call</content><remindees type="array">'
            "<user_id>40000003</user_id><user_id>40000001</user_id></remindees></reminder>",
        )
        first = exported(builder, USER)
    assert 'title="Kitchen renovation"' in first
    assert '<remindees><user id="40000001"' in first
    assert again(first, USER) == first


def test_comments_and_unknown_types_are_exported_unchanged(
    again: Callable[[str, str], str], begun_from: Callable[..., Sandbox], shape: str
) -> None:
    with begun_from(f'<user id="17" name="Ana"><pages>{COMMENTED}</pages></user>') as box:
        client = Client(box.url, box.token)
        first = exported(client, shape)
        client.close()
    assert (COMMENTED in first) == (shape == USER)
    assert ("<message>Lemon?</message>" in first) == (shape != PAGES)
    assert again(first, shape) == first


def test_all_page_calls_have_the_same_responses(
    demo: Client, begun_from: Callable[..., Sandbox]
) -> None:
    with begun_from(exported(demo, USER)) as box:
        client = Client(box.url, box.token)
        assert exported(client, ACCOUNT) == without_links(exported(demo, ACCOUNT))
        for page in re.findall(' id="(.*?)"/>', demo.ws("pages/all")):
            for call in ("", "/notes/list", "/emails/list", "/lists/list"):
                path = f"page/{page}{call}"
                assert client.ws(path) == without_links(demo.ws(path))
        for tag in set(re.findall('<tag name=".*?" id="(.*?)"', exported(demo, PAGES))):
            assert client.ws(f"tags/select/{tag}") == demo.ws(f"tags/select/{tag}")
        client.close()


def test_a_link_to_a_page_that_is_not_visible_is_not_shown(
    box: Sandbox, api: Client, page: str, as_user: Callable[..., Client]
) -> None:
    api.ws("pages/new", "<page><title>Porto</title></page>")
    api.ws(f"{page}/link", "<linked_page_id>40000003</linked_page_id>")
    api.ws(f"{page}/share", "<email_addresses>sam@acme.example</email_addresses>")
    sam = as_user(box.add_user("Sam"))
    assert '<linked_pages><page title="Porto" id="40000003"/></linked_pages>' in api.ws(page)
    assert "Porto" not in sam.ws(page)
    assert "Porto" not in sam.ws("account/export")


# --- accounts that hypothesis makes -----------------------------------------------------------

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
HOSTILE = [
    "",
    " ",
    "trailing  ",
    "\n    laid out\n  ",
    "\r\n",
    "\t",
    "&rarr;",
    "R&amp;D",
    "]]>",
    "<b>bold</b>",
    "<!-- no -->",
    "'\"`",
    "שלום",
    "🎻",
    "\u00a0",
    "\u2028",
]
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="￾￿")
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(LETTERS | st.sampled_from("<>&\"' \n\t\r"), max_size=12),
)
NAMES = TEXTS.filter(bool)
TIMES = st.datetimes(datetime(1995, 1, 1), datetime(2050, 1, 1))
FLAGS = st.booleans()
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = _TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def tag(name: str, content: str | None = None, /, **attributes: Any) -> str:
    """Return an element, serialized without code of the sandbox."""
    shown = "".join(
        f' {key}="{str(value).translate(_ATTRIBUTE)}"' for key, value in attributes.items()
    )
    return f"<{name}{shown}/>" if content is None else f"<{name}{shown}>{content}</{name}>"


def some(name: str, content: list[str]) -> str:
    return tag(name, "".join(content)) if content else ""


class Account:
    """Draws a random account, and writes the export that is expected of it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw, self._ids = draw, count(50_000_000)
        self.owner = self._person()
        self._people = sorted([self.owner, *(self._person() for _ in self._few())])
        self._tags = {name: self._id() for name in draw(st.lists(NAMES, max_size=3, unique=True))}
        self._pages = [(self._id(), draw(TEXTS)) for _ in self._few()]
        self.pages = "".join(self._page(id, title) for id, title in self._pages)
        self._reminders = sorted(
            (f"{draw(TIMES):%Y-%m-%d %H:%M:%S}", self._id()) for _ in self._few()
        )
        self.reminders = "".join(self._reminder(at, id) for at, id in self._reminders)

    def __repr__(self) -> str:
        return self.export("first")

    def export(self, account: str) -> str:
        id, name = self.owner
        content = tag("pages", self.pages) + tag("reminders", self.reminders)
        export = XML + tag("user", content, id=id, name=name, account=account)
        return export.encode("ascii", "xmlcharrefreplace").decode()

    def _id(self) -> int:
        return next(self._ids)

    def _few(self) -> range:
        return range(self._draw(st.integers(0, 3)))

    def _text(self) -> str:
        return self._draw(TEXTS).translate(_TEXT)

    def _time(self) -> str:
        return f"{self._draw(TIMES):%Y-%m-%d %H:%M:%S}"

    def _person(self) -> tuple[int, str]:
        return self._id(), self._draw(TEXTS)

    def _page(self, id: int, title: str) -> str:
        draw = self._draw
        kinds = {
            "Poll": [(self._id(), "") for _ in self._few()],
            "WriteboardLink": [(self._id(), "") for _ in self._few()],
            "List": [self._list() for _ in self._few()],
            "Note": [self._note() for _ in self._few()],
            "Gallery": [self._gallery() for _ in self._few()],
            "Asset": [self._attachment() for _ in self._few()],
            "Separator": [self._separator() for _ in self._few()],
            "Email": [self._mail() for _ in self._few()],
        }
        widgets = [(kind, id) for kind, those in kinds.items() for id, _ in those]
        belongings = []
        for position, (kind, widget) in enumerate(draw(st.permutations(widgets)), 1):
            place = tag("position", str(position)) + tag("widget", type=kind, id=widget)
            belongings.append(tag("belonging", place, id=self._id()))
        tags = (
            draw(st.lists(st.sampled_from(sorted(self._tags.items())), unique=True))
            if self._tags
            else []
        )
        linked = sorted(draw(st.sets(st.sampled_from(self._pages))))
        description = self._text()

        def section(name: str, kind: str) -> str:
            return some(name, [written for _, written in kinds[kind]])

        content = [
            tag("description", description) if description else "",
            some("items", self._items(None)),
            some("belongings", belongings),
            some("tags", [tag("tag", name=name, id=id) for name, id in tags]),
            section("lists", "List"),
            section("notes", "Note"),
            section("galleries", "Gallery"),
            section("attachments", "Asset"),
            section("separators", "Separator"),
            section("emails", "Email"),
            some("linked_pages", [tag("page", title=title, id=id) for id, title in linked]),
        ]
        return tag("page", "".join(content), title=title, id=id, email_address=draw(TEXTS))

    def _items(self, list_id: int | None) -> list[str]:
        of = {} if list_id is None else {"list_id": list_id}
        states = sorted(self._draw(FLAGS) for _ in self._few())
        return [
            tag("item", self._commented(), completed=str(done).lower(), id=self._id(), **of)
            for done in states
        ]

    def _commented(self) -> str:
        comments = (self._text() for _ in self._few())
        messages = (tag("message", text or None, by=self._draw(TEXTS)) for text in comments)
        return self._text() + "".join(messages)

    def _list(self) -> tuple[int, str]:
        id = self._id()
        items = tag("items", "".join(self._items(id)))
        return id, tag("list", items, name=self._draw(TEXTS), id=id)

    def _note(self) -> tuple[int, str]:
        id, title = self._id(), self._draw(TEXTS)
        return id, tag("note", self._commented(), title=title, id=id, created_at=self._time())

    def _mail(self) -> tuple[int, str]:
        id, subject = self._id(), self._draw(TEXTS)
        return id, tag("email", self._text(), subject=subject, id=id, created_at=self._time())

    def _separator(self) -> tuple[int, str]:
        id = self._id()
        return id, tag("separator", self._text(), id=id)

    def _attachment(self) -> tuple[int, str]:
        id = self._id()
        return id, tag("attachment", file_name=self._draw(TEXTS), id=id)

    def _gallery(self) -> tuple[int, str]:
        id, draw = self._id(), self._draw
        images = [
            tag(
                "image",
                gallery_id=id,
                file_name=draw(TEXTS),
                id=self._id(),
                description=draw(TEXTS),
            )
            for _ in self._few()
        ]
        return id, tag("gallery", tag("images", "".join(images)), name=draw(TEXTS), id=id)

    def _reminder(self, remind_at: str, id: int) -> str:
        creator = self._draw(st.sampled_from(self._people))
        others = self._draw(st.sets(st.sampled_from(self._people), min_size=1))
        remindees = sorted(others if creator == self.owner else {*others, self.owner})
        content = [
            tag("remind_at", remind_at),
            tag("content", self._text()),
            tag("creator", id=creator[0], name=creator[1]),
            tag("remindees", "".join(tag("user", id=id, name=name) for id, name in remindees)),
        ]
        return tag("reminder", "".join(content), id=id)


@pytest.fixture(scope="module")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], str]]:
    """Return a function that imports an export into a new account and exports it again."""
    names = count()
    path = tmp_path_factory.mktemp("made") / "export.xml"
    with Sandbox(seed="empty", clock=lambda: NOW) as box:

        def export(text: str, shape: str) -> str:
            path.write_text(text, newline="")
            client = Client(box.url, box.add_account(f"made-{next(names)}", seed=str(path)))
            again = exported(client, shape)
            client.close()
            return re.sub('account="made-[0-9]*"', 'account="first"', again, count=1)

        yield export


@examples(50)
@given(drawn=st.composite(Account)())
def test_an_account_with_any_texts_is_exported_unchanged(
    made_again: Callable[[str, str], str], drawn: Any
) -> None:
    export = drawn.export("first")
    assert made_again(export, USER) == without_links(export)
    for shape in (ACCOUNT, PAGES):
        older = made_again(export, shape)
        assert made_again(older, shape) == older
