"""Records of users, and how those of one user are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from backpack_orm.connection import Connection
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.records.finding import Findable
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.schema.registry import registry

if TYPE_CHECKING:
    from backpack_orm.models.user import User


def user_named(cls: type[Model], user: User | int | None, using: Connection | None) -> User:
    """Return the user that an argument names, with a connection.

    None is the owner of the token, who is found with one request.
    """
    users: type[User] = registry["User"]  # type: ignore[assignment]  # it imports their records
    if user is None:
        return users.me(using=using)
    return users._resolve(f"{cls.__name__}: user", user, using)


class OfUser(Findable):
    """A record of a user."""

    __slots__ = ()

    _scopes: ClassVar[tuple[str, ...]] = ("user",)

    @classmethod
    def all(
        cls,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Collection[Self]:
        """Return the records of a user. Makes one request for every hundred.

        Without a user, `JournalEntry.all()` returns the entries of all users, and `Bookmark.all()`
        your own, with one request more to find out who you are.

        Args:
            user: The user or the user's id.
            using: Connection to use instead of the current one or the user's.
            fresh: Bypass the cache.

        Raises:
            Forbidden: The records are private to another user.

        >>> len(Bookmark.all(user=User.me()))
        5
        >>> len(JournalEntry.all()), len(JournalEntry.all(user=User.me()))
        (250, 100)
        """
        return cls._in(cls._place(user, using), fresh=fresh)

    @classmethod
    def _place(cls, user: User | int | None, using: Connection | None) -> Connection | User:
        return user_named(cls, user, using)
