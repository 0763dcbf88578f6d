"""Separators, replayed and live."""

from __future__ import annotations

import pytest

from backpack_orm import Connection, NotFound, Page, SaveResult, Separator, ValidationError


def test_a_page_includes_its_separators(account: Connection) -> None:
    page = Page.find_by(title="Unsent letters")
    assert page is not None
    assert [line.name for line in page.separators] == ["To the council", "To Tomás"]
    assert account.stats.requests == 2


def test_a_separator_is_created_at_the_top(account: Connection) -> None:
    page = Page.find_by(title="Unsent letters")
    assert page is not None
    line = page.separators.create(name="To <nobody> & all")
    assert account.stats.requests == 2
    assert line.name == "To <nobody> & all"
    assert line.page_id == page.id
    assert not line.is_dirty
    assert page.belongings[0].widget == line
    assert line in list(page.separators)


def test_a_separator_is_renamed(account: Connection) -> None:
    page = Page.find_by(title="Unsent letters")
    assert page is not None
    line = page.separators[0]
    line.name = ""
    assert line.save() == SaveResult(updated=True, fields=("name",))
    assert not line.save()
    assert Separator.find(line.id, page=page).name == ""


def test_a_destroyed_separator_is_gone(account: Connection) -> None:
    page = Page.find_by(title="Unsent letters")
    assert page is not None
    line = page.separators[0]
    line.destroy()
    assert [each.name for each in page.separators] == ["To Tomás"]
    assert [each.name for each in Separator.all(page=page)] == ["To Tomás"]
    with pytest.raises(NotFound):
        Separator.find(line.id, page=page)


def test_separators_are_found_on_all_pages(account: Connection) -> None:
    names = [line.name for line in Separator.all()]
    assert names[:2] == ["On the way", "Evenings so far"]
    assert account.stats.requests == 3
    found = Separator.find_by(name="To Tomás")
    assert found is not None
    assert found.page.title == "Unsent letters"
    assert account.stats.requests == 3


def test_a_separator_is_read_again(account: Connection) -> None:
    line = Separator.find_by(name="To Tomás")
    assert line is not None
    line.name = "To nobody"
    assert line.reload().name == "To Tomás"


def test_a_separator_without_a_page_is_refused() -> None:
    with pytest.raises(
        ValidationError, match="Separator needs the Page that contains it: pass page="
    ):
        Separator(name="Evenings")  # type: ignore[call-arg]


def test_a_name_that_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"Separator.name cannot be .*U\+0007"):
        Separator.create(page=71, name="ring \x07")
