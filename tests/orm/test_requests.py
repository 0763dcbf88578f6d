"""How many requests each line makes, as the sandbox counts them."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis.vendor.pretty import pretty

from backpack_orm import Connection, Item, List, Note, Page, Tag, User
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def page(connection: Connection, box: Sandbox) -> Page:
    """Lisbon as a list of pages knows it: title, id and scope."""
    return Page.all()[0]


def test_find_and_everything_on_the_page_make_one_request(page: Page, box: Sandbox) -> None:
    before = box.requests
    found = Page.find(page.id)
    assert found.title and found.email_address and found.description
    assert all(note.body and note.created_at for note in found.notes)
    assert sum(len(item.content) for each in found.lists for item in each.items)
    assert [tag.name for tag in found.tags]
    assert [belonging.widget for belonging in found.belongings]
    assert box.requests == before + 1


def test_a_clean_save_sends_nothing(page: Page, box: Sandbox) -> None:
    before = box.requests
    assert not page.save()
    assert not page.save(check=True)
    assert box.requests == before


def test_a_change_of_title_makes_one_request(page: Page, box: Sandbox) -> None:
    before = box.requests
    page.title += "!"
    assert page.save()
    assert box.requests == before + 1


def test_all_pages_then_the_notes_of_one_make_two_requests(
    connection: Connection, box: Sandbox
) -> None:
    pages = Page.all()
    assert len(pages[0].notes) == 2
    assert box.requests == 2


def test_the_first_touch_of_a_listed_page_loads_all_of_it(page: Page, box: Sandbox) -> None:
    before = box.requests
    assert page.description
    assert page.notes[0].body
    assert page.lists[0].items[0].content
    assert page.email_address
    assert box.requests == before + 1


def test_the_same_find_again_makes_no_request(page: Page, box: Sandbox) -> None:
    Page.find(page.id)
    before = box.requests
    assert Page.find(page.id).notes[0].title == "Where we sleep"
    assert box.requests == before


def test_a_find_after_a_save_of_that_page_makes_one_request(page: Page, box: Sandbox) -> None:
    Page.find(page.id)
    page.title += "!"
    page.save()
    before = box.requests
    assert Page.find(page.id).title == "Lisbon!"
    assert box.requests == before + 1


def test_a_save_leaves_the_responses_about_other_pages(
    connection: Connection, box: Sandbox
) -> None:
    first, second = Page.all()[:2]
    Page.find(second.id)
    first.title += "!"
    first.save()
    before = box.requests
    Page.find(second.id)
    assert box.requests == before


def test_fresh_asks_again(page: Page, box: Sandbox) -> None:
    Page.find(page.id)
    before = box.requests
    Page.find(page.id, fresh=True)
    Page.all(fresh=True)
    assert box.requests == before + 2


def test_without_a_cache_a_page_still_makes_one_request(box: Sandbox) -> None:
    connection = Connection(box.url, token=box.token, ttl=0)
    page = Page.all(using=connection)[0]
    before = box.requests
    assert [belonging.widget for belonging in page.belongings]
    assert page.notes[0].page.lists[0].items[0].page.title == "Lisbon"
    assert box.requests == before + 1
    Page.find(page.id, using=connection)
    assert box.requests == before + 2


def test_scope_is_read_from_the_list_of_pages(connection: Connection, box: Sandbox) -> None:
    id = Page.all()[0].id
    page = Page.find(id)
    before = box.requests
    assert page.scope == "personal"
    assert box.requests == before  # the list was cached
    connection.clear_cache()
    assert Page.find(id).scope == "personal"
    assert box.requests == before + 2


def test_a_page_that_no_search_has_found_has_no_matches(page: Page, box: Sandbox) -> None:
    before = box.requests
    assert len(page.matches) == 0
    assert box.requests == before


def test_looking_at_what_is_not_loaded_sends_nothing(page: Page, box: Sandbox) -> None:
    before = box.requests
    notes = page.notes
    assert "not loaded" in repr(notes)
    assert not notes.is_loaded
    assert repr(page) == f"Page(id={page.id}, title='Lisbon')"
    assert str(page) == repr(page)
    assert bool(page)
    assert page == Page.all()[0]
    assert len({page, Page.all()[0]}) == 1
    assert "notes" in dir(page)
    assert page.to_dict() == {"id": page.id, "title": "Lisbon", "scope": "personal"}
    assert notes == notes and notes != page.lists
    assert not page.is_dirty and not page.changes
    copy.copy(page)
    copy.deepcopy(page)
    pickle.loads(pickle.dumps(page))
    for name in ("_ipython_display_", "_anything"):
        assert not hasattr(page, name)
    assert box.requests == before


def test_a_found_page_becomes_plain_values_without_a_request(page: Page, box: Sandbox) -> None:
    found = Page.find(page.id)
    before = box.requests
    plain = found.to_dict()
    assert plain["title"] == "Lisbon"
    assert plain["lists"][0]["items"][0]["content"] == "Walking shoes"
    assert plain["notes"][0]["title"] == "Where we sleep"
    assert plain["belongings"][0]["type"] == "Note"
    assert "scope" not in plain
    assert box.requests == before


def test_what_is_on_a_page_named_by_its_id_makes_one_request(page: Page, box: Sandbox) -> None:
    before = box.requests
    note = Note.all(page=page.id)[0]
    assert (note.page_id, note.page) == (page.id, page)
    assert box.requests == before + 1
    assert note.page.title == "Lisbon"
    assert box.requests == before + 2


def test_the_tags_of_a_page_named_by_its_id_make_one_request(
    connection: Connection, page: Page, box: Sandbox
) -> None:
    named = [tag.name for tag in page.tags]
    connection.clear_cache()
    before = box.requests
    tags = Tag.all(page=page.id)
    assert [tag.name for tag in tags] == named
    assert box.requests == before + 1
    assert Tag.find(tags[1].id, page=page.id) == tags[1]
    assert Tag.where(page=page.id, name=named[0])[0] == tags[0]
    assert box.requests == before + 1  # the page was cached


def test_a_child_created_by_the_parents_id_makes_one_request(page: Page, box: Sandbox) -> None:
    before = box.requests
    note = Note(page=page.id, title="one")
    assert box.requests == before
    note.save()
    assert box.requests == before + 1


def test_a_found_child_stops_the_search(connection: Connection, box: Sandbox) -> None:
    pages = Page.all()
    item = pages[1].lists[0].items[0] if pages[1].lists else pages[0].lists[0].items[0]
    connection.clear_cache()
    before = box.requests
    assert Item.find(item.id) == item
    assert box.requests <= before + 4  # the list, the first page, and two at once


def test_the_same_search_again_makes_no_request_until_something_is_written(
    page: Page, box: Sandbox
) -> None:
    Page.search("tram")
    before = box.requests
    Page.search("tram")
    assert box.requests == before
    Page.search("other")
    assert box.requests == before + 1
    note = page.notes.create(body="another tram")
    before = box.requests
    (found,) = Page.search("tram")
    assert note.id in [match.id for match in found.matches]
    assert box.requests == before + 1


def test_saving_an_item_makes_one_request_and_its_change_time_is_loaded_on_access(
    page: Page, box: Sandbox
) -> None:
    item = page.lists[0].items[0]
    before = box.requests
    item.content = "Boots"
    item.save()
    assert box.requests == before + 1
    assert item.updated_at is not None
    assert box.requests == before + 2


def test_every_write_drops_what_it_made_stale(page: Page, box: Sandbox) -> None:
    def fresh_page() -> Page:
        return Page.find(page.id)

    fresh_page().notes.create(title="n")
    assert [note.title for note in fresh_page().notes][-1] == "n"
    fresh_page().notes[-1].destroy()
    assert [note.title for note in fresh_page().notes][-1] != "n"
    fresh_page().lists.create(name="l")
    assert fresh_page().lists[-1].name == "l"
    fresh_page().lists[-1].items.create(content="i")
    assert fresh_page().lists[-1].items[0].content == "i"
    fresh_page().lists[-1].items[0].complete()
    assert fresh_page().lists[-1].items[0].completed
    fresh_page().lists[-1].items[0].toggle()
    assert not fresh_page().lists[-1].items[0].completed
    fresh_page().lists[-1].items.create(content="j")
    fresh_page().lists[-1].items[1].move_to_top()
    assert [item.content for item in fresh_page().lists[-1].items] == ["j", "i"]
    fresh_page().lists[-1].items.reorder(list(reversed(fresh_page().lists[-1].items)))
    assert [item.content for item in fresh_page().lists[-1].items] == ["i", "j"]
    fresh_page().lists[-1].items[0].destroy()
    assert [item.content for item in fresh_page().lists[-1].items] == ["j"]
    fresh_page().lists[-1].destroy()
    assert "l" not in [each.name for each in fresh_page().lists]
    Tag.create(page=fresh_page(), name="t")
    assert fresh_page().tags[-1].name == "t"
    order = list(reversed(fresh_page().belongings))
    fresh_page().reorder(order)
    assert list(fresh_page().belongings) == order
    edited = fresh_page()
    edited.description = "d"
    edited.save()
    assert fresh_page().description == "d"
    copied = fresh_page().duplicate().record
    assert copied in list(Page.all())
    copied.destroy()
    assert copied not in list(Page.all())


def test_lists_and_items_of_a_page_that_changed_elsewhere_are_merged(
    page: Page, box: Sandbox
) -> None:
    here = page.lists[0]
    edited, other = here.items[0], here.items[1]
    edited.content = "unsaved"
    Page.find(page.id, fresh=True).lists[0].items[1].destroy()
    here.items.reload()
    assert here.items[0] is edited
    assert edited.content == "unsaved"
    assert other not in list(here.items)
    assert isinstance(here, List)


def test_pretty_printers_send_nothing(page: Page, box: Sandbox) -> None:
    before = box.requests
    assert pretty(page) == repr(page)
    assert box.requests == before


def test_every_write_drops_the_lists_of_pages_that_it_made_stale(page: Page) -> None:
    def listed() -> dict[str, str | None]:
        return {found.title: found.scope for found in Page.all()}

    tag = page.tags[0]
    assert "made" not in listed()
    assert "made" not in [found.title for found in tag.pages]
    made = Page.create(title="made")
    assert listed()["made"] == "personal"
    made.title = "renamed"
    made.save()
    assert "made" not in listed()
    assert listed()["renamed"] == "personal"
    assert "renamed" not in [found.title for found in tag.pages]
    made.tags = [tag.name]
    made.save()
    assert "renamed" in [found.title for found in tag.pages]
    made.title = "again"
    made.save()
    assert "again" in [found.title for found in tag.pages]
    made.share(["ana@example.com"])
    assert listed()["again"] == "friends"
    made.unshare()
    assert listed()["again"] == "personal"
    assert "again" in [found.title for found in Page.search("again")]
    made.destroy()
    assert "again" not in listed()
    assert "again" not in [found.title for found in tag.pages]
    assert "again" not in [found.title for found in Page.search("again")]


def test_a_page_that_is_given_up_is_no_start_page_any_more(box: Sandbox) -> None:
    token = box.add_user("Bo", email_address="builder@example.com")
    bo = Connection(box.url, token=token)
    (shared,) = Page.all(using=bo)
    assert User.me(using=bo).start_page_id == shared.id
    shared.unshare()
    assert User.me(using=bo).start_page_id is None
