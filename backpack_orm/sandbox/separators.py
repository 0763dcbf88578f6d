"""The endpoints of separators, in both dialects."""

from __future__ import annotations

from flask import Response

from .calls import Call, Endpoints, XmlResponse, no_content, ws, xml
from .models import Separator
from .page_xml import separator_line
from .positions import put_on_top, remove_widget
from .rendering import Xml, element, field

separators = Endpoints("separators", __name__)


@separators.write("POST", "/pages/PAGE/separators.xml")
def create(call: Call, page: int) -> XmlResponse:
    separator = _create(call, page)
    location = f"/pages/{page}/separators/{separator.id}.xml"
    return xml(_resource(separator, page), 201, newline=True, location=location)


@separators.ws("page/PAGE/separators/create")
def ws_create(call: Call, page: int) -> XmlResponse:
    return ws(separator_line(_create(call, page)))


@separators.write("PUT", "/pages/PAGE/separators/ID.xml")
def update(call: Call, page: int, id: int) -> XmlResponse:
    return xml(_resource(_update(call, page, id), page), newline=True)


@separators.ws("page/PAGE/separators/update/ID")
def ws_update(call: Call, page: int, id: int) -> XmlResponse:
    _update(call, page, id)
    return ws()


@separators.write("DELETE", "/pages/PAGE/separators/ID.xml")
def destroy(call: Call, page: int, id: int) -> Response:
    _destroy(call, page, id)
    return no_content()


@separators.ws("page/PAGE/separators/destroy/ID")
def ws_destroy(call: Call, page: int, id: int) -> XmlResponse:
    _destroy(call, page, id)
    return ws()


def _create(call: Call, page: int) -> Separator:
    name = call.parameters.group("separator").text("name") or ""
    return put_on_top(call.session, call.page(page), Separator, name, call.now)


def _update(call: Call, page: int, id: int) -> Separator:
    separator, fields = call.widget(Separator, page, id), call.parameters.group("separator")
    separator.name = call.updated("separator.name", fields.text("name"), separator.name, "")
    return separator


def _destroy(call: Call, page: int, id: int) -> None:
    remove_widget(call.session, call.widget(Separator, page, id))


def _resource(separator: Separator, page: int) -> Xml:
    return element(
        "separator",
        [
            field("id", separator.id),
            element("name", separator.name),
            field("page-id", page),
        ],
    )
