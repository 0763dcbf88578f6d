"""Pages, and what they contain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Never, Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.errors import NotConnected, ValidationError
from backpack_orm.models.belonging import SECTIONS, Belonging
from backpack_orm.models.match import Match
from backpack_orm.models.page_addresses import address_of, id_at, web_site
from backpack_orm.models.page_items import HasPageItems
from backpack_orm.models.page_tags import ExportedTags, Tags, change_tags, changing
from backpack_orm.models.whole_account import (
    Load,
    check_load,
    loaded,
    loaded_in_order,
    loaded_on_demand,
)
from backpack_orm.orm.declarations import Embeds, HasMany, assigns_many, field
from backpack_orm.orm.operations.locks import exclusive
from backpack_orm.orm.queries.collections import Collection, label_of
from backpack_orm.orm.queries.conditions import Conditions
from backpack_orm.orm.queries.searches import Search
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.fields import listed, serialize
from backpack_orm.orm.schema.projections import FIELDS, Projection
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire import values
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint, ws
from backpack_orm.wire.shapes import MISSING, Record

if TYPE_CHECKING:
    from backpack_orm.models.attachment import Attachment
    from backpack_orm.models.email import Email
    from backpack_orm.models.gallery import Gallery
    from backpack_orm.models.list import List
    from backpack_orm.models.note import Note
    from backpack_orm.models.page_tags import HasTags
    from backpack_orm.models.separator import Separator
    from backpack_orm.models.tag import Tag
    from backpack_orm.orm.copying.copy_result import CopyResult
    from backpack_orm.orm.operations.progress import Progress
    from backpack_orm.orm.records.related import Related


_LISTED = {"id", "title", "scope"}
_PAGE_LIMIT = "the plan may allow no more pages: destroy one, or change the plan"


def _with_term(page: Record, term: str) -> Record:
    """Return the record of a found page, with the term in its matches."""
    position = Page._table.positions["matches"]
    matches = tuple(Match._record_of(id, type=type, term=term) for id, type, _ in page[position])
    return type(page)((*page[:position], matches, *page[position + 1 :]))


def _linked_in(page: Record) -> Iterator[str]:
    """Return the cache tags of the pages that a page links to, since it includes their titles."""
    return (f"linked:{linked[0]}" for linked in page[Page._table.positions["linked_pages"]])


@resource
class Page(Savable, Destroyable):
    """A page with its notes, lists, tags and everything else on it.

    `Page.all()` returns pages with only `id`, `title` and `scope`. Reading any other attribute
    loads the whole page with a single request.

    Attributes:
        id: Number of the record.
        title: Title.
        email_address: Address for emails to this page.
        description: Text of the page itself, in Textile (legacy).
        scope: Owner of the page, such as `personal` or `friends`. Only the list of pages includes
            it.
        public: Set True and save to publish the page, False to hide it. Otherwise None, because
            responses never include this field.
        belongings: What is on the page, in order.
        tags: Tags. Assign a list of names and save.
        lists: Lists, by id.
        notes: Notes, by id.
        galleries: Galleries of pictures.
        attachments: Files.
        separators: Separators, as far as the service includes them.
        emails: Emails to the page. Loading them makes one more request, unless the belongings
            contain none.
        linked_pages: Pages that this page links to (legacy).
        items: Items of the first list on the page, and legacy items that are in no list.
        matches: Records that a search has found on the page; empty without a search.

    >>> page = Page.find_by(title="Lisbon")
    >>> [tag.name for tag in page.tags]
    ['Travel', 'Long weekends', 'Portugal']
    >>> page.title = "Lisbon in May"
    >>> page.save().fields
    ('title',)
    """

    _element = "page"
    _container = "pages"
    _included_elsewhere = ("matches",)
    _also_recreated = ("belongings", "linked_pages")
    _listed = Projection("id", "title", "scope", unsure=("title",))
    _named = _created = Projection("id", "title", unsure=("title",))
    _found = Projection("id", "title", "matches", unsure=("title",))
    _full = Projection(but=("scope",), unsure=("emails",))
    _exported = Projection(
        but=("matches",), unsure=(FIELDS,), sure=("description",), is_export=True
    )
    _exported_by_user = Projection(
        but=("matches",),
        unsure=(FIELDS, "emails", "linked_pages"),
        sure=("description",),
        is_export=True,
    )

    id: int = field(read_only=True)
    title: str = field()
    email_address: str = field(read_only=True)
    description: str = field(default="")
    scope: str | None = field(read_only=True)
    public: bool | None = field(default=None, write_only=True, value_type=values.DIGIT)

    belongings = Embeds["Belonging"]("belongings/belonging")
    tags: HasTags[Tag, str] = assigns_many(
        "tags/tag",
        "Tag",
        key="name",
        dump=values.dump_tags,
        collection=Tags,
        default=(),
    )
    lists = HasMany["List"]("lists/list")
    notes = HasMany["Note"]("notes/note")
    galleries = Embeds["Gallery"]("galleries/gallery")
    attachments = Embeds["Attachment"]("attachments/attachment")
    separators = HasMany["Separator"]("separators/separator")
    emails = Embeds["Email"]("emails/email", has_own_call=True)
    linked_pages = Embeds["Page"]("linked_pages/page", projection="_named")
    items = HasPageItems("items/item")
    matches = Embeds["Match"]("send")

    _all = ws("pages/all", reads="pages")
    _search = ws("pages/search", sends="term", reads="pages search")
    _show = ws("page/{id}", reads="page:{id}", reads_in=_linked_in)
    _create = ws(
        "pages/new", sends="page/title", writes="pages search", refusals={403: _PAGE_LIMIT}
    )
    _update_title = ws(
        "page/{id}/update_title",
        sends="page/title",
        writes="page:{id} linked:{id} pages search",
        idempotent=True,
    )
    _update_description = ws(
        "page/{id}/update_body",
        sends="page/description",
        writes="page:{id} search",
        idempotent=True,
    )
    _tag = ws("page/{id}/tags/tag", sends="tags", writes="page:{id} tags", idempotent=True)
    _share = ws("page/{id}/share", sends="email_addresses page/public", writes="page:{id} pages")
    _unshare = ws(
        "page/{id}/unshare_friend_page",
        writes="page:{id} linked:{id} pages users bookmarks",
        idempotent=True,
    )
    _reorder = ws(
        "page/{id}/reorder", sends="belongings", writes="page:{id} search", idempotent=True
    )
    _duplicate = ws("page/{id}/duplicate", writes="pages search tags", refusals={403: _PAGE_LIMIT})
    _email = ws("page/{id}/email")
    _link = ws("page/{id}/link", sends="linked_page_id", writes="page:{id}", idempotent=True)
    _unlink = ws("page/{id}/unlink", sends="linked_page_id", writes="page:{id}", idempotent=True)
    _destroy = ws(
        "page/{id}/destroy",
        writes="page:{id} linked:{id} pages search tags users bookmarks",
        idempotent=True,
    )
    _updates = (_update_title, _tag, _share, _update_description)

    if TYPE_CHECKING:

        @classmethod
        def find(
            cls,
            id: Self | int | str = ...,
            *,
            using: Connection | None = None,
            fresh: bool = False,
            **unknown: Never,
        ) -> Self: ...

        def update(
            self,
            *,
            title: str = ...,
            description: str = ...,
            public: bool | None = ...,
            tags: Iterable[Tag | str] = ...,
        ) -> SaveResult: ...

    @property
    def url(self) -> str:
        """Return the address of the page on the web site. Makes no request.

        Raises:
            NotSaved: The page is new.
            NotConnected: The page is from a file or an archive.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.url == f"{page.connection.url}/pages/{page.id}"
        True
        >>> Page.find(page.url) == page
        True
        """
        account = web_site(self.connection)
        if account is None:
            raise NotConnected(f"{self!r} is from {self.connection.url}, which has no web site")
        return address_of(self._saved_id, account)

    @classmethod
    def _id_at(cls, address: str, using: Connection | None) -> int:
        connection = connection_for(using)
        account = web_site(connection)
        if account is None:
            raise NotConnected(f"{connection.url} has no web site: find the page by its id")
        return id_at(address, account)

    @classmethod
    def all(
        cls,
        *,
        load: Load = False,
        using: Connection | None = None,
        fresh: bool = False,
        progress: bool | Progress = False,
    ) -> Collection[Self]:
        """Return all pages. Makes one request, and with `load=True` two more to load their contents
        too: for the user and for the user's export.

        With fewer than ten pages, or if the export cannot be read, `load=True` makes one request
        for each page instead, several at once. So do pages that the export omits.

        Args:
            load: Whether to load the contents of the pages too. `"export"` reads the export
                whatever the number of pages, and raises if that fails. `"pages"` reads page by
                page: an export may escape texts twice, see the documentation of whole accounts.
            using: Connection to use instead of the current one.
            fresh: Bypass the cache.
            progress: True to show it on standard error, or a function, called after each page.

        Raises:
            NotConnected: There is no connection.
            BackpackError: A call failed. The message names the page. No further page is loaded.

        >>> pages = Page.all(load=True)
        >>> sum(len(page.notes) for page in pages)
        16
        """
        check_load("Page.all", load, may_be_false=True)
        pages = super().all(using=using, fresh=fresh)
        if not load:
            return pages
        found = loaded(pages, "notes", load=load, fresh=fresh, progress=progress)
        return Collection(cls, list(found))

    @classmethod
    def _found_by(
        cls, conditions: Conditions, *, using: Connection, fresh: bool, **scope: Any
    ) -> Collection[Self]:
        is_listed = conditions.attributes <= _LISTED
        if is_listed and not conditions.functions:
            return super()._found_by(conditions, using=using, fresh=fresh)
        if is_listed:  # the functions load what else they read

            def pages() -> Iterator[Self]:
                return loaded_on_demand(cls.all(using=using, fresh=fresh), fresh=fresh)

            return Search(cls, conditions, in_order=pages, at_once=pages)
        load: Load = True
        if "linked_pages" in conditions.attributes:
            load = "pages"  # which an export omits
        return Search(
            cls,
            conditions,
            in_order=partial(cls._in_order, "notes", load=load, using=using, fresh=fresh),
            at_once=partial(cls.all, load=load, using=using, fresh=fresh),
        )

    @classmethod
    def _in_order(
        cls, name: str, *, load: Load = True, using: Connection, fresh: bool, ahead: int = 0
    ) -> Iterator[Self]:
        """Yield all pages, each with a relation loaded, for a caller who may not need all."""
        pages = cls.all(using=using, fresh=fresh)
        return loaded_in_order(pages, name, load=load, fresh=fresh, ahead=ahead)

    @classmethod
    def create_many(
        cls,
        rows: Iterable[str | Mapping[str, Any] | Page],
        *,
        using: Connection | None = None,
        progress: bool | Progress = False,
    ) -> Collection[Self]:
        """Create pages, in the order of the rows.

        Checks all rows before it sends anything. Makes one request for the list of pages, and those
        of `create` for each row, one after the other.

        An error, or Ctrl-C, has the pages that exist in `error.created`. `error.resume()` does the
        rest, and returns all. A page is never created twice: if a response was lost, the pages are
        listed again, and the only one with this title that was not there before is used.

        Args:
            rows: Titles, dictionaries with the arguments of `create`, or unsaved pages, which
                become the new ones.
            using: Connection to use instead of the current one.
            progress: True to show it on standard error, or a function that takes what is done, the
                number of finished rows, and the total.

        Raises:
            TypeError: An attribute is misspelled. Nothing was sent.
            ValidationError: A value cannot be sent. The message names the row. Nothing was sent.
            BackpackError: A request failed.
            OutcomeUnknown: A response was lost, and the page is not there, or several are.

        >>> pages = Page.create_many(["Porto", {"title": "Evora", "tags": ["Travel"]}])
        >>> [(page.title, len(page.tags)) for page in pages]
        [('Porto', 0), ('Evora', 1)]
        """
        from backpack_orm.models.new_pages import NewPages  # which most programs never use
        from backpack_orm.orm.copying.create_many import CreateMany

        connection, what = connection_for(using), f"{cls.__name__}.create_many"
        connection.ensure_writable(f"{what}()")
        return CreateMany(what, NewPages(cls, connection), connection, rows, progress).run()

    @classmethod
    def search(
        cls, term: str, *, using: Connection | None = None, fresh: bool = False
    ) -> Collection[Self]:
        """Return the pages that contain a term. Makes one request.

        The `matches` of each page name the records in which the term was found, and show an
        excerpt of each.

        Raises:
            ValidationError: The term is blank or cannot be sent.

        >>> [page.title for page in Page.search("tram")]
        ['Lisbon']
        """
        text = serialize("Page.search", values.dump_text, term)
        if not text.strip():
            raise ValidationError("Page.search needs a term that is not blank")
        connection, projection = connection_for(using), cls._found
        records = connection.call(
            cls._search, payload={"term": text}, read=projection.read_many, fresh=fresh
        )
        found = tuple(_with_term(record, text) for record in records)
        return Collection(cls, projection.load[cls](found, connection))

    def reorder(self, order: Iterable[Belonging | Model | int | str]) -> None:
        """Change the order of the records on the page.

        Makes one request, and one more if the page is not loaded.

        Args:
            order: All records on the page. Name each by its belonging, by the id of its belonging,
                by the note, list or other record itself, or by its title: that of a note, or the
                name of a list or separator.

        Raises:
            ValidationError: A record is not on this page, is named twice or is left out. Or several
                have the same title.
            Destroyed: A record was destroyed.

        >>> page = Page.create(title="Order")
        >>> first, second = page.notes.create(title="1"), page.notes.create(title="2")
        >>> page.reorder([first, "2"])
        >>> [belonging.widget.title for belonging in page.belongings]
        ['1', '2']
        """
        self._check_exists()
        self._ensure_writable("reorder")
        order = listed("Page.reorder", order)
        for entry in order:
            self._check_same_account("Page.reorder", entry)
            if isinstance(entry, Model):
                entry._check_exists()
        wanted = [self._belonging_id(entry) for entry in order]
        check_order("Page.reorder", wanted, {found.id for found in self.belongings})
        if not wanted:
            return  # the service refuses an empty order
        self._change(self._reorder, {"belongings": " ".join(map(str, wanted))}, "belongings")

    def _belonging_id(self, entry: Belonging | Model | int | str) -> int:
        """Return the id of the belonging that an entry of `reorder` names.

        Raises:
            ValidationError: There is none, or several have this title.
        """
        if isinstance(entry, str):
            found = [each.id for each in self.belongings if _title_of(each.widget) == entry]
            if len(found) > 1:
                raise ValidationError(
                    f"Page.reorder: {len(found)} records have the title {entry!r}: pass the records"
                )
        elif isinstance(entry, Model) and not isinstance(entry, Belonging):
            place = (entry._container, entry._saved_id)
            found = [
                each.id
                for each in self.belongings
                if (SECTIONS.get(each.type), each.widget_id) == place
            ]
        else:
            id = Belonging._check_id("Page.reorder", entry)
            found = [each.id for each in self.belongings if each.id == id]
        if not found:
            raise ValidationError(f"Page.reorder: {entry!r} is not on {self!r}")
        return found[0]

    def duplicate(
        self,
        *,
        title: str | None = None,
        replace: Mapping[str, str] | None = None,
        progress: bool | Progress = False,
    ) -> CopyResult[Self]:
        """Have the service copy the page with its contents. Makes one request.

        The service copies notes, lists, items, separators and tags, but no emails, files, galleries
        and comments, and does not share the copy.

        With `title` or `replace`, makes one request to read the copy, one for each record whose
        texts change, one for the list of pages, and one to load this page if it is not cached. If
        the response to the copying is lost, the copy is looked up in the list of pages.

        Args:
            title: Title of the copy. Default: the one that the service chooses; with `replace`, the
                title of this page if texts are replaced in it.
            replace: Texts to replace on the copy, and their replacements, such as
                `{"{{name}}": "Ann"}`: in the title, the description, notes, names of lists, items
                and separators. All are replaced at the same time.
            progress: True to show it on standard error, or a function.

        Returns:
            A result with the copy as its `record`, and what could not be taken along: with the
            number of files and the like if this page is loaded, else what there may be of it.

        Raises:
            NotSaved: The page is new.
            ValidationError: A text of the copy could not be sent. Or with `title` or `replace`,
                something on the page has changes that are not saved. No copy was made.
            Forbidden: The plan allows no more pages.
            OutcomeUnknown: The response was lost. Without `title` and `replace`, check before you
                retry; otherwise there is no copy yet, or several: see `BackpackError.resume`.
            BackpackError: A request failed; the copy is in `created`, and `resume` completes it.

        >>> lisbon = Page.find_by(title="Lisbon")
        >>> lisbon.duplicate().record.title
        'Lisbon (copy)'
        >>> copy = lisbon.duplicate(title="Porto", replace={"tram": "train"}).record
        >>> copy.title, copy.notes[0].title
        ('Porto', 'Where we sleep')
        """
        from backpack_orm.models.duplicating import Duplicating, duplicated  # rarely used

        if title is None and not replace:
            return duplicated(self)
        return Duplicating(self, title, replace or {}, progress).run()

    def merge_into(
        self, other: Page, *, progress: bool | Progress = False, adopt: bool = False
    ) -> CopyResult[Model]:
        """Copy all that is on this page to the top of another page. Nothing is destroyed.

        Notes, lists with their items, and separators are copied in their order. Tags and links to
        pages are added, and the description if the other page has none. Reads both pages first.
        Makes these two requests, one for each record and for each change of the other page, and
        one or two to read its tags and its description before they change.

        Args:
            other: The other page, which may belong to another account.
            progress: True to show it on standard error, or a function.
            adopt: Use equal records that exist there already instead, each for one record. It
                continues after the process was killed.

        Returns:
            A result with the new notes, lists and separators, and what could not be taken along.

        Raises:
            ValidationError: It is the same page, or something on one of both has changes that are
                not saved.
            NotFound: One of the pages no longer exists.
            BackpackError: A request failed; see `BackpackError.resume`.

        >>> lisbon, garden = Page.find_by(title="Lisbon"), Page.find_by(title="The garden")
        >>> result = lisbon.merge_into(garden)
        >>> {type: len(ids) for type, ids in sorted(result.ids.items())}
        {'item': 12, 'list': 2, 'note': 2, 'separator': 1}
        """
        from backpack_orm.models.merging import Merging  # which most programs never use

        return Merging(self, other, progress, adopt=adopt).run()

    def share(self, emails: Iterable[str] = (), *, public: bool | None = None) -> None:
        """Share the page with people, or publish it. Makes one request.

        The service sends an email to each person.

        Args:
            emails: Addresses of the people.
            public: Whether everybody may see the page. Default: unchanged.

        Raises:
            ValidationError: No argument is given, or an address is not valid.
            OutcomeUnknown: The response was lost. The emails may have been sent.

        >>> page = Page.create(title="Summer")
        >>> page.share(["ana@example.com", "rui@example.com"], public=False)
        """
        what = "Page.share: emails"
        given = listed(what, emails, " of addresses")
        addresses = [serialize(what, _dump_address, email) for email in given]
        if not addresses and public is None:
            raise ValidationError("Page.share: pass emails=[…], public=…, or both")
        payload: dict[str, WireValue] = {}
        if addresses:
            payload["email_addresses"] = " ".join(addresses)
        if public is not None:
            payload["public"] = serialize("Page.share: public", values.dump_digit, public)
        self._change(self._share, payload, "scope")

    def unshare(self) -> None:
        """Leave a page that a friend has shared. Makes one request.

        >>> Page.find_by(scope="friends").unshare()
        """
        self._change(self._unshare, {}, "scope")

    def email_copy(self) -> None:
        """Have the service email you the page as text. Makes one request.

        Raises:
            OutcomeUnknown: The response was lost. The email may have been sent.

        >>> Page.find_by(title="Lisbon").email_copy()
        """
        self._send(self._email)

    def link(self, page: Page | int) -> None:
        """Add a link from this page to another one (legacy). Makes one request.

        >>> Page.find_by(title="Lisbon").link(Page.create(title="Porto"))
        """
        self._send_link(self._link, "Page.link", page)

    def unlink(self, page: Page | int) -> None:
        """Remove the link from this page to another one (legacy). Makes one request.

        >>> lisbon, porto = Page.find_by(title="Lisbon"), Page.create(title="Porto")
        >>> lisbon.link(porto)
        >>> lisbon.unlink(porto)
        """
        self._send_link(self._unlink, "Page.unlink", page)

    def _send_link(self, endpoint: Endpoint, method: str, page: Page | int) -> None:
        self._check_same_account(method, page)
        payload = {"linked_page_id": str(self._check_id(method, page))}
        self._change(endpoint, payload, "linked_pages")

    def _update(
        self, endpoint: Endpoint, changed: Sequence[str], fresh: Record | None
    ) -> list[str]:
        with ExitStack() as around:
            if endpoint is self._tag:
                around.enter_context(self._exclusive_tags())
            elif endpoint is self._share:
                around.enter_context(self._changing("scope"))
            return super()._update(endpoint, changed, fresh)

    @classmethod
    def _retagger(
        cls, pages: Sequence[Page], add: Iterable[Tag | str], remove: Iterable[Tag | str]
    ) -> Callable[[Page], SaveResult]:
        """Return the function that changes the tags of one of many pages."""
        return partial(change_tags, change=changing(add, remove), exported=ExportedTags(pages))

    def _exclusive_tags(self) -> AbstractContextManager[None]:
        """Lock the tags, which are sent as a whole, against other threads of this process."""
        return exclusive((self.connection._host, self._saved_id))

    def _complete(self, name: str) -> None:
        if name == "emails" and not self.is_destroyed and self._has_no_email():
            self._merge_values(emails=())
        else:
            super()._complete(name)

    def _load(self, name: str, *, fresh: bool = False) -> None:
        if name == "scope":
            self._check_not_destroyed()
            self._merge(self._listed_record(fresh=fresh))
        else:
            super()._load(name, fresh=fresh)

    def _has_no_email(self) -> bool:
        """Return whether the belongings are known and none is an email."""
        assert self._record is not None
        part = self._record[self._position("belongings")]
        type = Belonging._table.positions["type"]
        return bool(part) and part is not MISSING and all(each[type] != "Email" for each in part)

    def _listed_record(self, *, fresh: bool) -> Record:
        """Return the record in the list of pages, or one without a scope if the list omits it."""
        records = self.connection.call(self._all, read=self._listed.read_many, fresh=fresh)
        for record in records:
            if record[0] == self._saved_id:
                return record
        return self._record_of(self._saved_id, scope=None)

    def _invalidate_relations_of(self, child: Related) -> None:
        super()._invalidate_relations_of(child)
        self._invalidate("belongings", *_also_in(child))
        if child._container == "items":  # the list of the item is not known
            for each in self.lists._objects:
                each._invalidate("items")

    def _on_child_destroyed(self, child: Related) -> None:
        super()._on_child_destroyed(child)
        self._invalidate("belongings", *_also_in(child))


def _also_in(child: Related) -> tuple[str, ...]:
    """Return the other relations of a page that may include a record."""
    return {"items": ("lists",), "lists": ("items",)}.get(child._container, ())


def check_order(what: str, wanted: list[int], there: set[int]) -> None:
    """Raise if an order names something twice or leaves something out.

    Raises:
        ValidationError: An id is named twice or left out. The message lists the ids.
    """
    twice = sorted(id for id, count in Counter(wanted).items() if count > 1)
    if twice:
        raise ValidationError(f"{what}: {twice} are named more than once")
    missing = sorted(there - set(wanted))
    if missing:
        raise ValidationError(f"{what}: {missing} are left out; name all, in the new order")


def _title_of(widget: Model | None) -> object:
    name = label_of(type(widget)) if widget is not None else None
    return getattr(widget, name) if name else None


def _dump_address(value: object) -> str:
    text = values.dump_text(value)
    if "@" not in text or any(letter.isspace() for letter in text):
        raise ValueError("an e-mail address is needed")
    return text
