"""A client of the API without the mapper: it sends literal requests and reads their XML itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import requests


@dataclass
class Stored:
    """What is stored on a page, by id."""

    title: str = ""
    notes: dict[int, tuple[str, str]] = field(default_factory=dict)
    lists: dict[int, str] = field(default_factory=dict)
    items: dict[int, tuple[int, str, bool]] = field(default_factory=dict)
    """Ids of lists, contents, and whether they are completed."""
    separators: dict[int, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    links: set[int] = field(default_factory=set)

    def counted(self) -> Counter[tuple[object, ...]]:
        """Return what is stored without the ids, and how often."""
        return Counter(
            [
                *([("title", self.title)] if self.title else []),
                *(("note", *note) for note in self.notes.values()),
                *(("list", name) for name in self.lists.values()),
                *(("item", content, done) for _, content, done in self.items.values()),
                *(("separator", name) for name in self.separators.values()),
                *(("tag", name) for name in self.tags),
                *(("link", id) for id in self.links),
            ]
        )


class PlainClient:
    """Reads and edits an account."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def _post(self, path: str, body: str = "") -> ElementTree.Element:
        text = f"<request><token>{self._token}</token>{body}</request>"
        headers = {"Content-Type": "application/xml"}
        response = requests.post(
            f"{self._url}/ws/{path}", text.encode(), headers=headers, timeout=30
        )
        response.raise_for_status()
        return ElementTree.fromstring(response.content)

    def read(self) -> dict[int, Stored]:
        """Return all pages by id."""
        pages = self._post("account/export").iterfind("pages/page")
        return {int(page.attrib["id"]): _stored(page) for page in pages}

    def read_page(self, id: int) -> Stored:
        """Return what is on a page."""
        page = self._post(f"page/{id}").find("page")
        assert page is not None
        return _stored(page)

    def create_page(self, title: str) -> int:
        """Create a page, and return its id."""
        page = self._post("pages/new", f"<page><title>{escape(title)}</title></page>").find("page")
        assert page is not None
        return int(page.attrib["id"])

    def duplicate_page(self, id: int) -> int:
        """Copy a page, and return the id of the copy."""
        page = self._post(f"page/{id}/duplicate").find("page")
        assert page is not None
        return int(page.attrib["id"])

    def destroy_page(self, id: int) -> None:
        """Destroy a page."""
        self._post(f"page/{id}/destroy")

    def create_note(self, page: int, title: str, body: str) -> None:
        """Create a note."""
        self._post(f"page/{page}/notes/create", _note(title, body))

    def edit_note(self, page: int, id: int, title: str, body: str) -> None:
        """Replace the title and the body of a note."""
        self._post(f"page/{page}/notes/update/{id}", _note(title, body))

    def create_list(self, page: int, name: str) -> int:
        """Create a list, and return its id."""
        each = self._post(f"page/{page}/lists/add", f"<name>{escape(name)}</name>").find("list")
        assert each is not None
        return int(each.attrib["id"])

    def create_item(self, page: int, of: int, content: str, done: bool = False) -> None:
        """Create an item."""
        self._post(f"page/{page}/lists/{of}/items/add", _item(content, done))

    def edit_item(self, page: int, of: int, id: int, content: str) -> None:
        """Replace the content of an item."""
        self._post(f"page/{page}/lists/{of}/items/update/{id}", _item(content))

    def destroy(self, page: int, kind: str, id: int) -> None:
        """Destroy a note or a list."""
        self._post(f"page/{page}/{kind}/destroy/{id}")

    def tag(self, page: int, names: set[str]) -> None:
        """Replace the tags of a page."""
        self._post(f"page/{page}/tags/tag", f"<tags>{escape(' '.join(sorted(names)))}</tags>")


def _stored(page: ElementTree.Element) -> Stored:
    found = Stored(page.attrib["title"])
    for note in page.iterfind("notes/note"):
        found.notes[int(note.attrib["id"])] = note.attrib["title"], note.text or ""
    for each in page.iterfind("lists/list"):
        found.lists[int(each.attrib["id"])] = each.attrib["name"]
        for item in each.iterfind("items/item"):
            done = item.attrib["completed"] == "true"
            content = int(each.attrib["id"]), item.text or "", done
            found.items[int(item.attrib["id"])] = content
    for each in page.iterfind("separators/separator"):
        found.separators[int(each.attrib["id"])] = each.text or ""
    found.tags = {tag.attrib["name"] for tag in page.iterfind("tags/tag")}
    found.links = {int(each.attrib["id"]) for each in page.iterfind("linked_pages/page")}
    return found


def _note(title: str, body: str) -> str:
    return f"<note><title>{escape(title)}</title><body>{escape(body)}</body></note>"


def _item(content: str, done: bool | None = None) -> str:
    completed = "" if done is None else f' completed="{str(done).lower()}"'
    return f"<item{completed}><content>{escape(content)}</content></item>"
