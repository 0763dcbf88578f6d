"""Statuses: what users are doing now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection
from backpack_orm.errors import NotFound
from backpack_orm.models.of_user import user_named
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.projections import FIELDS, Projection
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire import parse
from backpack_orm.wire.endpoint import rest
from backpack_orm.wire.shapes import MISSING, Record, Response

if TYPE_CHECKING:
    from backpack_orm.models.user import User
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Status(Savable):
    """What a user is doing now. Users have at most one, and can set only their own.

    Attributes:
        id: Number of the record.
        message: Text, which may be empty.
        updated_at: Time of the last change.
        user: The user.
        user_id: Id of that user.

    >>> {status.user.name: status.message for status in Status.all()}["Tomás Leite"]
    'No train before noon 🚂'
    >>> status = Status.create(user=User.me(), message="On the train")
    >>> Status.find(User.me()).message
    'On the train'
    """

    _element = "status"
    _container = "statuses"
    _times_have_zone = True
    _listed = Projection(unsure=(FIELDS,))
    _server_updated = ("updated_at",)

    id: int = field(read_only=True)
    message: str = field(default="")
    updated_at: datetime = field(read_only=True)

    user: BelongsTo[User] = belongs_to("User", id_from="user_id")
    user_id = ParentId("user")

    if TYPE_CHECKING:

        def update(self, *, message: str = ...) -> SaveResult: ...

    _all = rest("GET", "statuses.xml", reads="statuses")
    _show = rest("GET", "users/{user_id}/status.xml", reads="statuses")
    _create = rest(
        "PUT",
        "users/{user_id}/status.xml",
        sends="status/message",
        bare=True,
        writes="statuses",
        refusals={403: "the status belongs to another user: set that of User.me()"},
    )
    _updates = (_create,)

    @classmethod
    def find(  # type: ignore[override]  # a status has no id to find it by
        cls,
        user: User | int | None = None,
        *,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Self | None:
        """Return the status of a user, or None if it was never set. Makes one request.

        Args:
            user: The user or the user's id. Default: you, which makes one more request.
            using: Connection to use instead of the current one or the user's.
            fresh: Bypass the cache.

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

    @classmethod
    def _read_created(cls, response: Response) -> Record:
        parse.anything(response)  # it is empty: even the id is loaded when it is read
        return (MISSING, *cls._record_of(0)[1:])
