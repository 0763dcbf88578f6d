"""Looking things up by what people call them, and what Tab and dir() offer."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from backpack_orm import Attachment, Belonging, Connection, NotFound, Page, User
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.find(Page.all()[0].id)


def test_a_title_leads_to_the_first_that_has_it(page: Page) -> None:
    note = page.notes.create(title="Twice")
    page.notes.create(title="Twice")
    assert page.notes["Twice"] is note is page.notes.find(note.id)
    assert page.notes[""].title == ""


def test_everything_is_looked_up_by_what_it_is_called(page: Page) -> None:
    assert Page.all()["Lisbon"] == page
    assert page.lists["Packing"].items["Sun hat"].content == "Sun hat"
    assert page.tags["Travel"].name == "Travel"
    name = Attachment.all()[0].file_name
    assert Attachment.all()[name].file_name == name
    assert User.all()["Nora Whitfield"].name == "Nora Whitfield"


def test_a_title_that_is_not_there_names_those_that_come_near(page: Page) -> None:
    with pytest.raises(LookupError, match="no List with name 'Pakcing' here; did you mean") as met:
        page.lists["Pakcing"]
    assert isinstance(met.value, NotFound)
    assert "'Packing'" in str(met.value)
    with pytest.raises(NotFound, match=r"no Note with title 'xyz' here$"):
        page.notes["xyz"]


def test_what_has_no_title_is_found_by_number_only(page: Page) -> None:
    with pytest.raises(TypeError, match="a Belonging has no title"):
        page.belongings["Note"]
    assert isinstance(page.belongings[0], Belonging)


def test_a_lookup_costs_what_any_use_does(connection: Connection, box: Sandbox) -> None:
    listed = Page.all()[0]
    before = box.requests
    assert listed.notes["Where we sleep"].body
    assert listed.lists["Packing"].items["Sun hat"]
    assert box.requests == before + 1


def test_titles_are_offered_once_and_only_if_loaded(connection: Connection, box: Sandbox) -> None:
    listed = Page.all()[0]
    before = box.requests
    assert listed.notes._ipython_key_completions_() == []
    assert box.requests == before
    listed.notes.create(title="Twice")
    listed.notes.create(title="Twice")
    assert len(listed.notes) == 4
    assert listed.notes._ipython_key_completions_() == ["Where we sleep", "Twice"]
    assert listed.belongings._ipython_key_completions_() == []
    assert Page.all()._ipython_key_completions_()[:2] == ["Lisbon", "Book club"]


def test_an_edited_title_is_offered_as_it_is_found(page: Page) -> None:
    page.notes[0].title = "Elsewhere"
    assert "Elsewhere" in page.notes._ipython_key_completions_()
    assert page.notes["Elsewhere"] is page.notes[0]


@pytest.mark.parametrize("line", ['pages["', 'lists["', 'notes["'])
@pytest.mark.parametrize("jedi", [True, False])
def test_tab_completes_titles(page: Page, box: Sandbox, line: str, jedi: bool) -> None:
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    shell.user_ns.update(pages=Page.all(), lists=page.lists, notes=page.notes)
    shell.Completer.use_jedi = jedi
    before = box.requests
    with provisionalcompleter():
        found = [completion.text for completion in shell.Completer.completions(line, len(line))]
    assert box.requests == before
    assert any(text in found for text in ("Lisbon", "Packing", "Where we sleep"))


def test_dir_offers_what_can_be_done_and_nothing_private(
    page: Page, connection: Connection, box: Sandbox
) -> None:
    listed = Page.all()[0]
    before = box.requests
    for thing in (page, listed, page.notes, listed.notes, page.notes[0], connection):
        names = dir(thing)
        assert not [name for name in names if name.startswith("_")]
        assert names == sorted(set(names))
    assert box.requests == before
    assert {"title", "notes", "tags", "save", "destroy", "share", "is_dirty"} <= set(dir(listed))
    assert {"page", "page_id", "body", "save", "reload"} <= set(dir(page.notes[0]))
    assert {"create", "find", "where", "is_loaded", "to_frame"} <= set(dir(page.notes))
    assert {"stats", "close", "clear_cache"} <= set(dir(connection))


def test_dir_of_an_object_leaves_out_what_is_its_class_s(page: Page) -> None:
    assert not {"all", "find", "find_by", "where", "search", "create"} & set(dir(page))
    assert {"all", "find", "search", "create"} <= set(dir(Page))


def test_all_that_dir_offers_is_there(page: Page) -> None:
    for name in dir(page):
        assert hasattr(page, name), name
