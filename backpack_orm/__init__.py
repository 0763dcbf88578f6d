"""backpack_orm: the pages, notes, lists and reminders of a Backpack account as objects.

>>> from backpack_orm import Page
>>> [tag.name for tag in Page.find_by(title="Lisbon").tags]
['Travel', 'Long weekends', 'Portugal']
"""

from backpack_orm.connection import Connection, Stats, connect, using
from backpack_orm.errors import (
    ApiError,
    AuthenticationError,
    BackpackError,
    Destroyed,
    Forbidden,
    InvalidResponse,
    NotConnected,
    NotFound,
    NotSaved,
    OutcomeUnknown,
    RateLimited,
    ReadOnly,
    Rejected,
    ServerError,
    StaleRecord,
    Timeout,
    TransportError,
    UnexpectedRedirect,
    ValidationError,
)
from backpack_orm.models.belonging import Belonging
from backpack_orm.models.item import Item
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Match, Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.tag import Tag
from backpack_orm.models.user import User
from backpack_orm.orm.model import Model, SaveResult
from backpack_orm.orm.relations import Collection
from backpack_orm.version import __version__

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BackpackError",
    "Belonging",
    "Collection",
    "Connection",
    "Destroyed",
    "Forbidden",
    "InvalidResponse",
    "Item",
    "List",
    "Match",
    "Model",
    "NotConnected",
    "NotFound",
    "NotSaved",
    "Note",
    "OutcomeUnknown",
    "Page",
    "RateLimited",
    "ReadOnly",
    "Rejected",
    "Reminder",
    "SaveResult",
    "ServerError",
    "StaleRecord",
    "Stats",
    "Tag",
    "Timeout",
    "TransportError",
    "UnexpectedRedirect",
    "User",
    "ValidationError",
    "__version__",
    "connect",
    "using",
]
