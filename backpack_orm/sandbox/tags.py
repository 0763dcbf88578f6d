"""Tags: the pages with one, and the tags of a page."""

from __future__ import annotations

import re

from sqlalchemy import Subquery, delete, func, insert, literal, select

from .bulk import execute, numbered
from .calls import Call, Endpoints, XmlResponse, ws
from .models import Page, Tag, Tagging
from .page_xml import page_line
from .rendering import stream

tags = Endpoints("tags", __name__)

_TAG = re.compile(r'"([^"]*)"|([^\s"]+)')


@tags.ws_read("tags/select/ID")
def select_tag(call: Call, id: int) -> XmlResponse:
    tagged = select(Tagging.page_key).where(Tagging.tag_key == call.one_of(Tag, id).key)
    pages = select(Page.id, Page.title).where(call.visible, Page.key.in_(tagged))
    listed = call.session.execute(pages.order_by(Page.id)).all()
    return ws(stream("pages", map(page_line, listed)))


@tags.ws("page/PAGE/tags/tag")
def tag_page(call: Call, page: int) -> XmlResponse:
    """Replace all tags of a page; executes four statements besides finding the page."""
    tagged = call.page(page)
    names = numbered(_names(call.parameters.needed_text("tags")))
    known = _known_tags(call)
    account = call.me.account
    id_of_new = account.last_id + func.row_number().over(order_by=names.c.key)
    account.last_id += execute(
        call.session,
        insert(Tag).from_select(
            ["account_key", "id", "name"],
            select(literal(account.key), id_of_new, names.c.value).where(
                names.c.value.not_in(select(known.c.name))
            ),
        ),
    )
    execute(call.session, delete(Tagging).where(Tagging.page_key == tagged.key))
    execute(
        call.session,
        insert(Tagging).from_select(
            ["page_key", "tag_key", "position"],
            select(literal(tagged.key), known.c.key, names.c.key).join(
                known, known.c.name == names.c.value
            ),
        ),
    )
    return ws()


def _known_tags(call: Call) -> Subquery:
    """Return the tags of the account; the first of several that have one name."""
    return (
        select(Tag.name, func.min(Tag.key).label("key"))
        .where(call.ours(Tag))
        .group_by(Tag.name)
        .subquery()
    )


def _names(text: str) -> list[str]:
    """The tags in `Music "Long Scores" Jazz`, each once."""
    names = (quoted.strip() or plain for quoted, plain in _TAG.findall(text))
    return [name for name in dict.fromkeys(names) if name]
