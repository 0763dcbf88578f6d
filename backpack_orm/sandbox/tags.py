"""The endpoints of tags."""

from __future__ import annotations

import re

from sqlalchemy import String, and_, bindparam, delete, insert, literal, select

from .bulk import execute, numbered
from .calls import Call, Endpoints, XmlResponse, ws
from .models import Page, Tag, Tagging, start_of
from .page_xml import page_line
from .rendering import stream
from .statements import CompiledStatement
from .visibility import visible

tags = Endpoints("tags", __name__)

_TAG = re.compile(r'"([^"]*)"|([^\s"]+)')


_TAGGED = CompiledStatement(
    select(Page.id, Page.title)
    .where(
        Page.key.in_(select(Tagging.page_key).where(Tagging.tag_key == bindparam("tag_key"))),
        visible(Page),
    )
    .order_by(Page.id)
)


@tags.ws_read("tags/select/ID")
def select_tag(call: Call, id: int) -> XmlResponse:
    listed = call.rows(_TAGGED, tag_key=call.one_of(Tag, id).key)
    return ws(stream("pages", map(page_line, listed)))


@tags.ws("page/PAGE/tags/tag")
def tag_page(call: Call, page: int) -> XmlResponse:
    """Replace all tags of a page; executes five statements besides finding the page."""
    tagged = call.page(page)
    names = _names(call.parameters.required_text("tags"))
    known = _keys_of_tags(call, names)
    _create_tags(call, [name for name in names if name not in known])
    keys = _keys_of_tags(call, names)
    order = numbered(call.session, [keys[name] for name in names])
    execute(call.session, delete(Tagging).where(Tagging.page_key == tagged.key))
    execute(
        call.session,
        insert(Tagging).from_select(
            ["page_key", "tag_key", "position"],
            select(literal(tagged.key), order.c.value, order.c.key),
        ),
    )
    return ws()


def _keys_of_tags(call: Call, names: list[str]) -> dict[str, int]:
    """Return the keys of existing tags; of several with the same name, the first."""
    wanted = numbered(call.session, names, String())
    name = wanted.c.value
    is_named = and_(call.ours(Tag), start_of(Tag.name) == start_of(name), Tag.name == name)
    # An outer join keeps SQLite from reading all tags of the account to compare them.
    tags = call.session.execute(
        select(Tag.name, Tag.key)
        .select_from(wanted)
        .outerjoin(Tag, is_named)
        .order_by(Tag.key.desc())
    )
    return {tag.name: tag.key for tag in tags if tag.key is not None}


def _create_tags(call: Call, names: list[str]) -> None:
    account, new = call.me.account, numbered(call.session, names, String())
    rows = select(literal(account.key), account.last_id + 1 + new.c.key, new.c.value)
    execute(call.session, insert(Tag).from_select(["account_key", "id", "name"], rows))
    account.last_id += len(names)


def _names(text: str) -> list[str]:
    """Return the tags in a text such as `Music "Long Scores" Jazz`, each once."""
    names = (quoted.strip() or plain for quoted, plain in _TAG.findall(text))
    return [name for name in dict.fromkeys(names) if name]
