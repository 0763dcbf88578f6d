"""Separators, in both dialects."""

from __future__ import annotations

from flask import Response

from .calls import Call, Endpoints, no_content, ws, xml
from .models import Separator
from .pages import separator_line
from .rendering import Xml, element, field

separators = Endpoints("separators", __name__)


@separators.on("POST", "/pages/PAGE/separators.xml")
def create(call: Call, page: int) -> Response:
    separator = _create(call, page)
    location = f"/pages/{page}/separators/{separator.id}.xml"
    return xml(_resource(separator), 201, newline=True, location=location)


@separators.ws("page/PAGE/separators/create")
def ws_create(call: Call, page: int) -> Response:
    return ws(separator_line(_create(call, page)))


@separators.on("PUT", "/pages/PAGE/separators/ID.xml")
def update(call: Call, page: int, id: int) -> Response:
    return xml(_resource(_update(call, page, id)), newline=True)


@separators.ws("page/PAGE/separators/update/ID")
def ws_update(call: Call, page: int, id: int) -> Response:
    _update(call, page, id)
    return ws()


@separators.on("DELETE", "/pages/PAGE/separators/ID.xml")
def destroy(call: Call, page: int, id: int) -> Response:
    _destroy(call, page, id)
    return no_content()


@separators.ws("page/PAGE/separators/destroy/ID")
def ws_destroy(call: Call, page: int, id: int) -> Response:
    _destroy(call, page, id)
    return ws()


def _create(call: Call, page: int) -> Separator:
    name = call.parameters.group("separator").text("name") or ""
    return call.page(page).add(Separator, name, call.now)


def _update(call: Call, page: int, id: int) -> Separator:
    separator, fields = call.widget(Separator, page, id), call.parameters.group("separator")
    separator.name = call.updated("separator.name", fields.text("name"), separator.name, "")
    return separator


def _destroy(call: Call, page: int, id: int) -> None:
    separator = call.widget(Separator, page, id)
    separator.page.widgets.remove(separator)


def _resource(separator: Separator) -> Xml:
    return element(
        "separator",
        [
            field("id", separator.id),
            element("name", separator.name),
            field("page-id", separator.page.id),
        ],
    )
