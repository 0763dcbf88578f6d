"""The items of a page, by the older calls too, and linked pages: replayed and live."""

from __future__ import annotations

import re

import pytest
import requests_mock

from backpack_orm import Connection, NotFound, Page, PageItem, ValidationError


def test_they_are_those_of_the_first_list(account: Connection) -> None:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    first = min(page.lists, key=lambda each: each.id)
    assert account.stats.requests == 2
    assert len(page.items) == len(first.items) > 1
    assert all(mine is its for mine, its in zip(page.items, first.items, strict=True))
    assert {item.list_id for item in page.items} == {first.id}
    assert account.stats.requests == 2


def test_the_older_calls_find_the_same_records(account: Connection) -> None:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    found = PageItem.all(page=page)
    assert account.stats.requests == 2
    assert list(found) == list(page.items)
    assert [hash(item) for item in found] == [hash(item) for item in page.items]
    assert {item.list_id for item in found} == {page.items[0].list_id}


def test_the_first_one_makes_a_list(account: Connection) -> None:
    page = Page.find_by(title="Someday")
    assert page is not None
    assert list(page.items) == []
    item = page.items.create(content="Return the key")
    assert not item.completed
    assert not item.is_dirty
    (made,) = page.lists
    assert made.name == ""
    assert [each.content for each in made.items] == ["Return the key"]
    assert list(page.items) == [item]


def test_one_is_changed_and_ticked_off(account: Connection) -> None:
    page = Page.find_by(title="Groceries & such")
    assert page is not None
    item = PageItem.all(page=page)[0]
    item.content += " & more"
    assert item.save().fields == ("content",)
    assert item.complete().fields == ("completed",)
    again = PageItem.find(item.id, page=page)
    assert (again.content, again.completed) == (item.content, True)
    item.toggle()
    assert not item.completed
    assert page.items[0].reload().content == item.content


def test_one_is_moved(account: Connection) -> None:
    page = Page.find_by(title="Groceries & such")
    assert page is not None
    open_ones = [item for item in PageItem.all(page=page) if not item.completed]
    first = open_ones[0]
    first.move_to_bottom()
    assert [item.id for item in page.items if not item.completed] == [
        *[item.id for item in open_ones[1:]],
        first.id,
    ]


def test_a_destroyed_one_is_gone(account: Connection) -> None:
    page = Page.find_by(title="Groceries & such")
    assert page is not None
    item = PageItem.all(page=page)[0]
    item.destroy()
    assert item not in list(page.items)
    assert item.id not in {each.id for each in page.lists[0].items}
    with pytest.raises(NotFound):
        PageItem.find(item.id, page=page)


def test_one_without_content_is_refused() -> None:
    with pytest.raises(ValidationError, match="PageItem.content cannot be empty"):
        PageItem.create(page=71, content=" ")


def test_a_page_includes_the_pages_it_links_to(account: Connection) -> None:
    page = Page.find_by(title="Recipes")
    assert page is not None
    titles = ["The garden", "Groceries & such"]
    assert [linked.title for linked in page.linked_pages] == titles
    assert account.stats.requests == 2
    garden = page.linked_pages[0]
    assert garden.lists[0].items
    assert account.stats.requests == 3
    page.unlink(garden)
    assert [linked.title for linked in page.linked_pages] == titles[1:]
    page.link(garden)
    assert garden in list(page.linked_pages)


@pytest.mark.parametrize("list_id", ["", "<list-id/>"])
def test_a_created_item_of_no_known_list_is_returned_as_it_is(list_id: str) -> None:
    item = f"<item><id>7</id><content>Key</content><completed>false</completed>{list_id}</item>"
    with requests_mock.Mocker() as mock, Connection("acme", token="b7f0c2d94e1a") as connection:
        mock.post(
            re.compile("/ws/page/71/items/add"), text=f"<response success='true'>{item}</response>"
        )
        mock.post(
            re.compile("/ws/page/71$"),
            text="<response success='true'><page id='71' title='x'/></response>",
        )
        created = Page.find(71, using=connection).items.create(content="Key")
    assert type(created) is PageItem
    assert (created.id, created.content) == (7, "Key")
