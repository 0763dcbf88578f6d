"""Pages, replayed and live."""

from __future__ import annotations

import pytest

from backpack_orm import Connection, Match, NotFound, Page, SaveResult


def page_called(title: str) -> Page:
    page = Page.find_by(title=title)
    assert page is not None
    return page


def test_all_pages_make_one_request(account: Connection) -> None:
    pages = Page.all()
    assert [page.title for page in pages[:3]] == ["Lisbon", "Book club", "The garden"]
    assert [page.scope for page in pages].count("friends") == 2
    assert account.stats.requests == 1


def test_titles_in_other_scripts_arrive_whole(account: Connection) -> None:
    assert "Words: كلمات ומילים" in [page.title for page in Page.all()]


def test_a_page_brings_everything_on_it(account: Connection) -> None:
    found = page_called("Lisbon")
    page = Page.find(found.id)
    assert page == found
    assert page.email_address.endswith("@backpackit.com")
    assert page.description.startswith("Ten days in *May*.")
    assert [tag.name for tag in page.tags] == ["Travel", "Long weekends", "Portugal"]
    assert [note.title for note in page.notes] == ["Where we sleep", ""]
    assert [each.name for each in page.lists] == ["Packing", "Not to be missed"]
    assert [len(each.items) for each in page.lists] == [8, 4]
    assert page.lists[0].items[0].list == page.lists[0]
    assert account.stats.requests == 2


def test_a_page_holds_two_hundred_items(account: Connection) -> None:
    page = page_called("Record shelf")
    assert [len(each.items) for each in page.lists] == [200]


def test_an_empty_page_is_empty(account: Connection) -> None:
    page = page_called("Someday")
    assert not page.notes
    assert not page.lists
    assert not page.tags
    assert not page.belongings
    assert page.description == ""


def test_belongings_stand_in_order_with_their_widgets(account: Connection) -> None:
    page = page_called("Lisbon")
    standing = [(found.type, found.widget) for found in page.belongings]
    assert [kind for kind, _ in standing[:5]] == ["Note", "List", "List", "Separator", "Note"]
    assert standing[0][1] is page.notes[0]
    assert standing[1][1] is page.lists[0]
    assert [found.position for found in page.belongings] == sorted(
        found.position for found in page.belongings
    )
    assert standing[8] == ("WriteboardLink", None)


def test_a_search_includes_what_it_found(account: Connection) -> None:
    pages = Page.search("tram")
    assert [page.title for page in pages] == ["Lisbon"]
    match = pages[0].matches[0]
    assert isinstance(match, Match)
    assert (match.type, match.id) == ("note", pages[0].notes[0].id)


def test_a_search_finds_an_item_through_its_list(account: Connection) -> None:
    (page,) = Page.search("Phrase book")
    assert [(match.type, match.id) for match in page.matches] == [("list", page.lists[0].id)]


def test_a_search_may_find_nothing(account: Connection) -> None:
    assert len(Page.search("xylophone lessons")) == 0


def test_a_page_is_created_by_its_title(account: Connection) -> None:
    page = Page.create(title="Porto & <friends> – été")
    assert account.stats.requests == 1
    assert not page.is_new
    assert Page.find(page.id).title == "Porto & <friends> – été"
    assert page in list(Page.all())


def test_a_page_is_created_with_all_that_can_be_set(account: Connection) -> None:
    page = Page(title="Porto", description="h1. Wine", tags=["Travel", "Long Scores"], public=True)
    assert page.save() == SaveResult(
        created=True, fields=("title", "tags", "public", "description")
    )
    assert account.stats.requests == 4
    assert not page.is_dirty
    again = Page.find(page.id)
    assert again.description == "h1. Wine"
    assert [tag.name for tag in again.tags] == ["Travel", "Long Scores"]


def test_a_title_is_changed_by_one_request(account: Connection) -> None:
    page = page_called("Lisbon")
    page.title += "!"
    assert page.save() == SaveResult(updated=True, fields=("title",))
    assert account.stats.requests == 2
    assert Page.find(page.id).title == "Lisbon!"


def test_a_description_is_changed_and_taken_away(account: Connection) -> None:
    page = page_called("Lisbon")
    page.description = "Nine days."
    page.save()
    assert Page.find(page.id).description == "Nine days."
    page.description = ""
    page.save()
    assert Page.find(page.id).description == ""


def test_tags_are_replaced_by_assigning_names(account: Connection) -> None:
    page = page_called("Lisbon")
    page.tags = ["Music", "Long Scores"]
    assert page.changes["tags"][1] == ("Music", "Long Scores")
    page.save()
    assert [tag.name for tag in page.tags] == ["Music", "Long Scores"]


def test_all_tags_are_taken_away_by_an_empty_list(account: Connection) -> None:
    page = page_called("Lisbon")
    page.tags = []
    page.save()
    assert [tag.name for tag in page.tags] == []


def test_a_page_is_shared_and_published(account: Connection) -> None:
    page = Page.create(title="Summer")
    page.share(["ana@example.com", "rui@example.com"], public=True)
    page.public = False
    assert page.save() == SaveResult(updated=True, fields=("public",))
    assert page.public is None


def test_a_friends_page_can_be_left(account: Connection) -> None:
    page = page_called("Choir in autumn 🎶")
    page.unshare()
    assert page not in list(Page.all())


def test_a_page_is_reordered_by_its_widgets(account: Connection) -> None:
    page = page_called("Lisbon")
    order = [found.widget or found for found in reversed(page.belongings)]
    page.reorder(order)
    assert [found.widget or found for found in page.belongings][-1] is page.notes[0]


def test_a_page_is_duplicated(account: Connection) -> None:
    page = page_called("Lisbon")
    copy = page.duplicate().record
    assert copy != page
    assert copy.title == "Lisbon (copy)"
    assert {note.body for note in copy.notes} == {note.body for note in page.notes}
    assert not {note.id for note in copy.notes} & {note.id for note in page.notes}
    assert copy in list(Page.all())


def test_a_page_is_mailed_as_a_copy(account: Connection) -> None:
    page = page_called("Lisbon")
    page.email_copy()
    assert account.stats.by_endpoint["POST /ws/page/{id}/email"] == 1


def test_pages_are_linked_and_unlinked(account: Connection) -> None:
    page, other = page_called("Lisbon"), page_called("Someday")
    page.link(other)
    page.unlink(other.id)
    assert account.stats.by_endpoint["POST /ws/page/{id}/link"] == 1
    assert account.stats.by_endpoint["POST /ws/page/{id}/unlink"] == 1


def test_a_destroyed_page_is_gone(account: Connection) -> None:
    page = page_called("Lisbon")
    page.destroy()
    assert page.is_destroyed
    with pytest.raises(NotFound) as caught:
        Page.find(page.id)
    assert caught.value.status == 404
    assert page not in list(Page.all())


@pytest.mark.connected(bearer=True)
def test_a_bearer_token_opens_the_account_as_well(account: Connection) -> None:
    page = page_called("Lisbon")
    page.title = "Lisboa"
    page.save()
    assert Page.find(page.id).title == "Lisboa"


def test_the_scope_is_read_again_only_after_a_page_was_published(connection: Connection) -> None:
    page = Page.all()[0]
    page.update(title="Lisboa")
    before = connection.stats.requests
    assert page.scope == "personal"
    assert connection.stats.requests == before
    page.update(public=True)
    before = connection.stats.requests
    assert page.scope == "public"
    assert connection.stats.requests == before + 1
