"""Tags: the pages with one, and the tags of a page."""

from __future__ import annotations

import re

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from .calls import Call, Endpoints, ws
from .models import Page, Tag
from .pages import page_line
from .rendering import element

tags = Endpoints("tags", __name__)

_TAG = re.compile(r'"([^"]*)"|([^\s"]+)')


@tags.ws("tags/select/ID")
def select_tag(call: Call, id: int) -> Response:
    tag = call.one_of(Tag, id)
    seen = call.pages(selectinload(Page.taggings))
    tagged = [page for page in seen if any(tagging.tag is tag for tagging in page.taggings)]
    return ws(element("pages", map(page_line, tagged)))


@tags.ws("page/PAGE/tags/tag")
def tag_page(call: Call, page: int) -> Response:
    tagged = call.page(page)
    names = _names(call.parameters.needed_text("tags"))
    tagged.tag([_tag(call, name) for name in names])
    return ws()


def _names(text: str) -> list[str]:
    """The tags in `Music "Long Scores" Jazz`, each once."""
    names = (quoted.strip() or plain for quoted, plain in _TAG.findall(text))
    return [name for name in dict.fromkeys(names) if name]


def _tag(call: Call, name: str) -> Tag:
    known = call.session.scalar(select(Tag).where(call.ours(Tag), Tag.name == name))
    return known or call.me.account.new(Tag, name=name)
