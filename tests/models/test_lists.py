"""Lists, replayed and live."""

from __future__ import annotations

import pytest

from backpack_orm import Connection, Item, List, NotFound, Page, SaveResult


def lisbon() -> Page:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    return page


def test_the_lists_of_a_page_come_without_their_items(account: Connection) -> None:
    lists = List.all(page=lisbon())
    assert [each.name for each in lists] == ["Packing", "Not to be missed"]
    assert account.stats.requests == 2
    assert len(lists[0].items) == 8
    assert account.stats.requests == 3


def test_a_list_is_found_on_its_page(account: Connection) -> None:
    page = lisbon()
    wanted = page.lists[1]
    assert List.find(wanted.id, page=page) == wanted
    assert List.find(wanted.id) == wanted
    assert List.find_by(page=page, name="Packing") == page.lists[0]


def test_a_list_is_created_empty(account: Connection) -> None:
    page = lisbon()
    made = page.lists.create(name="Tickets")
    assert account.stats.requests == 2
    assert made.name == "Tickets"
    assert list(made.items) == []
    assert made in list(page.lists)


def test_a_list_needs_no_name(account: Connection) -> None:
    made = lisbon().lists.create()
    assert made.name == ""


def test_a_list_is_renamed_by_one_request(account: Connection) -> None:
    page = lisbon()
    packing = page.lists[0]
    packing.name = "To pack"
    assert packing.save() == SaveResult(updated=True, fields=("name",))
    assert [each.name for each in List.all(page=page)] == ["To pack", "Not to be missed"]
    assert packing.reload().name == "To pack"


def test_a_destroyed_list_takes_its_items_along(account: Connection) -> None:
    page = lisbon()
    packing, other = page.lists
    packing.destroy()
    assert list(page.lists) == [other]
    with pytest.raises(NotFound):
        Item.all(list=packing.id, page=page)
