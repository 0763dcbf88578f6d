"""Values to request bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias

from lxml import etree

WireValue: TypeAlias = "str | Sequence[str]"


def request(paths: Sequence[str], payload: Mapping[str, WireValue], token: str | None) -> bytes:
    """Return a body: `<request>` with the values at their paths, and the token if it is sent there.

    Args:
        paths: The path of each value: `note/title` is a child of a child, `item/@completed`
            an attribute, `remindees[]/user_id` a child of `<remindees type="array">`.
            Its value is named by its last part, with underscores, or by what follows a `=`. A path
            without a value is omitted.
        payload: The serialized values by name; several values for one path repeat its element.
        token: The token, or None if it is sent elsewhere.

    >>> request(["note/title", "note/body"], {"title": "R & D"}, token="secret")
    b'<request><token>secret</token><note><title>R &amp; D</title></note></request>'
    """
    root = etree.Element("request")
    if token is not None:
        etree.SubElement(root, "token").text = token
    _fill(root, paths, payload)
    return etree.tostring(root)


def resource(paths: Sequence[str], payload: Mapping[str, WireValue]) -> bytes:
    """Return a bare resource, which is the first part of all paths.

    >>> resource(["reminder/content"], {"content": "now Call home"})
    b'<reminder><content>now Call home</content></reminder>'
    """
    nursery = etree.Element("request")
    _fill(nursery, paths, payload)
    return etree.tostring(nursery[0])


@cache
def name_of(path: str) -> str:
    """Return the name of a path's value in the payload.

    >>> name_of("note/show-created-at"), name_of("item/@completed"), name_of("item-id=ids")
    ('show_created_at', 'completed', 'ids')
    """
    place, _, name = path.partition("=")
    return name or place.rpartition("/")[2].lstrip("@").replace("-", "_")


def _fill(root: etree._Element, paths: Sequence[str], payload: Mapping[str, WireValue]) -> None:
    for path in paths:
        value = payload.get(name_of(path))
        if value is None:
            continue
        *parents, last = path.partition("=")[0].split("/")
        parent = _descend(root, parents)
        if last.startswith("@"):
            parent.set(last[1:], str(value))
            continue
        for text in [value] if isinstance(value, str) else value:
            etree.SubElement(parent, last).text = text


def _descend(element: etree._Element, parents: Sequence[str]) -> etree._Element:
    for part in parents:
        name = part.removesuffix("[]")
        child = element.find(name)
        if child is None:
            child = etree.SubElement(element, name)
            if name != part:
                child.set("type", "array")
        element = child
    return element
