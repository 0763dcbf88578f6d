"""How records are found that belong to users: those of one, or one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.connection import Connection, connection_for
from backpack_orm.orm.model import Model
from backpack_orm.orm.registry import registry

if TYPE_CHECKING:
    from backpack_orm.models.user import User


def user_named(cls: type[Model], user: User | int | None, using: Connection | None) -> User:
    """The user that an argument names, with a connection; None is you, which costs a request."""
    people: type[User] = registry["User"]  # type: ignore[assignment]  # users know their records
    if user is None:
        return people.me(using=using)
    if not isinstance(user, people):
        return people._stub(people._check_id(f"{cls.__name__}: user", user), connection_for(using))
    if using is not None:
        user._attach(using)
    return user
