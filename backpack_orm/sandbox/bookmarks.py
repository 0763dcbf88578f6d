"""The endpoint of bookmarks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, case, func, or_, select

from .calls import Call, Endpoints, XmlResponse, xml
from .models import Bookmark, Page, Tag
from .rendering import Xml, each, element, field, stream
from .statements import CompiledStatement
from .visibility import visible

bookmarks = Endpoints("bookmarks", __name__)


_IS_TAG = Bookmark.tag_key.is_not(None)
_OF_USER = CompiledStatement(
    select(
        Bookmark.id,
        Bookmark.position,
        Bookmark.created_at,
        func.coalesce(Tag.id, Page.id).label("marked_id"),
        case((_IS_TAG, "Tag"), else_="Page").label("marked_type"),
    )
    .outerjoin(Tag, Tag.key == Bookmark.tag_key)
    .outerjoin(Page, Page.key == Bookmark.page_key)
    .where(Bookmark.user_key == bindparam("user_key"), or_(_IS_TAG, visible(Page)))
    .order_by(Bookmark.position)
)


@bookmarks.read("GET", "/users/USER/bookmarks.xml")
def mine(call: Call, user: int) -> XmlResponse:
    """Return the bookmarks of the user, without those of pages that are no longer visible."""
    listed = call.rows(_OF_USER, user_key=call.myself(user).key)

    def line(bookmark: Any) -> Xml:
        return _resource(bookmark, user)

    return xml(stream("bookmarks", each(listed, line), type="array"), newline=True)


def _resource(bookmark: Any, user: int) -> Xml:
    return element(
        "bookmark",
        [
            field("bookmarkable-id", bookmark.marked_id),
            element("bookmarkable-type", bookmark.marked_type, type="string"),
            field("created-at", bookmark.created_at),
            field("id", bookmark.id),
            field("position", bookmark.position),
            field("updated-at", bookmark.created_at),
            field("user-id", user),
        ],
    )
