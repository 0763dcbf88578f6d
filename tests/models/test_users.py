"""Users and what is theirs: bookmarks, statuses, exports; replayed and live."""

from __future__ import annotations

import pytest

from backpack_orm import (
    Bookmark,
    Connection,
    Forbidden,
    NotFound,
    Page,
    Reminder,
    SaveResult,
    Status,
    Tag,
    User,
    ValidationError,
)


def test_the_service_returns_all_of_me(account: Connection) -> None:
    me = User.me()
    assert me.name == "Nora Whitfield"
    assert me.admin is True
    assert me.time_zone_id == "Pacific Time (US & Canada)"
    assert me.mobile_phone_number is None
    assert me.created_at is not None
    assert me.created_at.utcoffset() is not None
    assert account.stats.requests == 1


def test_of_others_it_returns_the_name(account: Connection) -> None:
    people = User.all()
    assert [user.name for user in people] == ["Nora Whitfield", "Tomás Leite", "Yuki 由紀"]
    assert people[1].email_address is None
    assert people[1].admin is None
    assert account.stats.requests == 2
    assert people[0].email_address == "nora@acme.example"
    assert account.stats.requests == 2
    assert people[0] == User.me() == User.find(people[0].id)


def test_a_user_met_elsewhere_is_loaded_when_touched(account: Connection) -> None:
    remindee = Reminder.all()[-1].remindees[1]
    assert remindee.name == "Tomás Leite"
    assert account.stats.requests == 1
    assert remindee.reload().name == "Tomás Leite"
    assert User.me().reload().admin is True


def test_my_start_page_is_a_page(account: Connection) -> None:
    start = User.me().start_page
    assert start is not None
    assert account.stats.requests == 1
    assert start.title == "Lisbon"
    assert account.stats.requests == 2


def test_my_bookmarks_lead_to_pages_and_tags(account: Connection) -> None:
    me = User.me()
    assert [each.position for each in me.bookmarks] == [1, 2, 3, 4, 5]
    page, tag = me.bookmarks[0].bookmarkable, me.bookmarks[1].bookmarkable
    assert isinstance(page, Page)
    assert isinstance(tag, Tag)
    assert account.stats.requests == 2
    assert page.title == "Lisbon"
    assert tag.name in [each.name for each in tag.page.tags]
    assert Bookmark.find(me.bookmarks[2].id, user=me) == me.bookmarks[2]
    assert len(Bookmark.where(bookmarkable_type="Tag")) == 2
    assert me.bookmarks[0].reload().position == 1


def test_the_bookmarks_of_others_are_theirs(account: Connection) -> None:
    with pytest.raises(Forbidden):
        Bookmark.all(user=User.all()[1])


def test_everybodys_statuses_are_listed(account: Connection) -> None:
    statuses = Status.all()
    assert [(each.user.name, each.user_id) for each in statuses] == [
        (user.name, user.id) for user in User.all()
    ]
    assert account.stats.requests == 2
    assert statuses[0] == Status.find_by(message="Packing & unpacking")


def test_the_status_of_a_user_is_found(account: Connection) -> None:
    someone = User.all()[1]
    status = someone.status
    assert status is not None
    assert status.message == "No train before noon 🚂"
    assert status.user is someone
    assert status == Status.find(someone.id)


def test_my_status_is_changed(account: Connection) -> None:
    status = Status.find()
    assert status is not None
    before = status.updated_at
    status.message = "Gone & away"
    assert status.save() == SaveResult(updated=True, fields=("message",))
    assert status.updated_at >= before
    assert Status.find().message == "Gone & away"  # type: ignore[union-attr]  # it is there


def test_my_status_is_set_again(account: Connection) -> None:
    me = User.me()
    status = Status.create(user=me, message="Back")
    assert account.stats.requests == 2
    assert not status.is_new
    assert not status.is_dirty
    assert status == me.status
    assert status.id > 0


def test_the_status_of_another_user_cannot_be_set(account: Connection) -> None:
    with pytest.raises(Forbidden):
        Status.create(user=User.all()[1], message="Hm")


def test_an_export_is_complete(account: Connection) -> None:
    export = User.me().export()
    assert account.stats.requests == 2
    assert export.username == "Nora Whitfield"
    assert [page.title for page in export.pages] == [page.title for page in Page.all()]
    for page in export.pages:
        found = page.to_dict()
        assert "notes" in found
        for records in (page.notes, page.lists, page.emails):
            assert all(each.page is page for each in records)
        assert list(page.items) == [item for each in page.lists[:1] for item in each.items]
        assert page.scope in (None, "personal", "friends")
    assert account.stats.requests == 3 + 1  # one page may have emails: no belongings deny it
    assert len(export.reminders) > len(Reminder.all())


def test_an_exported_page_is_the_page_itself(account: Connection) -> None:
    page = User.me().export().pages[0]
    assert page == Page.all()[0]
    page.title += "!"
    page.save()
    assert Page.all()[0].title == "Lisbon!"


def test_the_export_of_another_user_is_forbidden(account: Connection) -> None:
    with pytest.raises(Forbidden):
        User.all()[1].export()


def test_a_user_who_is_not_there_is_not_found(account: Connection) -> None:
    with pytest.raises(NotFound):
        User.find(7)
    assert Status.find(7) is None


def test_what_is_no_user_is_refused_before_any_request() -> None:
    with pytest.raises(ValidationError, match="Status: user takes the id .*not 'me'"):
        Status.find("me")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="Bookmark: user takes the id .*not 0"):
        Bookmark.all(user=0)
