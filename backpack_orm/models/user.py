"""Users: the people of an account."""

from __future__ import annotations

from backpack_orm.orm.fields import field, resource
from backpack_orm.orm.model import Model


@resource
class User(Model):
    """A person who uses the account, such as a reminder's creator.

    Attributes:
        id: Its number.
        name: What the person is called.

    >>> reminder = Reminder.all()[0]
    >>> reminder.creator == reminder.remindees[0]
    True
    """

    _element = "user"
    _container = "users"

    id: int = field(read_only=True)
    name: str = field(read_only=True)
