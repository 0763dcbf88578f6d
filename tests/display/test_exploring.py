"""Lookup by title or name, key completion, and `dir()`."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

from backpack_orm import Attachment, Belonging, Connection, NotFound, Page, User
from backpack_orm.connection.connection import INTERNAL
from backpack_orm.sandbox import Sandbox
from tests.ipython_shell import new_shell


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.find(Page.all()[0].id)


def test_a_title_returns_the_first_match(page: Page) -> None:
    note = page.notes.create(title="Twice")
    page.notes.create(title="Twice")
    assert page.notes["Twice"] is note is page.notes.find(note.id)
    assert page.notes[""].title == ""


def test_records_are_looked_up_by_title_or_name(page: Page) -> None:
    assert Page.all()["Lisbon"] == page
    assert page.lists["Packing"].items["Sun hat"].content == "Sun hat"
    assert page.tags["Travel"].name == "Travel"
    name = Attachment.all()[0].file_name
    assert Attachment.all()[name].file_name == name
    assert User.all()["Nora Whitfield"].name == "Nora Whitfield"


def test_an_unknown_title_raises_an_error_that_suggests_similar_ones(page: Page) -> None:
    with pytest.raises(LookupError, match="no List with name 'Pakcing' here; did you mean") as met:
        page.lists["Pakcing"]
    assert isinstance(met.value, NotFound)
    assert "'Packing'" in str(met.value)
    with pytest.raises(NotFound) as unknown:
        page.notes["xyz"]
    assert str(unknown.value).endswith("no Note with title 'xyz' here")


def test_records_without_a_title_are_found_by_index_only(page: Page) -> None:
    with pytest.raises(TypeError, match="a Belonging has no title"):
        page.belongings["Note"]
    assert isinstance(page.belongings[0], Belonging)


def test_a_lookup_loads_the_page_with_one_request(connection: Connection, box: Sandbox) -> None:
    listed = Page.all()[0]
    before = box.requests
    assert listed.notes["Where we sleep"].body
    assert listed.lists["Packing"].items["Sun hat"].content == "Sun hat"
    assert box.requests == before + 1


def test_loaded_titles_are_completed_without_duplicates(
    connection: Connection, box: Sandbox
) -> None:
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


def test_a_changed_title_is_completed_and_found(page: Page) -> None:
    page.notes[0].title = "Elsewhere"
    assert "Elsewhere" in page.notes._ipython_key_completions_()
    assert page.notes["Elsewhere"] is page.notes[0]


@pytest.mark.parametrize("line", ['pages["', 'lists["', 'notes["'])
@pytest.mark.parametrize("jedi", [True, False])
def test_tab_completes_titles(page: Page, box: Sandbox, line: str, jedi: bool) -> None:
    shell = new_shell()
    shell.user_ns.update(pages=Page.all(), lists=page.lists, notes=page.notes)
    shell.Completer.use_jedi = jedi
    before = box.requests
    with provisionalcompleter():
        found = [completion.text for completion in shell.Completer.completions(line, len(line))]
    assert box.requests == before
    assert any(text in found for text in ("Lisbon", "Packing", "Where we sleep"))


def test_dir_lists_public_names_only(page: Page, connection: Connection, box: Sandbox) -> None:
    listed = Page.all()[0]
    before = box.requests
    for value in (page, listed, page.notes, listed.notes, page.notes[0], connection):
        names = dir(value)
        assert not [name for name in names if name.startswith("_")]
        assert names == sorted(set(names))
    assert box.requests == before
    assert {"title", "notes", "tags", "save", "destroy", "share", "is_dirty"} <= set(dir(listed))
    assert {"page", "page_id", "body", "save", "reload"} <= set(dir(page.notes[0]))
    assert {"create", "find", "where", "is_loaded", "to_frame"} <= set(dir(page.notes))
    assert {"stats", "close", "clear_cache"} <= set(dir(connection))


def test_dir_of_a_connection_excludes_what_only_the_package_uses(connection: Connection) -> None:
    assert not INTERNAL & set(dir(connection))
    assert all(hasattr(connection, name) for name in INTERNAL)


def test_dir_of_an_object_excludes_class_methods(page: Page) -> None:
    assert not {"all", "find", "find_by", "where", "search", "create"} & set(dir(page))
    assert {"all", "find", "search", "create"} <= set(dir(Page))


def test_every_name_in_dir_exists(page: Page) -> None:
    for name in dir(page):
        assert hasattr(page, name), name
