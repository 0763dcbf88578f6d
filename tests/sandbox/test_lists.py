"""Lists and items over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'
NOW = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)
DONE = XML + '<response success="true"></response>'


@pytest.fixture
def packing(api: Client, page: str) -> str:
    """The path of the items of a list that has the id 40000003."""
    api.ws(f"{page}/lists/add", "<name>Packing</name>")
    return f"{page}/lists/40000003/items"


@pytest.fixture
def items(api: Client, packing: str) -> list[str]:
    """The ids of four items: open, open, completed, completed."""
    for content, completed in (("a", "false"), ("b", "false"), ("c", "true"), ("d", "true")):
        api.ws(
            f"{packing}/add", f"<item completed='{completed}'><content>{content}</content></item>"
        )
    return re.findall(r' id="(\d+)"', api.ws(f"{packing}/list"))


def shown(api: Client, packing: str) -> Any:
    return "".join(re.findall(">([a-z]+)</item>", api.ws(f"{packing}/list")))


def test_creating_a_list_returns_name_and_id(api: Client, page: str) -> None:
    assert api.ws(f"{page}/lists/add", "<name>Packing</name>") == (
        f'{XML}\n<response success="true"><list name="Packing" id="40000003"/></response>'
    )


def test_lists_are_listed_without_items_by_id(api: Client, packing: str, page: str) -> None:
    api.ws(f"{packing}/add", "<item><content>Socks</content></item>")
    api.ws(f"{page}/lists/add", "<list><name>Later</name></list>")
    assert api.ws(f"{page}/lists/list") == (
        f'{XML}\n<response success="true"><lists><list name="Packing" id="40000003"/>'
        '<list name="Later" id="40000006"/></lists></response>'
    )


def test_a_page_without_lists_has_an_empty_list_response(api: Client, page: str) -> None:
    assert "<lists></lists>" in api.ws(f"{page}/lists/list")


def test_an_empty_list_shows_empty_items(api: Client, page: str, packing: str) -> None:
    assert '<list name="Packing" id="40000003"><items></items></list>' in api.ws(page)


def test_a_list_can_be_renamed(api: Client, page: str, packing: str) -> None:
    renamed = api.ws(f"{page}/lists/update/40000003", "<list><name>Bag</name></list>")
    assert renamed == DONE
    assert '<list name="Bag" id="40000003"/>' in api.ws(f"{page}/lists/list")
    api.ws(f"{page}/lists/update/40000003", "<list/>")
    assert '<list name="Bag" id="40000003"/>' in api.ws(f"{page}/lists/list")


def test_a_destroyed_list_takes_its_items_with_it(
    api: Client, page: str, packing: str, items: list[str]
) -> None:
    assert api.ws(f"{page}/lists/destroy/40000003") == DONE
    assert "Record not found" in api.ws(f"{packing}/list", status=404)
    assert "Record not found" in api.ws(f"{page}/items/toggle/{items[0]}", status=404)
    assert "Record not found" in api.ws(f"{page}/lists/destroy/40000003", status=404)


def test_a_list_is_found_on_its_own_page_only(api: Client, page: str, packing: str) -> None:
    api.ws("pages/new", "<page><title>Other</title></page>")
    assert "Record not found" in api.ws("page/40000005/lists/40000003/items/list", status=404)


def test_creating_an_item_returns_it_without_a_date(api: Client, packing: str) -> None:
    assert api.ws(f"{packing}/add", "<item><content>Socks</content></item>") == (
        f'{XML}\n<response success="true">'
        '<item completed="false" id="40000005" list_id="40000003">Socks</item></response>'
    )


@pytest.mark.parametrize(
    "item",
    [
        "<item completed='true'><content>Socks</content></item>",
        "<item><completed>true</completed><content>Socks</content></item>",
        "<item><completed>1</completed><content>Socks</content></item>",
        "<item completed='true' content='Socks'/>",
        "<item completed='true'>Socks</item>",
    ],
)
def test_an_item_can_be_created_completed(api: Client, packing: str, item: str) -> None:
    assert 'completed="true" id="40000005" list_id="40000003">Socks<' in api.ws(
        f"{packing}/add", item
    )


def test_an_item_without_text_has_empty_content(api: Client, packing: str) -> None:
    assert 'list_id="40000003"></item>' in api.ws(f"{packing}/add", "<item/>")


def test_items_are_listed_with_dates_open_ones_first(api: Client, packing: str) -> None:
    api.ws(f"{packing}/add", "<item completed='true'><content>done</content></item>")
    api.ws(f"{packing}/add", "<item><content>open</content></item>")
    assert api.ws(f"{packing}/list") == (
        f'{XML}\n<response success="true"><items>'
        '<item completed="false" id="40000006" list_id="40000003" '
        'updated_at="2031-03-05 18:30:15">open</item>'
        '<item completed="true" id="40000005" list_id="40000003" '
        'updated_at="2031-03-05 18:30:15">done</item></items></response>'
    )


def test_an_item_can_be_changed_field_by_field(api: Client, packing: str, items: list[str]) -> None:
    path = f"{packing}/update/{items[0]}"
    assert api.ws(path, "<item><content>z</content></item>") == DONE
    assert shown(api, packing) == "zbcd"
    api.ws(path, "<item><completed>true</completed></item>")
    assert shown(api, packing) == "bzcd"


def test_an_item_toggled_twice_returns_to_its_position(
    api: Client, packing: str, items: list[str]
) -> None:
    path = f"{packing}/toggle/{items[0]}"
    assert api.ws(path) == DONE
    assert shown(api, packing) == "bacd"
    api.ws(path)
    assert shown(api, packing) == "abcd"


def test_an_item_can_be_destroyed_once(api: Client, packing: str, items: list[str]) -> None:
    path = f"{packing}/destroy/{items[1]}"
    assert api.ws(path) == DONE
    assert shown(api, packing) == "acd"
    assert "Record not found" in api.ws(path, status=404)


def test_new_items_go_below_the_open_ones(api: Client, packing: str, items: list[str]) -> None:
    api.ws(f"{packing}/add", "<item><content>e</content></item>")
    assert shown(api, packing) == "abecd"


@pytest.mark.parametrize(
    ("which", "direction", "order"),
    [
        (0, "move_lower", "bacd"),
        (1, "move_higher", "bacd"),
        (1, "move_to_top", "bacd"),
        (0, "move_to_bottom", "bacd"),
        (3, "move_to_top", "abdc"),
        (0, "move_higher", "abcd"),
        (0, "move_to_top", "abcd"),
        (1, "move_lower", "abcd"),
        (3, "move_to_bottom", "abcd"),
    ],
)
def test_an_item_moves_among_items_with_the_same_state(
    api: Client, packing: str, items: list[str], which: int, direction: str, order: str
) -> None:
    path = f"{packing}/move/{items[which]}"
    assert api.ws(path, f"<direction>{direction}</direction>") == DONE
    assert shown(api, packing) == order


def test_an_item_moves_past_items_with_the_other_state(
    api: Client, packing: str, items: list[str]
) -> None:
    api.ws(f"{packing}/add", "<item><content>e</content></item>")
    api.ws(f"{packing}/move/{items[1]}", "<direction>move_lower</direction>")
    assert shown(api, packing) == "aebcd"


@pytest.mark.parametrize(
    ("moved", "direction", "order"),
    [
        ("a", "move_to_bottom", "becda"),
        ("a", "move_lower", "bacde"),
        ("e", "move_to_top", "eacdb"),
        ("e", "move_higher", "aecdb"),
    ],
)
def test_a_move_leaves_the_completed_items_at_their_positions(
    api: Client, packing: str, items: list[str], moved: str, direction: str, order: str
) -> None:
    api.ws(f"{packing}/add", "<item><content>e</content></item>")
    ids = dict(re.findall(r'id="(\d+)"[^>]*>([a-e])<', api.ws(f"{packing}/list")))
    id = next(id for id, content in ids.items() if content == moved)
    api.ws(f"{packing}/move/{id}", f"<direction>{direction}</direction>")
    for completed in items[2:]:
        api.ws(f"{packing}/toggle/{completed}")
    assert shown(api, packing) == order


@pytest.mark.parametrize("body", ["", "<direction>sideways</direction>"])
def test_a_move_needs_a_direction(api: Client, packing: str, items: list[str], body: str) -> None:
    assert "Internal error" in api.ws(f"{packing}/move/{items[0]}", body, 500)


@pytest.mark.parametrize(("wanted", "order"), [("bdac", "badc"), ("b", "bacd"), ("dc", "abdc")])
def test_items_are_in_the_given_order(
    api: Client, packing: str, items: list[str], wanted: str, order: str
) -> None:
    ids = "".join(f"<item-id>{items['abcd'.index(name)]}</item-id>" for name in wanted)
    assert api.ws(f"{packing}/reorder", ids) == DONE
    assert shown(api, packing) == order


def test_a_reorder_with_an_unknown_id_changes_nothing(
    api: Client, packing: str, items: list[str]
) -> None:
    body = f"<item-id>{items[1]}</item-id><item-id>7</item-id>"
    assert "Record not found" in api.ws(f"{packing}/reorder", body, 404)
    assert shown(api, packing) == "abcd"


@pytest.mark.parametrize("call", ["update", "toggle"])
def test_a_change_sets_the_update_time(as_user: Callable[..., Client], call: str) -> None:
    times = [NOW]
    with Sandbox(seed="empty", token="t0ken-0123456789", clock=lambda: times[0]) as box:
        api = as_user("t0ken-0123456789", box.url)
        api.ws("pages/new", "<page><title>Lisbon</title></page>")
        api.ws("page/40000002/items/add", "<item><content>Socks</content></item>")
        times[0] += timedelta(hours=1)
        api.ws(f"page/40000002/items/{call}/40000005", "<item><content>Hat</content></item>")
        assert 'updated_at="2031-03-05 19:30:15"' in api.ws("page/40000002/items/list")


class TestItemsWithoutAList:
    def test_a_page_without_lists_has_no_items(self, api: Client, page: str) -> None:
        assert api.ws(f"{page}/items/list") == (
            f'{XML}\n<response success="true"><items></items></response>'
        )

    @pytest.mark.parametrize("verb", ["add", "create"])
    def test_adding_an_item_creates_an_unnamed_list(
        self, api: Client, page: str, verb: str
    ) -> None:
        response = api.ws(f"{page}/items/{verb}", "<item><content>Socks</content></item>")
        assert '<item completed="false" id="40000005" list_id="40000003">Socks</item>' in response
        assert '<lists><list name="" id="40000003"/></lists>' in api.ws(f"{page}/lists/list")

    def test_the_first_list_is_the_one_with_the_lowest_id(
        self, api: Client, page: str, packing: str
    ) -> None:
        api.ws(f"{page}/lists/add", "<name>On top of the page</name>")
        response = api.ws(f"{page}/items/add", "<item><content>Socks</content></item>")
        assert 'list_id="40000003"' in response
        assert "Socks" in api.ws(f"{page}/items/list")

    def test_list_id_selects_a_list(self, api: Client, page: str, packing: str) -> None:
        api.ws(f"{page}/lists/add", "<name>Second</name>")
        added = api.ws(f"{page}/items/add?list_id=40000005", "<item><content>x</content></item>")
        assert 'list_id="40000005"' in added
        assert "<items></items>" in api.ws(f"{page}/items/list")
        assert ">x</item>" in api.ws(f"{page}/items/list?list_id=40000005")
        assert "Record not found" in api.ws(f"{page}/items/list?list_id=7", status=404)

    def test_other_calls_find_an_item_in_any_list(
        self, api: Client, page: str, packing: str, items: list[str]
    ) -> None:
        api.ws(f"{page}/lists/add", "<name>Newer</name>")
        api.ws(f"{page}/items/update/{items[0]}", "<item><content>z</content></item>")
        assert shown(api, packing) == "zbcd"
        api.ws(f"{page}/items/move/{items[0]}", "<direction>move_lower</direction>")
        assert shown(api, packing) == "bzcd"
        api.ws(f"{page}/items/toggle/{items[1]}")
        assert shown(api, packing) == "zbcd"
        api.ws(f"{page}/items/destroy/{items[3]}")
        assert shown(api, packing) == "zbc"
