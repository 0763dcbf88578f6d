"""Bookmarks: the pages and tags that somebody keeps at hand."""

from __future__ import annotations

from flask import Response
from sqlalchemy import select

from .calls import Call, Endpoints, xml
from .models import Bookmark
from .rendering import Xml, element, field

bookmarks = Endpoints("bookmarks", __name__)


@bookmarks.on("GET", "/users/USER/bookmarks.xml")
def mine(call: Call, user: int) -> Response:
    """My own bookmarks, without those of pages that I see no longer."""
    kept = select(Bookmark).where(Bookmark.user_key == call.myself(user).key)
    pages = call.pages()
    listed = [
        _resource(bookmark)
        for bookmark in call.session.scalars(kept.order_by(Bookmark.position))
        if bookmark.tag or bookmark.page in pages
    ]
    return xml(element("bookmarks", listed, type="array"), newline=True)


def _resource(bookmark: Bookmark) -> Xml:
    marked = bookmark.tag or bookmark.page
    assert marked is not None  # it goes away with what it marks
    return element(
        "bookmark",
        [
            field("bookmarkable-id", marked.id),
            element("bookmarkable-type", type(marked).__name__, type="string"),
            field("created-at", bookmark.created_at),
            field("id", bookmark.id),
            field("position", bookmark.position),
            field("updated-at", bookmark.created_at),
            field("user-id", bookmark.user.id),
        ],
    )
