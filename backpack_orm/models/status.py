"""Statuses: what everybody is doing now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection
from backpack_orm.errors import NotFound
from backpack_orm.models.of_user import user_named
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.finding import Listed
from backpack_orm.orm.projections import FIELDS, Projection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.saving import Savable
from backpack_orm.wire import parse
from backpack_orm.wire.endpoint import rest
from backpack_orm.wire.parse import MISSING, Record, Response

if TYPE_CHECKING:
    from backpack_orm.models.user import User
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Status(Listed, Savable):
    """What somebody is doing now. Each has one at most, and can set one's own alone.

    Attributes:
        id: Its number.
        message: What it says, which may be empty.
        updated_at: When it was set.
        user: Whose it is.
        user_id: That person's id.

    >>> {status.user.name: status.message for status in Status.all()}["Tomás Leite"]
    'No train before noon 🚂'
    >>> status = Status.create(user=User.me(), message="On the train")
    >>> Status.find(User.me()).message
    'On the train'
    """

    _element = "status"
    _container = "statuses"
    _listed = Projection(unsure=(FIELDS,))
    _rewritten = ("updated_at",)

    id: int = field(read_only=True)
    message: str = field(default="")
    updated_at: datetime = field(read_only=True)

    user: BelongsTo[User] = belongs_to("User", id_from="user_id")
    user_id = ParentId("user")

    _all = rest("GET", "statuses.xml", reads="statuses")
    _show = rest("GET", "users/{user_id}/status.xml", reads="statuses")
    _create = rest(
        "PUT", "users/{user_id}/status.xml", sends="status/message", bare=True, writes="statuses"
    )
    _updates = (_create,)

    @classmethod
    def find(
        cls,
        user: User | int | None = None,
        *,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Self | None:
        """What a user is doing now, or None if that was never said; one request.

        Args:
            user: The user, or the id; yourself if it is not given, which costs a request more.
            using: The connection, where it is not the one in use or the user's.
            fresh: Ask even if the response is still kept.

        Raises:
            ValidationError: `user` is neither a user nor an id.

        >>> Status.find(User.me()).message
        'Packing & unpacking'
        """
        owner = user_named(cls, user, using)
        try:
            record = owner.connection.call(
                cls._show, owner._path_ids(), read=cls._full.read_one, fresh=fresh
            )
        except NotFound:
            return None
        found: Self = cls._full.load_one[cls](record, owner)
        return found

    @property
    def _identity(self) -> object:
        return self.user_id

    def _fetch(self, *, fresh: bool = False) -> Record:
        ids = self._ids(self._show)
        return self.connection.call(self._show, ids, read=self._full.read_one, fresh=fresh)

    @classmethod
    def _read_created(cls, response: Response) -> Record:
        parse.anything(response)  # it says nothing, so even the id is read when it is asked for
        return (MISSING, *cls._record_of(0)[1:])
