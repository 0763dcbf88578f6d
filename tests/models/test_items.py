"""Items, replayed and live."""

from __future__ import annotations

from datetime import datetime

import pytest

from backpack_orm import Connection, Item, List, NotFound, Page, SaveResult


def packing() -> List:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    return page.lists[0]


def contents(items: object) -> list[str]:
    return [item.content for item in items]  # type: ignore[attr-defined]


OPEN = ["Walking shoes", "Sun hat", "Phrase book", "Adapter (type F)", "Film for the Olympus"]
DONE = ["Passports", "Train tickets", "Rain jacket"]


def test_the_items_of_a_list_make_one_request(account: Connection) -> None:
    found = packing()
    items = Item.all(list=found)
    assert account.stats.requests == 3
    assert contents(items) == OPEN + DONE
    assert [item.completed for item in items] == [False] * 5 + [True] * 3
    assert isinstance(items[0].updated_at, datetime)
    assert items[0].list_id == found.id
    assert items[0].page == found.page
    assert items[0].page_id == found.page_id


def test_items_are_found_by_list_page_or_account(account: Connection) -> None:
    found = packing()
    page, wanted = found.page, found.items[0]
    assert contents(Item.all(list=found.id)) == OPEN + DONE
    assert contents(Item.all(list=found.id, page=page.id)) == OPEN + DONE
    assert len(Item.all(page=page)) == 12
    assert len(Item.all(page=page, fresh=True)) == 12
    assert Item.find(wanted.id) == wanted
    assert Item.find(wanted.id, list=found) == wanted
    assert Item.find_by(page=page, content="Sun hat") == found.items[1]
    assert contents(Item.where(list=found, completed=True)) == DONE
    assert len(Item.all()) > 212


def test_an_item_comes_after_the_open_ones(account: Connection) -> None:
    found = packing()
    item = found.items.create(content="Socks & <more>")
    assert account.stats.requests == 3
    assert not item.completed
    assert contents(found.items) == [*OPEN, "Socks & <more>", *DONE]
    assert found.items[5] == item


def test_an_item_can_be_created_completed(account: Connection) -> None:
    item = Item.create(list=packing(), content="Maps", completed=True)
    assert item.completed
    assert item.updated_at is not None


def test_an_item_is_changed_by_one_request(account: Connection) -> None:
    item = packing().items[0]
    item.content = "Sandals \n"
    assert item.save() == SaveResult(updated=True, fields=("content",))
    assert account.stats.requests == 3
    again = Item.find(item.id, list=item.list)
    assert (again.content, again.completed) == ("Sandals \n", False)


def test_an_item_is_completed_and_reopened(account: Connection) -> None:
    found = packing()
    item = found.items[0]
    assert item.complete() == SaveResult(updated=True, fields=("completed",))
    assert item.completed
    assert found.items[-3] is item or item in found.items[-4:]
    item.reopen()
    assert [each.completed for each in (item, Item.find(item.id, list=found))] == [False, False]


def test_an_item_that_is_completed_already_is_not_sent_again(account: Connection) -> None:
    item = packing().items[0]
    assert item.complete().updated
    assert not item.complete()
    assert account.stats.by_endpoint[Item._update_row.label] == 1
    assert item.completed


def test_a_toggle_is_what_the_service_makes_of_it(account: Connection) -> None:
    item = packing().items[0]
    item.toggle()
    assert item.completed
    item.toggle()
    assert not item.completed


def test_items_move_up_and_down(account: Connection) -> None:
    found = packing()
    shoes = found.items[0]
    shoes.move_lower()
    assert contents(found.items)[:2] == ["Sun hat", "Walking shoes"]
    shoes.move_higher()
    assert contents(found.items)[:2] == ["Walking shoes", "Sun hat"]
    shoes.move_to_bottom()
    assert contents(found.items)[:5] == [*OPEN[1:], "Walking shoes"]
    shoes.move_to_top()
    assert contents(found.items)[:5] == OPEN
    assert found.items[0] is shoes


def test_items_are_reordered(account: Connection) -> None:
    found = packing()
    first, *others = found.items
    found.items.reorder([*others, first.id])
    assert contents(found.items)[4] == "Walking shoes"


def test_a_destroyed_item_is_gone_from_its_list(account: Connection) -> None:
    found = packing()
    item = found.items[0]
    item.destroy()
    assert contents(found.items) == OPEN[1:] + DONE
    with pytest.raises(NotFound):
        Item.find(item.id, list=found)
