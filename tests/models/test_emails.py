"""Emails, replayed and live."""

from __future__ import annotations

import pytest

from backpack_orm import Connection, Email, NotFound, Page, ReadOnly, ValidationError


def test_a_page_that_includes_its_emails_needs_no_more(account: Connection) -> None:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    by_subject = {mail.subject: mail for mail in page.emails}
    assert set(by_subject) == {"Your reservation", "Re: Your reservation"}
    assert by_subject["Your reservation"].body.startswith("Dear Nora,\n")
    assert account.stats.requests == 2


def test_a_page_without_emails_makes_no_request_for_them(account: Connection) -> None:
    page = Page.find_by(title="Book club")
    assert page is not None
    assert page.belongings
    assert list(page.emails) == []
    assert account.stats.requests == 2


def test_the_mails_of_a_page_are_listed(account: Connection) -> None:
    page = Page.find_by(title="Parcels")
    assert page is not None
    mails = Email.all(page=page)
    assert account.stats.requests == 2
    assert set(mails) == set(page.emails)
    assert all(mail.page is page for mail in mails)


def test_a_mail_is_found_by_one_request(account: Connection) -> None:
    page = Page.find_by(title="Parcels")
    assert page is not None
    wanted = Email.all(page=page)[0]
    before = account.stats.requests
    found = Email.find(wanted.id, page=page)
    assert account.stats.requests == before + 1
    assert found == wanted
    assert found.to_dict() == wanted.to_dict()
    with pytest.raises(NotFound):
        Email.find(7, page=page)


def test_mails_are_found_on_all_pages(account: Connection) -> None:
    mails = Email.all()
    assert account.stats.requests == 3 + 1  # the belongings of one page name nothing
    assert {mail.page.title for mail in mails} == {"Lisbon", "Parcels"}
    assert Email.find(mails[0].id) == mails[0]
    with pytest.raises(NotFound, match="no Email 7 on any page"):
        Email.find(7)


def test_a_destroyed_mail_is_gone(account: Connection) -> None:
    page = Page.find_by(title="Parcels")
    assert page is not None
    mail = page.emails[0]
    mail.destroy()
    assert mail not in list(page.emails)
    assert mail not in list(Email.all(page=page))
    assert mail.id not in {belonging.widget_id for belonging in page.belongings}


def test_a_mail_is_read_again(account: Connection) -> None:
    mail = Email.all(page=Page.find_by(title="Parcels"))[0]
    assert mail.reload().body == mail.body


def test_a_mail_cannot_be_changed() -> None:
    with pytest.raises(ReadOnly, match="Email: the API has no call that creates one"):
        Email(page=71, subject="Hello")  # type: ignore[call-arg]
    assert not hasattr(Email, "save")
    assert not hasattr(Email, "create")


def test_what_is_no_id_is_refused_before_any_request() -> None:
    with pytest.raises(ValidationError, match=r"Email.find takes the id .*not 'abc'"):
        Email.find("abc", page=71)  # type: ignore[arg-type]
