"""The pages of a snapshot, found in the stored responses without parsing all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from threading import Lock
from typing import Any

from attrs import frozen
from lxml import etree

from backpack_orm.archive.contents import Contents, Index
from backpack_orm.archive.slices import Slice, Sliced
from backpack_orm.wire.documents import document

EXPORT = "export"
SHOWN, EXPORTED = "page-", "export-page-"
"""Prefixes of the names of single pages: as shown, and cut from an earlier export."""
_BEGIN, _END = b'<response success="true">', b"</response>"


def sliced_responses(contents: Contents, index: Index) -> Iterator[tuple[str, Sliced]]:
    """Yield the responses that contain pages by their names, those of single pages first.

    Args:
        contents: All responses.
        index: Where the pages are, for responses of which that is known.
    """
    single = [name for name in contents.responses if name.startswith(EXPORTED)]
    for name in [*single, EXPORT]:
        if name in contents:
            yield name, Sliced(contents.read(name), "page", slices=index.get(name))


def wrapped(content: bytes) -> bytes:
    """Return an element as the service returns it."""
    return b"".join((_BEGIN, content, _END))


@frozen(eq=False)
class StoredPage:
    """A page of a snapshot.

    Attributes:
        content: A response with the page.
        is_exported: Whether it comes from an export, which omits links, but has comments.
    """

    content: bytes
    is_exported: bool

    def section(self, name: str, list_id: int | None = None) -> bytes:
        """Return a response with a section of the page, or of one of its lists."""
        owner: etree._Element | None = _page_in(self.content)
        if list_id is not None:
            lists = _page_in(self.content).iterfind("lists/list")
            owner = next((each for each in lists if each.get("id") == str(list_id)), None)
        section = None if owner is None else owner.find(name)
        if section is None:
            return wrapped(f"<{name}/>".encode())
        return wrapped(etree.tostring(section, with_tail=False))

    @property
    def includes_emails(self) -> bool:
        """Whether it includes its emails if it has any."""
        page = _page_in(self.content)
        if page.find("emails") is not None:
            return True
        widgets = [each.get("type") for each in page.iterfind("belongings/belonging/widget")]
        return "Email" not in widgets if widgets else self.is_exported

    def first_list(self) -> int | None:
        """Return the lowest id of a list, whose items are those of the page; None without lists."""
        lists = _page_in(self.content).iterfind("lists/list")
        return min((int(each.get("id", "0")) for each in lists), default=None)


class StoredPages:
    """The pages in the responses of a snapshot, by id. Threads may share it.

    Args:
        contents: The responses.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._lock = Lock()

    def get(self, id: int) -> StoredPage | None:
        """Return a page, or None if the snapshot does not contain it."""
        shown = f"{SHOWN}{id}"
        if shown in self._contents:
            return StoredPage(self._contents.read(shown), is_exported=False)
        found = self._exported.get(id)
        if found is None:
            return None
        sliced, slice = found
        return StoredPage(wrapped(sliced.cut(slice)), is_exported=True)

    @property
    def ids(self) -> list[int]:
        """The ids of all pages, in the order of the export."""
        names = self._contents.responses
        shown = [int(name[len(SHOWN) :]) for name in names if name.startswith(SHOWN)]
        return list(dict.fromkeys([*self._exported, *shown]))

    def with_tag(self, id: int) -> list[bytes]:
        """Return the pages that have a tag, as elements with id and title."""
        found = []
        for page_id in self.ids:
            stored = self._exported.get(page_id)
            if stored is None or f"{SHOWN}{page_id}" in self._contents or id in stored[1].tags:
                page = self.get(page_id)
                assert page is not None
                root = _page_in(page.content)
                if any(tag.get("id") == str(id) for tag in root.iterfind("tags/tag")):
                    found.append(_listed({str(key): value for key, value in root.items()}))
        return found

    def listed(self) -> bytes:
        """Return a list of all pages, for archives that contain none."""
        slices = {id: slice for id, (_, slice) in self._exported.items()}
        pages = (_listed(slices[id].values) for id in self.ids if id in slices)
        return wrapped(b"<pages>%s</pages>" % b"".join(pages))

    @property
    def _exported(self) -> dict[int, tuple[Sliced, Slice]]:
        with self._lock:
            return self._found

    @cached_property
    def _found(self) -> dict[int, tuple[Sliced, Slice]]:
        found: dict[int, tuple[Sliced, Slice]] = {}
        for _, sliced in sliced_responses(self._contents, self._contents.index()):
            for each in sliced.slices:
                found.setdefault(each.id, (sliced, each))
        return found


def _page_in(content: bytes) -> etree._Element:
    root = document(content)
    return root if root.tag == "page" else next(root.iterchildren("page"))


def _listed(page: Mapping[str, Any]) -> bytes:
    """Return a page as a list contains it, from its attributes."""
    known = {name: page[name] for name in ("title", "id") if name in page}
    return etree.tostring(etree.Element("page", known))
