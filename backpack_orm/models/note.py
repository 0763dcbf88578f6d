"""Notes: titled texts on a page."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from backpack_orm import text
from backpack_orm.models.movable import Movable
from backpack_orm.models.page import Page
from backpack_orm.models.page_addresses import linked_id, web_site
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.declarations import Embeds, ParentId, belongs_to, field
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire.endpoint import ws

if TYPE_CHECKING:
    from backpack_orm.models.message import Message
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Note(Movable, Savable, Destroyable):
    """A titled text on a page.

    Attributes:
        id: Number of the record.
        title: Title, which may be empty.
        body: Text, in Textile and some HTML, exactly as stored.
        created_at: Time of creation, in the account's zone.
        show_created_at: Set it to True or False and save, to show that time on the page or not.
            Responses never include it, so it is None otherwise.
        messages: Comments on it. Only exports include them; else empty.
        page: The page that contains it.
        page_id: Id of that page.

    >>> page = Page.find_by(title="Lisbon")
    >>> note = Note.create(page=page, title="Hotel", body="Rua da *Rosa* 7")
    >>> note.body += ", third floor"
    >>> note.save().fields
    ('body',)
    >>> note.destroy()["body"]
    'Rua da *Rosa* 7, third floor'
    """

    _element = "note"
    _container = "notes"
    _copied_into = ("Page", "notes")
    _times_have_zone = False

    id: int = field(read_only=True)
    title: str = field(default="")
    body: str = field(default="", text=True)
    created_at: datetime = field(read_only=True)
    show_created_at: bool | None = field(default=None, write_only=True)

    messages = Embeds["Message"]("message")

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    if TYPE_CHECKING:

        def _created_with(
            self, title: str = "", *, body: str = "", show_created_at: bool | None = None
        ) -> None: ...

        def update(
            self, *, title: str = ..., body: str = ..., show_created_at: bool | None = ...
        ) -> SaveResult: ...

    @property
    def html(self) -> str:
        """Return the body as HTML that is safe in any page; see `text.to_html`.

        Makes no request if the body is loaded. The ids of footnotes start with the note's id.

        Raises:
            ImportError: The extra `text` is not installed.

        >>> Note(page=Page(title="Lisbon"), body="Rua da *Rosa* 7").html
        '<p>Rua da <strong>Rosa</strong> 7</p>'
        """
        return text.to_html(self.body, id_prefix="note-" if self.is_new else f"note-{self.id}-")

    @property
    def markdown(self) -> str:
        """Return the body as Markdown; see `text.to_markdown`. Makes no request if it is loaded.

        Raises:
            ImportError: The extra `text` is not installed.

        >>> Note(page=Page(title="Lisbon"), body="Rua da *Rosa* 7").markdown
        'Rua da **Rosa** 7'
        """
        return text.to_markdown(self.body)

    @property
    def plain(self) -> str:
        """Return the body as plain text; see `text.to_plain`. Makes no request if it is loaded.

        Raises:
            ImportError: The extra `text` is not installed.

        >>> Note(page=Page(title="Lisbon"), body="Rua da *Rosa* 7").plain
        'Rua da Rosa 7'
        """
        return text.to_plain(self.body)

    @property
    def links(self) -> Collection[Page]:
        """Return the pages that the body links to, each once, in order.

        Makes no request if the body is loaded; reading an attribute of a page but its `id` and
        `url` loads the page with one request. Links are those of Textile and HTML, absolute and
        relative: `"Porto":/pages/72`, `"Porto":72`. Links to other accounts are left out. For a
        note from a file or an archive, so are absolute links; pages of a file have only an id.

        Raises:
            ImportError: The extra `text` is not installed.

        >>> lisbon = Page.find_by(title="Lisbon")
        >>> note = Note(page=lisbon, body=f'From "here":{lisbon.url} to "there":https://example.com')
        >>> [page.title for page in note.links]
        ['Lisbon']
        """
        connection = self.connection
        account = web_site(connection)
        found = (linked_id(link, account) for link in text.find_links(self.body))
        ids = dict.fromkeys(id for id in found if id is not None)
        return Collection(Page, [Page._stub(id, connection) for id in ids])

    def copy_to(self, page: Page | int, *, adopt: bool = False) -> CopyResult[Note]:
        """Copy the note to a page. Its title and body stay the same, byte for byte.

        Reads the note and the target first. Makes three requests. A copy whose response was lost is
        looked up, and not made again.

        Args:
            page: The target, or its id. It may be the same page, or belong to another account.
            adopt: Use an equal note that exists there already instead. It continues after the
                process was killed.

        Returns:
            A result with the new note, and what could not be taken along.

        Raises:
            ValidationError: The note has changes that are not saved, or the target is neither
                a page nor an id.
            NotFound: The note no longer exists.
            BackpackError: A request failed; see `BackpackError.resume`.

        >>> note = Page.find_by(title="Lisbon").notes[0]
        >>> note.copy_to(Page.find_by(title="The garden")).record.title
        'Where we sleep'
        """
        return self._copy_all([self], page, adopt=adopt)

    def move_to(self, page: Page | int, *, adopt: bool = False) -> CopyResult[Note]:
        """Move the note to another page of the account.

        The API has no call for it: a copy is created, it and then the note are read to prove that
        they are equal, and then the note is destroyed. So the moved note is a new record, with
        another id.

        Makes six requests. If it is stopped, moving the note again completes it. See `copy_to` for
        arguments and errors.

        Raises:
            ValidationError: The note is on this page already, or belongs to another account.
            StaleRecord: Somebody has changed or destroyed the copy or the note. The note was not
                destroyed.

        >>> note, garden = Page.find_by(title="Lisbon").notes[0], Page.find_by(title="The garden")
        >>> moved = note.move_to(garden).record
        >>> note.is_destroyed, moved in garden.notes
        (True, True)
        """
        return self._move_all([self], page, adopt=adopt)

    _all = ws("page/{page_id}/notes/list", reads="page:{page_id}")
    _create = ws(
        "page/{page_id}/notes/create",
        sends="note/title note/body note/show-created-at",
        writes="page:{page_id} search",
    )
    _update_row = ws(
        "page/{page_id}/notes/update/{id}",
        sends="note/title note/body note/show-created-at",
        writes="page:{page_id} search",
        idempotent=True,
    )
    _destroy = ws(
        "page/{page_id}/notes/destroy/{id}", writes="page:{page_id} search", idempotent=True
    )
    _updates = (_update_row,)
