"""Random sequences of calls, done through the mapper to a sandbox and to plain Python at once.

Afterwards everything that can be read tells the same. A step is `(what, place, text)`: `place`
says on which of the records that are there, and where to. What needs a record that is not there
creates one instead, so that every step makes a call.
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
LOOK = 7  # after every so many calls, by chance; not in the simplest sequence, which grows long
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
    """A second passes with every step."""

    def __init__(self) -> None:
        self.now = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self) -> None:
        self.now += timedelta(seconds=1)


class Both:
    """An account in the sandbox, seen through the mapper, and the same one in plain Python.

    With `held` every page is one object from its creation on, through which all is done that is
    done to it; else every step finds its page anew. A second connection only reads.
    """

    def __init__(
        self, connection: Connection, second: Connection, clock: Clock, *, held: bool
    ) -> None:
        self.connection, self._second = connection, second
        self._clock, self._held = clock, held
        self.plain: list[PlainPage] = []
        self._pages: dict[int, Page] = {}

    def run(self, steps: list[Step]) -> None:
        for what, place, text in steps:
            self._clock.tick()
            getattr(self, what)(place, text)
            # What is read on the way must not be stale then, nor later.
            if place % LOOK == LOOK - 1:
                for plain in self.plain:
                    assert told(self._real(plain)) == plain.told()
                    assert told(Page.find(plain.id, using=self._second)) == plain.told()
                self._compare_links()

    @property
    def _now(self) -> datetime:
        return self._clock.now.replace(tzinfo=None)  # on the account's clock, which is at UTC

    # --- what is there ----------------------------------------------------------------------

    def _page(self, place: int) -> tuple[PlainPage, Page]:
        if not self.plain:
            self.create_page(place, "")
        plain = self.plain[place % len(self.plain)]
        return plain, self._real(plain)

    def _real(self, plain: PlainPage) -> Page:
        return self._pages[plain.id] if self._held else Page.find(plain.id)

    def _widget(self, type: str, place: int) -> tuple[PlainPage, Page, Widget]:
        there = [(page, one) for page in self.plain for one in page.of(type)]
        if not there:
            {
                "Note": self.create_note,
                "List": self.create_list,
                "Separator": self.create_separator,
            }[type](place, "")
            return self._widget(type, place)
        plain, widget = there[place % len(there)]
        return plain, self._real(plain), widget

    def _item(self, place: int) -> tuple[PlainPage, Widget, PlainItem, Item]:
        there = [
            (page, one, item)
            for page in self.plain
            for one in page.of("List")
            for item in one.items
        ]
        if not there:
            self.create_item(place, "")
            return self._item(place)
        plain, of, item = there[place % len(there)]
        return plain, of, item, self._real(plain).lists.find(of.id).items.find(item.id)

    # --- pages ------------------------------------------------------------------------------

    def create_page(self, place: int, text: str) -> None:
        title = _said(text)
        page = Page.create(title=title)
        self.plain.append(PlainPage(page.id, title))
        self._pages[page.id] = page

    def edit_page(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        name = ("title", "description")[place % 2]
        new = _other(_said(text) if name == "title" else text, getattr(plain, name))
        setattr(plain, name, new)
        setattr(page, name, new)
        assert page.save().fields == (name,)

    def tag_page(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        names = [TAGS[(place + step) % len(TAGS)] for step in range(len(text) % 4)]
        plain.tag(names)
        page.tags = names
        page.save()

    def reorder_page(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        plain.widgets = _mixed(plain.widgets, place)
        belongings = {(one.type, one.widget_id): one for one in page.belongings}
        page.reorder([belongings[one.type, one.id] for one in plain.widgets])

    def link_page(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        other = self.plain[place // len(self.plain) % len(self.plain)]
        if other.id in plain.links:
            plain.links.remove(other.id)
            page.unlink(other.id)
        else:
            plain.links.append(other.id)
            page.link(other.id)

    def duplicate_page(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        copy = page.duplicate()
        known = set(self._all_ids())
        ids = []
        for belonging in copy.belongings:
            ids.append(belonging.widget_id)
            if belonging.type == "List":
                ids += [item.id for item in copy.lists.find(belonging.widget_id).items]
        assert not known & {copy.id, *ids}
        self.plain.append(plain.copy(copy.id, ids, self._now))
        self._pages[copy.id] = copy

    def destroy_page(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        self._destroy(page, lambda: Page.find(plain.id), place)
        self.plain.remove(plain)

    # --- notes ------------------------------------------------------------------------------

    def create_note(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        title = text.replace("\n", " ")
        note = page.notes.create(title=title, body=text)
        plain.put(Widget("Note", note.id, title, text, self._now))

    def edit_note(self, place: int, text: str) -> None:
        _, page, plain = self._widget("Note", place)
        note = page.notes.find(plain.id)
        if place % 2:
            note.title = plain.name = _other(text, plain.name)
        else:
            note.body = plain.body = _other(text, plain.body)
        assert note.save().updated

    def destroy_note(self, place: int, text: str) -> None:
        home, page, plain = self._widget("Note", place)
        self._destroy(
            page.notes.find(plain.id), lambda: Page.find(home.id).notes.find(plain.id), place
        )
        home.widgets.remove(plain)

    # --- lists and items --------------------------------------------------------------------

    def create_list(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        plain.put(Widget("List", page.lists.create(name=text).id, text))

    def edit_list(self, place: int, text: str) -> None:
        _, page, plain = self._widget("List", place)
        named = page.lists.find(plain.id)
        named.name = plain.name = _other(text, plain.name)
        assert named.save().updated

    def destroy_list(self, place: int, text: str) -> None:
        home, page, plain = self._widget("List", place)
        self._destroy(
            page.lists.find(plain.id), lambda: Page.find(home.id).lists.find(plain.id), place
        )
        home.widgets.remove(plain)

    def create_item(self, place: int, text: str) -> None:
        _, page, plain = self._widget("List", place)
        items = page.lists.find(plain.id).items
        for number in range(1 + place % 3):
            content, completed = f"{number}{text}", (place + number) % 5 == 0
            item = items.create(content=content, completed=completed)
            plain.items.append(PlainItem(item.id, content, completed))

    def edit_item(self, place: int, text: str) -> None:
        _, _, plain, item = self._item(place)
        item.content = plain.content = _other(_said(text), plain.content)
        assert item.save().fields == ("content",)

    def complete_item(self, place: int, text: str) -> None:
        _, _, plain, item = self._item(place)
        plain.completed = bool(place % 2)
        item.complete() if plain.completed else item.reopen()

    def toggle_item(self, place: int, text: str) -> None:
        _, _, plain, item = self._item(place)
        plain.completed = not plain.completed
        item.toggle()

    def move_item(self, place: int, text: str) -> None:
        _, of, plain, item = self._item(place)
        direction = DIRECTIONS[len(text) % len(DIRECTIONS)]
        of.move(plain, direction)
        getattr(item, direction)()

    def reorder_items(self, place: int, text: str) -> None:
        _, page, plain = self._widget("List", place)
        plain.items = _mixed(plain.items, place)
        page.lists.find(plain.id).items.reorder([item.id for item in plain.items])

    def destroy_item(self, place: int, text: str) -> None:
        home, of, plain, item = self._item(place)
        self._destroy(
            item, lambda: Page.find(home.id).lists.find(of.id).items.find(plain.id), place
        )
        of.items.remove(plain)

    # --- items, by the calls that name no list ----------------------------------------------

    def _page_item(self, place: int) -> tuple[PlainPage, Widget, PlainItem, Item | PageItem]:
        there = [
            (page, page.first_list, item)
            for page in self.plain
            if page.first_list is not None
            for item in page.first_list.items
        ]
        if not there:
            self.create_page_item(place, "")
            return self._page_item(place)
        plain, of, item = there[place % len(there)]
        page = self._real(plain)
        found = PageItem.find(item.id, page=page) if place % 2 else page.items.find(item.id)
        return plain, of, item, found

    def create_page_item(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        content = _said(text)
        item = (
            PageItem.create(page=page, content=content)
            if place % 2
            else page.items.create(content=content)
        )
        if plain.first_list is None:
            plain.put(Widget("List", item.list_id, ""))
        assert plain.first_list is not None
        plain.first_list.items.append(PlainItem(item.id, content))

    def edit_page_item(self, place: int, text: str) -> None:
        _, _, plain, item = self._page_item(place)
        item.content = plain.content = _other(_said(text), plain.content)
        assert item.save().fields == ("content",)

    def toggle_page_item(self, place: int, text: str) -> None:
        _, _, plain, item = self._page_item(place)
        plain.completed = not plain.completed
        item.toggle()

    def move_page_item(self, place: int, text: str) -> None:
        _, of, plain, item = self._page_item(place)
        direction = DIRECTIONS[len(text) % len(DIRECTIONS)]
        of.move(plain, direction)
        getattr(item, direction)()

    def destroy_page_item(self, place: int, text: str) -> None:
        _, of, plain, item = self._page_item(place)
        item.destroy()
        of.items.remove(plain)

    # --- tags, one by one -------------------------------------------------------------------

    def create_tag(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        name = TAGS[place % len(TAGS)]
        assert Tag.create(page=page, name=name).name == name
        plain.tag([*plain.tags, name])

    def rename_tag(self, place: int, text: str) -> None:
        plain, tag = self._tag(place)
        old, new = tag.name, TAGS[len(text) % len(TAGS)]
        tag.name = new
        tag.save()
        self._change_tags(plain, lambda names: [new if name == old else name for name in names])

    def destroy_tag(self, place: int, text: str) -> None:
        plain, tag = self._tag(place)
        tag.destroy()
        self._change_tags(plain, lambda names: [name for name in names if name != tag.name])

    def _tag(self, place: int) -> tuple[PlainPage, Tag]:
        tagged = [plain for plain in self.plain if plain.tags]
        if not tagged:
            self.create_tag(place, "")
            return self._tag(place)
        plain = tagged[place % len(tagged)]
        return plain, self._real(plain).tags[plain.tags[place // len(tagged) % len(plain.tags)]]

    def _change_tags(self, on: PlainPage, change: Callable[[list[str]], list[str]]) -> None:
        for plain in self.plain:
            changed = change(plain.tags)
            if changed != plain.tags and plain is not on and self._held:
                self._pages[plain.id].reload()  # an object of its own, which nothing has told
            plain.tag(changed)

    # --- separators -------------------------------------------------------------------------

    def create_separator(self, place: int, text: str) -> None:
        plain, page = self._page(place)
        plain.put(Widget("Separator", page.separators.create(name=text).id, text))

    def edit_separator(self, place: int, text: str) -> None:
        _, page, plain = self._widget("Separator", place)
        separator = page.separators.find(plain.id)
        separator.name = plain.name = _other(text, plain.name)
        assert separator.save().updated

    def destroy_separator(self, place: int, text: str) -> None:
        home, page, plain = self._widget("Separator", place)
        self._destroy(
            page.separators.find(plain.id),
            lambda: Page.find(home.id).separators.find(plain.id),
            place,
        )
        home.widgets.remove(plain)

    # --- what is read afterwards ------------------------------------------------------------

    def compare(self) -> None:
        """Everything that can be read: by the objects, from the cache if there is one, afresh."""
        self._compare_links()  # before anything is read afresh
        expected = [plain.told() for plain in self.plain]
        assert [told(self._real(plain)) for plain in self.plain] == expected
        found = [told(Page.find(plain.id, using=self._second)) for plain in self.plain]
        assert found == expected
        assert [told(Page.find(plain.id, fresh=True)) for plain in self.plain] == expected
        assert [(page.id, page.title) for page in Page.all()] == sorted(
            (plain.id, plain.title) for plain in self.plain
        )
        for page in expected:
            self._compare_lists(page)
        self._compare_tags()

    def _compare_lists(self, page: dict[str, Any]) -> None:
        """The calls that list what is on a page."""
        assert told_notes(Note.all(page=page["id"])) == page["notes"]
        lists = List.all(page=page["id"])
        assert [(one.id, one.name) for one in lists] == [one[:2] for one in page["lists"]]
        for one, (_, _, items) in zip(lists, page["lists"], strict=True):
            assert told_items(Item.all(list=one)) == items

    def _compare_tags(self) -> None:
        """A name is one tag, on whichever pages it stands."""
        on: dict[str, list[int]] = {}
        for plain in self.plain:
            for name in plain.tags:
                on.setdefault(name, []).append(plain.id)
        found = [(tag.name, [page.id for page in tag.pages]) for tag in Tag.all()]
        assert sorted(found) == sorted((name, sorted(ids)) for name, ids in on.items())

    def _compare_links(self) -> None:
        """A page that is read tells the titles that others have by then, and none that is gone."""
        titles = {plain.id: plain.title for plain in self.plain}
        for plain in self.plain:
            found = [(page.id, page.title) for page in Page.find(plain.id).linked_pages]
            assert sorted(found) == sorted((id, titles[id]) for id in plain.links if id in titles)

    def _destroy(self, record: Any, find: Callable[[], Any], place: int) -> None:
        """Destroy a record; now and then once more, through another object of it."""
        twin = find() if place % 3 == 0 else None
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


def told(page: Page) -> dict[str, Any]:
    """All that a page tells, by its object."""
    return {
        "id": page.id,
        "title": page.title,
        "description": page.description,
        "tags": [tag.name for tag in page.tags],
        "belongings": [(one.position, one.type, one.widget_id) for one in page.belongings],
        "notes": told_notes(page.notes),
        "lists": [(one.id, one.name, told_items(one.items)) for one in page.lists],
        "items": told_items(page.items),
        "separators": [(one.id, one.name) for one in page.separators],
    }


def told_notes(notes: Any) -> list[Any]:
    return [(note.id, note.title, note.body, note.created_at) for note in notes]


def told_items(items: Any) -> list[Any]:
    return [(item.id, item.content, item.completed) for item in items]


def _said(text: str) -> str:
    """A text for what cannot be blank."""
    return text if text.strip() else f"{text}?"


def _other(text: str, old: str) -> str:
    """A text that differs from the old one, so that there is something to save."""
    return text if text != old else f"{text}!"


def _mixed(some: list[Any], place: int) -> list[Any]:
    """The same in another order: each number gives one of them."""
    left, mixed = list(some), []
    while left:
        place, which = divmod(place, len(left))
        mixed.append(left.pop(which))
    return mixed


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
def begin(network: None) -> Iterator[Callable[..., Both]]:
    """Opens account after account in one sandbox."""
    clock, names, open_connections = Clock(), count(), []
    with Sandbox(seed="empty", clock=clock) as box:

        def open_account(*, held: bool, ttl: int) -> Both:
            token = box.add_account(f"account-{next(names)}")
            connection = Connection(box.url, token=token, ttl=ttl, limits=None)
            second = Connection(box.url, token=token, ttl=ttl, limits=None)
            open_connections.extend([connection, second])
            return Both(connection, second, clock, held=held)

        yield open_account
        for connection in open_connections:
            connection.close()


HELD = pytest.mark.parametrize("held", [True, False], ids=["objects held", "objects found anew"])
TTLS = [0, 60]
CACHED = pytest.mark.parametrize("ttl", TTLS, ids=["asked each time", "cached"])


def agree(both: Both, steps: list[Step]) -> None:
    with using(both.connection):
        both.run(steps)
        both.compare()


def sequences(how_many: int, part: int) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Runs a test with that many sequences, the same ones each time, with the cache or without.

    Each part has others, so that workers share them. All begin with the simplest, which is not
    counted. The cache is drawn, not a parameter: for each value of one, the same would come.
    """
    some = settings(max_examples=how_many + 1, deadline=None, database=None)
    each = given(steps=SEQUENCES, ttl=st.sampled_from(TTLS))
    return lambda test: seed(part)(some(each(test)))


@pytest.mark.long
@pytest.mark.parametrize("part", range(6))
def test_after_any_sequence_of_calls_objects_that_are_held_agree(begin, part):
    @sequences(20, part)
    def run(ttl, steps):
        both = begin(held=True, ttl=ttl)
        agree(both, steps)
        assert both.connection.stats.requests >= CALLS

    run()


@pytest.mark.long
@pytest.mark.parametrize("part", range(6, 11))
def test_after_any_sequence_of_calls_objects_found_anew_agree(begin, part):
    @sequences(18, part)
    def run(ttl, steps):
        both = begin(held=False, ttl=ttl)
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
    "nothing is put into order": [
        ("create_page", 0, "Empty"),
        ("reorder_page", 7, ""),
        ("create_list", 0, "Empty"),
        ("reorder_items", 7, ""),
    ],
    "a page shows another one's title": [
        ("create_page", 0, "Lisbon"),
        ("create_page", 0, "Porto"),
        ("link_page", 1, ""),  # from the second to the first
        ("edit_page", 13, "Two days"),  # looks afterwards
        ("edit_page", 0, "Lisboa"),
        ("edit_page", 27, "Three days"),
        ("destroy_page", 0, ""),
    ],
}


@HELD
@CACHED
@pytest.mark.parametrize("steps", FAILED_ONCE.values(), ids=FAILED_ONCE)
def test_what_failed_once_agrees(begin, held, ttl, steps):
    agree(begin(held=held, ttl=ttl), steps)
