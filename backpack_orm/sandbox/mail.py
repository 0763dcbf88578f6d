"""Delivers e-mails to pages, as if they had been sent to the address of the page."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import Account, Email, Page
from .positions import put_on_top
from .reading import check_text


def deliver(
    session: Session, account: Account, page_id: int, subject: str, body: str, now: datetime
) -> Email:
    """Add an e-mail to a page; raise ValueError for an unknown page or an invalid text."""
    for text in (subject, body):
        check_text(text)
    wanted = select(Page).where(Page.account_key == account.key, Page.id == page_id)
    page = session.scalar(wanted)
    if page is None:
        raise ValueError(f"the account {account.name!r} has no page {page_id}")
    mail = put_on_top(session, page, Email, subject, now, body=body)
    session.flush()
    return mail
