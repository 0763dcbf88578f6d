"""Tags, replayed and live."""

from __future__ import annotations

import pytest

from backpack_orm import Connection, NotFound, Page, SaveResult, ServerError, Tag, connect
from backpack_orm.sandbox import Sandbox


def lisbon() -> Page:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    return page


def names(tags: object) -> list[str]:
    return [tag.name for tag in tags]  # type: ignore[attr-defined]


def test_all_tags_are_the_union_over_pages(account: Connection) -> None:
    tags = Tag.all()
    assert account.stats.requests == 3
    assert len(set(names(tags))) == len(tags)
    assert {"Travel", "Portugal"} <= set(names(tags))


def test_a_tag_is_found_by_id_and_by_name(account: Connection) -> None:
    tag = lisbon().tags[1]
    assert Tag.find(tag.id) == tag
    assert Tag.find_by(name="Long weekends") == tag
    assert names(Tag.where(name="Portugal")) == ["Portugal"]
    with pytest.raises(NotFound, match="no Tag 7 on any page"):
        Tag.find(7)


def test_a_tag_knows_its_pages(account: Connection) -> None:
    tag = lisbon().tags[0]
    pages = tag.pages
    assert account.stats.requests == 3
    assert "Lisbon" in [page.title for page in pages]
    assert lisbon() in list(pages)


def test_a_tag_is_put_beside_the_others(account: Connection) -> None:
    page = lisbon()
    tag = Tag.create(page=page, name="Sea side")
    assert not tag.is_new
    assert names(page.tags) == ["Travel", "Long weekends", "Portugal", "Sea side"]
    assert tag == page.tags[3]


def test_a_tag_that_is_there_is_not_put_again(account: Connection) -> None:
    page = lisbon()
    tag = Tag.create(page=page, name="Portugal")
    assert Page._tag.label not in account.stats.by_endpoint
    assert tag == page.tags[2]


def test_a_tag_is_renamed_on_every_page(account: Connection) -> None:
    tag = lisbon().tags[0]
    pages = [page.title for page in tag.pages]
    tag.name = "Going places"
    assert tag.save() == SaveResult(updated=True, fields=("name",))
    assert not tag.is_dirty
    assert [page.title for page in tag.pages] == pages
    assert names(lisbon().tags)[0] == "Going places"


def test_a_tag_renamed_to_another_becomes_that_one(account: Connection) -> None:
    tag = lisbon().tags[1]
    tag.name = "Portugal"
    tag.save()
    assert "Long weekends" not in names(lisbon().tags)
    assert names(lisbon().tags).count("Portugal") == 1


def test_a_destroyed_tag_is_on_no_page(account: Connection) -> None:
    tag = lisbon().tags[0]
    pages = list(tag.pages)
    tag.destroy()
    assert tag.is_destroyed
    for page in pages:
        assert "Travel" not in names(Page.find(page.id).tags)


@pytest.mark.parametrize("is_new", [True, False])
def test_a_tag_that_was_written_but_not_read_is_known_as_saved(is_new: bool, box: Sandbox) -> None:
    connect(box.url, token=box.token, max_wait=0)
    page = lisbon()
    tag = Tag(page=page, name="Sea") if is_new else page.tags[2]
    tag.name = "Sea"
    requests = 3 if is_new else 4
    box.faults.status(500, after=requests - 1, times=1)
    with pytest.raises(ServerError) as caught:
        tag.save()
    assert caught.value.saved == ("name",)
    caught.value.resume()
    assert tag in list(Page.find(page.id, fresh=True).tags)
