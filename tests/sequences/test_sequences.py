"""Random sequences of calls, made through the mapper to a sandbox and to a plain Python model.

Afterwards both must contain the same. A step is `(method, number, text)`: `number` selects one of
the existing records and the target of a move. A step whose record does not exist creates it, so
that every step makes a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from backpack_orm import Connection, Item, List, Note, NotFound, Page, PageItem, Tag, using
from backpack_orm.sandbox import Sandbox

from .rules import PlainItem, PlainPage, Widget

Step = tuple[str, int, str]

CALLS = 40
COMPARE_EVERY = 7  # average number of calls between comparisons; the simplest sequence has none
TAGS = ["Travel", "Long Scores", "R&D", "Año nuevo", "雪国", "a<b"]
DIRECTIONS = ["move_higher", "move_lower", "move_to_top", "move_to_bottom"]
TEXTS = st.one_of(
    st.sampled_from(["", " ", "trailing  ", "&rarr;", "R&amp;D", "<b>", "two\nlines\n", "שלום 🎻"]),
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="￾￿"),
        max_size=8,
    ),
)


class Clock:
    """A clock that advances one second with each step."""

    def __init__(self) -> None:
        self.now = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self) -> None:
        self.now += timedelta(seconds=1)


class Both:
    """An account in the sandbox, used through the mapper, and its plain Python model.

    With `reuse_objects`, every page is one object for all steps; otherwise each step loads its page
    again. A second connection only reads.
    """

    def __init__(
        self, connection: Connection, second: Connection, clock: Clock, *, reuse_objects: bool
    ) -> None:
        self.connection, self._second = connection, second
        self._clock, self._reuse_objects = clock, reuse_objects
        self.plain: list[PlainPage] = []
        self._pages: dict[int, Page] = {}

    def run(self, steps: list[Step]) -> None:
        for method, number, text in steps:
            self._clock.tick()
            getattr(self, method)(number, text)
            # Intermediate reads must not be stale, nor make later reads stale.
            if number % COMPARE_EVERY == COMPARE_EVERY - 1:
                for plain in self.plain:
                    assert contents(self._real(plain)) == plain.contents()
                    assert contents(Page.find(plain.id, using=self._second)) == plain.contents()
                self._compare_links()

    @property
    def _now(self) -> datetime:
        return self._clock.now.replace(tzinfo=None)  # in the account's time zone, which is UTC

    # --- records ----------------------------------------------------------------------------

    def _page(self, number: int) -> tuple[PlainPage, Page]:
        if not self.plain:
            self.create_page(number, "")
        plain = self.plain[number % len(self.plain)]
        return plain, self._real(plain)

    def _real(self, plain: PlainPage) -> Page:
        return self._pages[plain.id] if self._reuse_objects else Page.find(plain.id)

    def _widget(self, type: str, number: int) -> tuple[PlainPage, Page, Widget]:
        existing = [(page, one) for page in self.plain for one in page.of(type)]
        if not existing:
            {
                "Note": self.create_note,
                "List": self.create_list,
                "Separator": self.create_separator,
            }[type](number, "")
            return self._widget(type, number)
        plain, widget = existing[number % len(existing)]
        return plain, self._real(plain), widget

    def _item(self, number: int) -> tuple[PlainPage, Widget, PlainItem, Item]:
        existing = [
            (page, one, item)
            for page in self.plain
            for one in page.of("List")
            for item in one.items
        ]
        if not existing:
            self.create_item(number, "")
            return self._item(number)
        plain, of, item = existing[number % len(existing)]
        return plain, of, item, self._real(plain).lists.find(of.id).items.find(item.id)

    # --- pages ------------------------------------------------------------------------------

    def create_page(self, number: int, text: str) -> None:
        title = _not_blank(text)
        page = Page.create(title=title)
        self.plain.append(PlainPage(page.id, title))
        self._pages[page.id] = page

    def edit_page(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        name = ("title", "description")[number % 2]
        new = _different(_not_blank(text) if name == "title" else text, getattr(plain, name))
        setattr(plain, name, new)
        setattr(page, name, new)
        assert page.save().fields == (name,)

    def tag_page(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        names = [TAGS[(number + step) % len(TAGS)] for step in range(len(text) % 4)]
        plain.tag(names)
        page.tags = names
        page.save()

    def reorder_page(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        plain.widgets = _shuffled(plain.widgets, number)
        belongings = {(one.type, one.widget_id): one for one in page.belongings}
        page.reorder([belongings[one.type, one.id] for one in plain.widgets])

    def link_page(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        other = self.plain[number // len(self.plain) % len(self.plain)]
        if other.id in plain.links:
            plain.links.remove(other.id)
            page.unlink(other.id)
        else:
            plain.links.append(other.id)
            page.link(other.id)

    def duplicate_page(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        copy = page.duplicate().record
        known = set(self._all_ids())
        ids: list[int] = []
        for belonging in copy.belongings:
            assert belonging.widget_id is not None
            ids.append(belonging.widget_id)
            if belonging.type == "List":
                ids += [item.id for item in copy.lists.find(belonging.widget_id).items]
        assert not known & {copy.id, *ids}
        self.plain.append(plain.copy(copy.id, ids, self._now))
        self._pages[copy.id] = copy

    def destroy_page(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        self._destroy(page, lambda: Page.find(plain.id), number)
        self.plain.remove(plain)

    # --- notes ------------------------------------------------------------------------------

    def create_note(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        title = text.replace("\n", " ")
        note = page.notes.create(title=title, body=text)
        plain.add(Widget("Note", note.id, title, text, self._now))

    def edit_note(self, number: int, text: str) -> None:
        _, page, plain = self._widget("Note", number)
        note = page.notes.find(plain.id)
        if number % 2:
            note.title = plain.name = _different(text, plain.name)
        else:
            note.body = plain.body = _different(text, plain.body)
        assert note.save().updated

    def destroy_note(self, number: int, text: str) -> None:
        home, page, plain = self._widget("Note", number)
        self._destroy(
            page.notes.find(plain.id), lambda: Page.find(home.id).notes.find(plain.id), number
        )
        home.widgets.remove(plain)

    # --- lists and items --------------------------------------------------------------------

    def create_list(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        plain.add(Widget("List", page.lists.create(name=text).id, text))

    def edit_list(self, number: int, text: str) -> None:
        _, page, plain = self._widget("List", number)
        named = page.lists.find(plain.id)
        named.name = plain.name = _different(text, plain.name)
        assert named.save().updated

    def destroy_list(self, number: int, text: str) -> None:
        home, page, plain = self._widget("List", number)
        self._destroy(
            page.lists.find(plain.id), lambda: Page.find(home.id).lists.find(plain.id), number
        )
        home.widgets.remove(plain)

    def create_item(self, number: int, text: str) -> None:
        _, page, plain = self._widget("List", number)
        items = page.lists.find(plain.id).items
        for index in range(1 + number % 3):
            content, completed = f"{index}{text}", (number + index) % 5 == 0
            item = items.create(content=content, completed=completed)
            plain.items.append(PlainItem(item.id, content, completed))

    def edit_item(self, number: int, text: str) -> None:
        _, _, plain, item = self._item(number)
        item.content = plain.content = _different(_not_blank(text), plain.content)
        assert item.save().fields == ("content",)

    def complete_item(self, number: int, text: str) -> None:
        _, _, plain, item = self._item(number)
        plain.completed = bool(number % 2)
        item.complete() if plain.completed else item.reopen()

    def toggle_item(self, number: int, text: str) -> None:
        _, _, plain, item = self._item(number)
        plain.completed = not plain.completed
        item.toggle()

    def move_item(self, number: int, text: str) -> None:
        _, of, plain, item = self._item(number)
        direction = DIRECTIONS[len(text) % len(DIRECTIONS)]
        of.move(plain, direction)
        getattr(item, direction)()

    def reorder_items(self, number: int, text: str) -> None:
        _, page, plain = self._widget("List", number)
        plain.items = _shuffled(plain.items, number)
        page.lists.find(plain.id).items.reorder([item.id for item in plain.items])

    def destroy_item(self, number: int, text: str) -> None:
        home, of, plain, item = self._item(number)
        self._destroy(
            item, lambda: Page.find(home.id).lists.find(of.id).items.find(plain.id), number
        )
        of.items.remove(plain)

    # --- items, by the calls that name no list ----------------------------------------------

    def _page_item(self, number: int) -> tuple[PlainPage, Widget, PlainItem, Item | PageItem]:
        existing = [
            (page, page.first_list, item)
            for page in self.plain
            if page.first_list is not None
            for item in page.first_list.items
        ]
        if not existing:
            self.create_page_item(number, "")
            return self._page_item(number)
        plain, of, item = existing[number % len(existing)]
        page = self._real(plain)
        found = PageItem.find(item.id, page=page) if number % 2 else page.items.find(item.id)
        return plain, of, item, found

    def create_page_item(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        content = _not_blank(text)
        item = (
            PageItem.create(page=page, content=content)
            if number % 2
            else page.items.create(content=content)
        )
        if plain.first_list is None:
            assert item.list_id is not None
            plain.add(Widget("List", item.list_id, ""))
        assert plain.first_list is not None
        plain.first_list.items.append(PlainItem(item.id, content))

    def edit_page_item(self, number: int, text: str) -> None:
        _, _, plain, item = self._page_item(number)
        item.content = plain.content = _different(_not_blank(text), plain.content)
        assert item.save().fields == ("content",)

    def toggle_page_item(self, number: int, text: str) -> None:
        _, _, plain, item = self._page_item(number)
        plain.completed = not plain.completed
        item.toggle()

    def move_page_item(self, number: int, text: str) -> None:
        _, of, plain, item = self._page_item(number)
        direction = DIRECTIONS[len(text) % len(DIRECTIONS)]
        of.move(plain, direction)
        getattr(item, direction)()

    def destroy_page_item(self, number: int, text: str) -> None:
        _, of, plain, item = self._page_item(number)
        item.destroy()
        of.items.remove(plain)

    # --- tags, one by one -------------------------------------------------------------------

    def create_tag(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        name = TAGS[number % len(TAGS)]
        assert Tag.create(page=page, name=name).name == name
        plain.tag([*plain.tags, name])

    def rename_tag(self, number: int, text: str) -> None:
        plain, tag = self._tag(number)
        old, new = tag.name, TAGS[len(text) % len(TAGS)]
        tag.name = new
        tag.save()
        self._change_tags(plain, lambda names: [new if name == old else name for name in names])

    def destroy_tag(self, number: int, text: str) -> None:
        plain, tag = self._tag(number)
        tag.destroy()
        self._change_tags(plain, lambda names: [name for name in names if name != tag.name])

    def _tag(self, number: int) -> tuple[PlainPage, Tag]:
        tagged = [plain for plain in self.plain if plain.tags]
        if not tagged:
            self.create_tag(number, "")
            return self._tag(number)
        plain = tagged[number % len(tagged)]
        return plain, self._real(plain).tags[plain.tags[number // len(tagged) % len(plain.tags)]]

    def _change_tags(self, on: PlainPage, change: Callable[[list[str]], list[str]]) -> None:
        for plain in self.plain:
            changed = change(plain.tags)
            if changed != plain.tags and plain is not on and self._reuse_objects:
                self._pages[plain.id].reload()  # the change was made through another object
            plain.tag(changed)

    # --- separators -------------------------------------------------------------------------

    def create_separator(self, number: int, text: str) -> None:
        plain, page = self._page(number)
        plain.add(Widget("Separator", page.separators.create(name=text).id, text))

    def edit_separator(self, number: int, text: str) -> None:
        _, page, plain = self._widget("Separator", number)
        separator = page.separators.find(plain.id)
        separator.name = plain.name = _different(text, plain.name)
        assert separator.save().updated

    def destroy_separator(self, number: int, text: str) -> None:
        home, page, plain = self._widget("Separator", number)
        self._destroy(
            page.separators.find(plain.id),
            lambda: Page.find(home.id).separators.find(plain.id),
            number,
        )
        home.widgets.remove(plain)

    # --- comparison -------------------------------------------------------------------------

    def compare(self) -> None:
        """Compare all reads: through the objects, with the cache if there is one, and without."""
        self._compare_links()  # before a read bypasses the cache
        expected = [plain.contents() for plain in self.plain]
        assert [contents(self._real(plain)) for plain in self.plain] == expected
        found = [contents(Page.find(plain.id, using=self._second)) for plain in self.plain]
        assert found == expected
        assert [contents(Page.find(plain.id, fresh=True)) for plain in self.plain] == expected
        assert [(page.id, page.title) for page in Page.all()] == sorted(
            (plain.id, plain.title) for plain in self.plain
        )
        for page in expected:
            self._compare_lists(page)
        self._compare_tags()

    def _compare_lists(self, page: dict[str, Any]) -> None:
        """Compare the calls that list the records of a page."""
        assert note_values(Note.all(page=page["id"])) == page["notes"]
        lists = List.all(page=page["id"])
        assert [(one.id, one.name) for one in lists] == [one[:2] for one in page["lists"]]
        for one, (_, _, items) in zip(lists, page["lists"], strict=True):
            assert item_values(Item.all(list=one)) == items

    def _compare_tags(self) -> None:
        """Check that a name is one tag, on all pages that have it."""
        on: dict[str, list[int]] = {}
        for plain in self.plain:
            for name in plain.tags:
                on.setdefault(name, []).append(plain.id)
        found = [(tag.name, [page.id for page in tag.pages]) for tag in Tag.all()]
        assert sorted(found) == sorted((name, sorted(ids)) for name, ids in on.items())

    def _compare_links(self) -> None:
        """Check that links show the current titles of other pages, and no destroyed page."""
        titles = {plain.id: plain.title for plain in self.plain}
        for plain in self.plain:
            found = [(page.id, page.title) for page in Page.find(plain.id).linked_pages]
            assert sorted(found) == sorted((id, titles[id]) for id in plain.links if id in titles)

    def _destroy(self, record: Any, find: Callable[[], Any], number: int) -> None:
        """Destroy a record; for some numbers a second time, through another object."""
        twin = find() if number % 3 == 0 else None
        record.destroy()
        if twin is not None:
            with pytest.raises(NotFound):
                twin.destroy()

    def _all_ids(self) -> Iterator[int]:
        for page in self.plain:
            yield page.id
            for widget in page.widgets:
                yield widget.id
                yield from (item.id for item in widget.items)


def contents(page: Page) -> dict[str, Any]:
    """Return the contents of a page, as read from its object."""
    return {
        "id": page.id,
        "title": page.title,
        "description": page.description,
        "tags": [tag.name for tag in page.tags],
        "belongings": [(one.position, one.type, one.widget_id) for one in page.belongings],
        "notes": note_values(page.notes),
        "lists": [(one.id, one.name, item_values(one.items)) for one in page.lists],
        "items": item_values(page.items),
        "separators": [(one.id, one.name) for one in page.separators],
    }


def note_values(notes: Any) -> list[Any]:
    return [(note.id, note.title, note.body, note.created_at) for note in notes]


def item_values(items: Any) -> list[Any]:
    return [(item.id, item.content, item.completed) for item in items]


def _not_blank(text: str) -> str:
    """Return a text that is not blank."""
    return text if text.strip() else f"{text}?"


def _different(text: str, old: str) -> str:
    """Return a text that differs from the old one, so that saving changes something."""
    return text if text != old else f"{text}!"


def _shuffled(elements: list[Any], number: int) -> list[Any]:
    """Return the elements in another order, which the number determines."""
    left, shuffled = list(elements), []
    while left:
        number, which = divmod(number, len(left))
        shuffled.append(left.pop(which))
    return shuffled


STEPS = [
    *("create_page", "edit_page", "tag_page", "reorder_page", "duplicate_page", "destroy_page"),
    *("edit_page", "edit_page", "link_page", "link_page"),
    *("create_note", "create_note", "edit_note", "destroy_note"),
    *("create_list", "edit_list", "destroy_list"),
    *("create_item", "create_item", "edit_item", "complete_item", "toggle_item", "toggle_item"),
    *("move_item", "move_item", "move_item", "move_item", "reorder_items", "destroy_item"),
    *("create_page_item", "edit_page_item", "toggle_page_item", "move_page_item"),
    *("destroy_page_item", "create_tag", "create_tag", "rename_tag", "destroy_tag"),
    *("create_separator", "edit_separator", "destroy_separator"),
]
SEQUENCES = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 5000), TEXTS), min_size=CALLS, max_size=CALLS
)


@pytest.fixture(scope="module")
def new_account(network: None) -> Iterator[Callable[..., Both]]:
    """Return a function that opens a new account in one sandbox."""
    clock, names, open_connections = Clock(), count(), []
    with Sandbox(seed="empty", clock=clock) as box:

        def open_account(*, reuse_objects: bool, ttl: int) -> Both:
            token = box.add_account(f"account-{next(names)}")
            connection = Connection(box.url, token=token, ttl=ttl, limits=None)
            second = Connection(box.url, token=token, ttl=ttl, limits=None)
            open_connections.extend([connection, second])
            return Both(connection, second, clock, reuse_objects=reuse_objects)

        yield open_account
        for connection in open_connections:
            connection.close()


REUSE_OBJECTS = pytest.mark.parametrize(
    "reuse_objects", [True, False], ids=["objects reused", "objects loaded again"]
)
TTLS = [0, 60]
CACHED = pytest.mark.parametrize("ttl", TTLS, ids=["not cached", "cached"])


def agree(both: Both, steps: list[Step]) -> None:
    with using(both.connection):
        both.run(steps)
        both.compare()


def sequences(how_many: int, part: int) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Run a test with this many sequences, the same ones each time, with or without cache.

    Each part has other sequences, so that workers can share them. All begin with the simplest one,
    which is not counted. The TTL is drawn and not a parameter: each value of a parameter would get
    the same sequences.
    """
    profile = settings(max_examples=how_many + 1, deadline=None, database=None)
    each = given(steps=SEQUENCES, ttl=st.sampled_from(TTLS))
    return lambda test: seed(part)(profile(each(test)))


@pytest.mark.parametrize("part", range(6))
def test_reused_objects_match_the_model_after_any_sequence_of_calls(
    new_account: Callable[..., Both], part: int
) -> None:
    @sequences(14, part)
    def run(ttl: int, steps: list[Step]) -> None:
        both = new_account(reuse_objects=True, ttl=ttl)
        agree(both, steps)
        assert both.connection.stats.requests >= CALLS

    run()


@pytest.mark.parametrize("part", range(6, 11))
def test_reloaded_objects_match_the_model_after_any_sequence_of_calls(
    new_account: Callable[..., Both], part: int
) -> None:
    @sequences(12, part)
    def run(ttl: int, steps: list[Step]) -> None:
        both = new_account(reuse_objects=False, ttl=ttl)
        agree(both, steps)
        assert both.connection.stats.requests >= CALLS

    run()


FAILED_ONCE: dict[str, list[Step]] = {
    "an item moves past a completed one, which is then reopened": [
        ("create_item", 4958, ""),  # open, open, completed
        ("create_item", 0, ""),  # completed
        ("create_item", 1, ""),  # open, open
        ("move_page_item", 0, "<b>"),  # to the bottom
        ("complete_item", 2, ""),
        ("complete_item", 2, ""),
    ],
    "an empty list is reordered": [
        ("create_page", 0, "Empty"),
        ("reorder_page", 7, ""),
        ("create_list", 0, "Empty"),
        ("reorder_items", 7, ""),
    ],
    "a page shows the title of a linked page": [
        ("create_page", 0, "Lisbon"),
        ("create_page", 0, "Porto"),
        ("link_page", 1, ""),  # from the second to the first
        ("edit_page", 13, "Two days"),  # looks afterwards
        ("edit_page", 0, "Lisboa"),
        ("edit_page", 27, "Three days"),
        ("destroy_page", 0, ""),
    ],
}


@REUSE_OBJECTS
@CACHED
@pytest.mark.parametrize("steps", FAILED_ONCE.values(), ids=FAILED_ONCE)
def test_sequences_that_once_failed_match_the_model(
    new_account: Callable[..., Both], reuse_objects: bool, ttl: int, steps: list[Step]
) -> None:
    agree(new_account(reuse_objects=reuse_objects, ttl=ttl), steps)
