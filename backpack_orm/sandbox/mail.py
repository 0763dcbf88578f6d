"""Mail that arrives on a page, as if somebody had written to the page's address."""

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
    """Put a mail on a page of an account; raises ValueError when it cannot be."""
    for text in (subject, body):
        check_text(text)
    wanted = select(Page).where(Page.account_key == account.key, Page.id == page_id)
    page = session.scalar(wanted)
    if page is None:
        raise ValueError(f"there is no page {page_id} in the account {account.name!r}")
    mail = put_on_top(session, page, Email, subject, now, body=body)
    session.flush()
    return mail
