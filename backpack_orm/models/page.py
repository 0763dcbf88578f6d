"""Pages: what an account consists of, and what stands on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

from backpack_orm.connection import Connection
from backpack_orm.connection.parallel import in_order
from backpack_orm.errors import BackpackError, NotFound, ValidationError, short_repr
from backpack_orm.models.belonging import SECTIONS, Belonging
from backpack_orm.models.page_items import HasPageItems
from backpack_orm.orm.declarations import assigns_many, field
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.fields import serialize
from backpack_orm.orm.finding import InAccount
from backpack_orm.orm.locks import exclusive
from backpack_orm.orm.model import Model
from backpack_orm.orm.projections import FIELDS, Projection
from backpack_orm.orm.relations import AssignableCollection, Collection, Embeds, HasMany
from backpack_orm.orm.resources import resource
from backpack_orm.orm.saving import Savable
from backpack_orm.wire import values
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint, ws
from backpack_orm.wire.parse import MISSING, Record

if TYPE_CHECKING:
    from backpack_orm.models.attachment import Attachment
    from backpack_orm.models.email import Email
    from backpack_orm.models.gallery import Gallery
    from backpack_orm.models.list import List
    from backpack_orm.models.match import Match
    from backpack_orm.models.note import Note
    from backpack_orm.models.on_page import OnPage
    from backpack_orm.models.separator import Separator
    from backpack_orm.models.tag import Tag
    from backpack_orm.orm.declarations import Assignable
    from backpack_orm.orm.family import Related


Progress: TypeAlias = "Callable[[int, int], object]"


def _linked_in(page: Record) -> Iterator[str]:
    """The tags of the pages whose titles are shown in another one."""
    return (f"linked:{linked[0]}" for linked in page[Page._table.positions["linked_pages"]])


@resource
class Page(InAccount, Savable, Destroyable):
    """A page with its notes, lists, tags and all else that stands on it.

    A page that came from a list knows its title and id; the first other attribute that is touched
    loads all the rest, with one request.

    Attributes:
        id: Its number.
        title: Its title.
        email_address: Where to mail something to this page.
        description: The page's own text, in Textile; a thing of older pages.
        scope: Whose it is, as the list of pages tells: `personal`, `friends`, …
        public: Set it to True or False and save, to publish the page or to hide it. The service
            never tells whether it is published, so this is None otherwise.
        belongings: What stands on the page, in order.
        tags: Its tags. Assign a list of names, and save.
        lists: Its lists, by id.
        notes: Its notes, by id.
        galleries: Its galleries of pictures.
        attachments: The files on it.
        separators: Its separators, as far as the service tells of them.
        emails: The mails that came to it; one request more where the page is not sure of them.
        linked_pages: The pages that it links to; a thing of older pages.
        items: The items of its first list, and of older pages those that are in no list.
        matches: What a search has found on it; empty if it came from elsewhere.

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
    _listed = Projection("id", "title", "scope", unsure=("title",))
    _named = _created = Projection("id", "title", unsure=("title",))
    _found = Projection("id", "title", "matches", unsure=("title",))
    _shown = Projection(but=("scope", "matches"), unsure=("emails",))
    _exported = Projection(
        but=("matches",), unsure=(FIELDS,), sure=("description",), depth="_exported"
    )
    _exported_by_user = Projection(
        but=("matches",),
        unsure=(FIELDS, "linked_pages"),
        sure=("description",),
        depth="_exported",
    )

    id: int = field(read_only=True)
    title: str = field()
    email_address: str = field(read_only=True)
    description: str = field(default="")
    scope: str | None = field(read_only=True)
    public: bool | None = field(default=None, write_only=True, value_type=values.DIGIT)

    belongings = Embeds["Belonging"]("belongings/belonging")
    tags: Assignable[Tag, str] = assigns_many(
        "tags/tag",
        "Tag",
        key="name",
        dump=values.dump_tags,
        collection=AssignableCollection,
        default=(),
    )
    lists = HasMany["List"]("lists/list")
    notes = HasMany["Note"]("notes/note")
    galleries = Embeds["Gallery"]("galleries/gallery")
    attachments = Embeds["Attachment"]("attachments/attachment")
    separators = HasMany["Separator"]("separators/separator")
    emails = Embeds["Email"]("emails/email")
    linked_pages = Embeds["Page"]("linked_pages/page", projection="_named")
    items = HasPageItems("items/item")
    matches = Embeds["Match"]("send")

    _all = ws("pages/all", reads="pages")
    _search = ws("pages/search", sends="term", reads="pages search")
    _show = ws("page/{id}", reads="page:{id}", reads_in=_linked_in)
    _create = ws("pages/new", sends="page/title", writes="pages search")
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
    _duplicate = ws("page/{id}/duplicate", writes="pages search tags")
    _email = ws("page/{id}/email")
    _link = ws("page/{id}/link", sends="linked_page_id", writes="page:{id}", idempotent=True)
    _unlink = ws("page/{id}/unlink", sends="linked_page_id", writes="page:{id}", idempotent=True)
    _destroy = ws(
        "page/{id}/destroy",
        writes="page:{id} linked:{id} pages search tags users bookmarks",
        idempotent=True,
    )
    _updates = (_update_title, _tag, _share, _update_description)

    @classmethod
    def all(
        cls,
        *,
        load: bool = False,
        using: Connection | None = None,
        fresh: bool = False,
        progress: Progress | None = None,
    ) -> Collection[Self]:
        """All pages; one request. With `load`, all that is on them too: one request more for each
        page, several at once.

        Args:
            load: Whether to load what is on them.
            using: The connection, where it is not the one in use.
            fresh: Ask even if the responses are still kept.
            progress: Called after each page is loaded with the numbers of those done and of all.

        Raises:
            NotConnected: There is no connection.
            BackpackError: A call failed; the message says for which page. No other is begun then.

        >>> pages = Page.all(load=True)
        >>> sum(len(page.notes) for page in pages)
        16
        """
        if not load:
            return super().all(using=using, fresh=fresh)
        pages = cls._each("notes", using=using, fresh=fresh, progress=progress)
        return Collection(cls, list(pages))

    @classmethod
    def where(cls, *, using: Connection | None = None, **attributes: Any) -> Collection[Self]:
        """Those with these attributes; one request, and one for each page when they have to be
        loaded for it.

        Raises:
            TypeError: An attribute is misspelled.

        >>> [page.title for page in Page.where(scope="friends")][0]
        'Kitchen renovation'
        """
        cls._table.check_wanted(cls, attributes)
        load = not attributes.keys() <= {"id", "title", "scope"}
        return cls.all(load=load, using=using).where(**attributes)

    @classmethod
    def find(cls, id: Self | int, *, using: Connection | None = None, fresh: bool = False) -> Self:
        """The page with an id, with everything on it; one request.

        Raises:
            ValidationError: That is no id.
            NotFound: There is no such page.

        >>> lisbon = Page.find_by(title="Lisbon")
        >>> Page.find(lisbon.id).title
        'Lisbon'
        """
        wanted, connection = cls._resolve_id(id, using)
        record = connection.call(cls._show, (wanted,), read=cls._shown.read_one, fresh=fresh)
        found: Self = cls._shown.load_one[cls](record, connection)
        return found

    @classmethod
    def search(
        cls, term: str, *, using: Connection | None = None, fresh: bool = False
    ) -> Collection[Self]:
        """The pages where a term stands in a title or in what is on them; one request.

        Each tells by its `matches` what was found on it.

        Raises:
            ValidationError: The term is empty or cannot be sent.

        >>> [page.title for page in Page.search("tram")]
        ['Lisbon']
        """
        text = serialize("Page.search", values.dump_text, term)
        if not text.strip():
            raise ValidationError("Page.search needs a term to look for")
        return cls._list(cls._search, cls._found, payload={"term": text}, using=using, fresh=fresh)

    def reorder(self, order: Iterable[Belonging | Model | int]) -> None:
        """Put what stands on the page into an order; one request, once the page is loaded.

        Args:
            order: All that stands on the page, each as its belonging, as the note or list itself,
                or as the belonging's id.

        Raises:
            ValidationError: Something is not on this page, stands twice or is left out.

        >>> page = Page.create(title="Order")
        >>> first, second = page.notes.create(title="1"), page.notes.create(title="2")
        >>> page.reorder([first, second])
        >>> [belonging.widget.title for belonging in page.belongings]
        ['1', '2']
        """
        self._refuse_new("reorder")
        self._ensure_writable("reorder")
        ids = {belonging.id for belonging in self.belongings}
        widgets = {
            (SECTIONS.get(found.type), found.widget_id): found.id for found in self.belongings
        }
        wanted = []
        for item in order:
            self._refuse_foreign("Page.reorder", item)
            if isinstance(item, Belonging):
                id: object = item._saved_id
            elif isinstance(item, Model):
                id = widgets.get((item._container, item._saved_id))
            else:
                id = Belonging._check_id("Page.reorder", item)
            if id not in ids:
                raise ValidationError(f"Page.reorder: {item!r} does not stand on {self!r}")
            wanted.append(id)
        check_order("Page.reorder", wanted, ids)
        if not wanted:
            return  # the service takes no order of nothing
        with self._changing("belongings"):
            self._send(self._reorder, {"belongings": " ".join(map(str, wanted))})

    def duplicate(self) -> Self:
        """Make a copy of the page, with what stands on it, and give it; one request.

        Raises:
            NotSaved: The page is not on the service yet.
            Forbidden: The plan allows no more pages.
            OutcomeUnknown: The response was lost; look before you try again.

        >>> Page.find_by(title="Lisbon").duplicate().title
        'Lisbon (copy)'
        """
        self._refuse_new("duplicate")
        self._refuse_destroyed()
        connection = self.connection
        record = connection.call(self._duplicate, self._path_ids(), read=self._named.read_one)
        copy: Self = self._named.load_one[type(self)](record, connection)
        return copy

    def share(self, emails: Iterable[str] = (), *, public: bool | None = None) -> None:
        """Share the page with people, who get a mail each, or publish it; one request.

        Args:
            emails: The people's addresses.
            public: Whether everybody may see it; None leaves that as it is.

        Raises:
            ValidationError: Nothing is given, or an address is none.
            OutcomeUnknown: The response was lost; they may have got the mail.

        >>> page = Page.create(title="Summer")
        >>> page.share(["ana@example.com", "rui@example.com"], public=False)
        """
        if isinstance(emails, str):
            raise ValidationError(
                f"Page.share: emails takes a list of addresses, not {short_repr(emails)}"
            )
        addresses = [serialize("Page.share: emails", _dump_address, email) for email in emails]
        if not addresses and public is None:
            raise ValidationError("Page.share: give emails=[…], public=…, or both")
        payload: dict[str, WireValue] = {}
        if addresses:
            payload["email_addresses"] = " ".join(addresses)
        if public is not None:
            payload["public"] = serialize("Page.share: public", values.dump_digit, public)
        with self._changing("scope"):
            self._send(self._share, payload)

    def unshare(self) -> None:
        """Leave a page that a friend has shared; one request.

        >>> Page.find_by(scope="friends").unshare()
        """
        with self._changing("scope"):
            self._send(self._unshare)

    def email_copy(self) -> None:
        """Have the service mail you the page as text; one request.

        Raises:
            OutcomeUnknown: The response was lost; the mail may have been sent.

        >>> Page.find_by(title="Lisbon").email_copy()
        """
        self._send(self._email)

    def link(self, page: Page | int) -> None:
        """Link another page to this one; a thing of older pages. One request.

        >>> Page.find_by(title="Lisbon").link(Page.create(title="Porto"))
        """
        self._refuse_foreign("Page.link", page)
        payload = {"linked_page_id": str(self._check_id("Page.link", page))}
        with self._changing("linked_pages"):
            self._send(self._link, payload)

    def unlink(self, page: Page | int) -> None:
        """Take the link to another page away; one request.

        >>> lisbon, porto = Page.find_by(title="Lisbon"), Page.create(title="Porto")
        >>> lisbon.link(porto)
        >>> lisbon.unlink(porto)
        """
        self._refuse_foreign("Page.unlink", page)
        payload = {"linked_page_id": str(self._check_id("Page.unlink", page))}
        with self._changing("linked_pages"):
            self._send(self._unlink, payload)

    def _update(
        self, endpoint: Endpoint, changed: Sequence[str], fresh: Record | None
    ) -> list[str]:
        with ExitStack() as around:
            if endpoint is self._tag:
                around.enter_context(self._exclusive_tags())
            elif endpoint is self._share:
                around.enter_context(self._changing("scope"))
            return super()._update(endpoint, changed, fresh)

    def _exclusive_tags(self) -> AbstractContextManager[None]:
        """Let one thread of this process at a time change the tags, which are sent as a whole."""
        return exclusive((self.connection._host, self._saved_id))

    @classmethod
    def _each(
        cls,
        name: str,
        *,
        using: Connection | None,
        fresh: bool,
        progress: Progress | None = None,
        ahead: int | None = None,
    ) -> Iterator[Self]:
        """All pages in their order, with `name` loaded on each, several at once.

        `ahead` is how many of them in the beginning: fewer where the first may be enough.
        """

        def load(page: Self) -> Self | None:
            try:
                page._load(name, fresh=fresh)
            except NotFound:  # it went since the pages were listed
                return None
            except BackpackError as error:
                error.add(f"while reading {page!r}")
                raise
            return page

        pages = cls.all(using=using, fresh=fresh)
        loaded: Iterator[Self | None] = in_order(load, pages, ahead=ahead)
        for done, page in enumerate(loaded, 1):
            if page is not None:
                yield page
            if progress is not None:
                progress(done, len(pages))

    def _load(self, name: str, *, fresh: bool = False) -> None:
        self._refuse_destroyed()
        if name == "scope":
            self._merge(self._listed_record(fresh=fresh))
        elif name == "matches":
            self._merge(self._record_with(matches=()))
        elif name == "emails" and self._tells_of_no_mail():
            self._merge(self._record_with(emails=()))
        elif name == "emails":
            self._load_emails(fresh=fresh)
        else:
            self._merge(self._fetch(fresh=fresh))

    def _load_emails(self, *, fresh: bool) -> None:
        model = cast("type[OnPage]", self._table.relations["emails"].model)
        self._merge(self._record_with(emails=model._records_of(self, fresh=fresh)))

    def _reload_relation(self, name: str) -> None:
        if name == "emails":  # whatever the page itself says about them
            self._refuse_destroyed()
            self._load_emails(fresh=True)
        else:
            super()._reload_relation(name)

    def _tells_of_no_mail(self) -> bool:
        """Whether what stands on it is known, and is no mail."""
        assert self._record is not None
        part = self._record[self._position("belongings")]
        type = Belonging._table.positions["type"]
        return bool(part) and part is not MISSING and all(each[type] != "Email" for each in part)

    def _fetch(self, *, fresh: bool = False) -> Record:
        return self.connection.call(
            self._show, self._path_ids(), read=self._shown.read_one, fresh=fresh
        )

    def _listed_record(self, *, fresh: bool) -> Record:
        """What the list of pages tells of this one, which is nothing for what it leaves out."""
        records = self.connection.call(self._all, read=self._listed.read_many, fresh=fresh)
        for record in records:
            if record[0] == self._saved_id:
                return record
        return self._record_with(scope=None)

    def _forget_kind(self, child: Related) -> None:
        super()._forget_kind(child)
        self._invalidate("belongings", *_also_in(child))
        if child._container == "items":  # nobody knows which list it went to
            for each in self.lists._objects:
                each._invalidate("items")

    def _on_child_destroyed(self, child: Related) -> None:
        super()._on_child_destroyed(child)
        self._invalidate("belongings", *_also_in(child))


def _also_in(child: Related) -> tuple[str, ...]:
    """The relations of a page that show a record of another relation too."""
    return {"items": ("lists",), "lists": ("items",)}.get(child._container, ())


def check_order(what: str, wanted: list[int], there: set[int]) -> None:
    """Refuse an order that names something twice or leaves something out.

    Raises:
        ValidationError: It does; the message names what.
    """
    twice = sorted({id for id in wanted if wanted.count(id) > 1})
    if twice:
        raise ValidationError(f"{what}: {twice} are named more than once")
    missing = sorted(there - set(wanted))
    if missing:
        raise ValidationError(f"{what}: {missing} are left out; name all, in the wanted order")


def _dump_address(value: object) -> str:
    text = values.dump_text(value)
    if "@" not in text or any(letter.isspace() for letter in text):
        raise ValueError("an e-mail address is needed")
    return text
