"""How records are found that live in the account itself."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.orm.model import Readable
from backpack_orm.orm.projections import Projection
from backpack_orm.orm.relations import Collection
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.parse import Record


class Listed(Readable):
    """A record that one call of the account lists with all others of its kind."""

    __slots__ = ()

    _all: ClassVar[Endpoint]
    _listed: ClassVar[Projection | None] = None
    """What that list tells of each, where that is not all."""

    @classmethod
    def all(cls, *, using: Connection | None = None, fresh: bool = False) -> Collection[Self]:
        """All of them; one request.

        Args:
            using: The connection, where it is not the one in use.
            fresh: Ask even if the response is still kept.

        Raises:
            NotConnected: There is no connection.
            BackpackError: The call failed.

        >>> [page.title for page in Page.all()][:2]
        ['Lisbon', 'Book club']
        """
        return cls._list(cls._all, cls._listed or cls._full, using=using, fresh=fresh)

    @classmethod
    def find_by(cls, *, using: Connection | None = None, **attributes: Any) -> Self | None:
        """The first one with these attributes, or None; requests as for `where`.

        Raises:
            TypeError: An attribute is misspelled.

        >>> Page.find_by(title="no such page") is None
        True
        """
        return cls.where(using=using, **attributes).first()

    @classmethod
    def where(cls, *, using: Connection | None = None, **attributes: Any) -> Collection[Self]:
        """Those with these attributes; one request, and one for each record that has to be loaded.

        Raises:
            TypeError: An attribute is misspelled.

        >>> [page.title for page in Page.where(scope="friends")][0]
        'Kitchen renovation'
        """
        cls._table.check_wanted(cls, attributes)
        return cls.all(using=using).where(**attributes)

    def _fetch(self, *, fresh: bool = False) -> Record:
        read = (self._listed or self._full).read_many
        return self._select(self.connection.call(self._all, read=read, fresh=fresh))

    @classmethod
    def _list(
        cls,
        endpoint: Endpoint,
        projection: Projection,
        *,
        payload: dict[str, WireValue] | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Collection[Self]:
        connection = connection_for(using)
        records = connection.call(
            endpoint, payload=payload or {}, read=projection.read_many, fresh=fresh
        )
        return Collection(cls, projection.load[cls](records, connection))


class InAccount(Listed):
    """A listed record that is known by its id."""

    __slots__ = ()

    @classmethod
    def find(cls, id: Self | int, *, using: Connection | None = None, fresh: bool = False) -> Self:
        """The one with an id; one request, for all of them.

        Raises:
            ValidationError: That is no id.
            NotFound: There is none.

        >>> reminder = Reminder.all()[0]
        >>> Reminder.find(reminder.id) == reminder
        True
        """
        wanted, connection = cls._resolve_id(id, using)
        return cls.all(using=connection, fresh=fresh).find(wanted)
