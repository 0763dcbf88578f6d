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
from backpack_orm.models.attachment import Attachment
from backpack_orm.models.belonging import Belonging
from backpack_orm.models.bookmark import Bookmark
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.email import Email
from backpack_orm.models.export import Export
from backpack_orm.models.gallery import Gallery
from backpack_orm.models.image import Image
from backpack_orm.models.item import HasItems, Item
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.list import List
from backpack_orm.models.message import Message
from backpack_orm.models.note import Note
from backpack_orm.models.page import Match, Page
from backpack_orm.models.page_item import PageItem
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.separator import Separator
from backpack_orm.models.status import Status
from backpack_orm.models.tag import Tag
from backpack_orm.models.user import User
from backpack_orm.orm.model import Model, SaveResult
from backpack_orm.orm.relations import Collection, Embeds, HasMany
from backpack_orm.shown import load_ipython_extension as load_ipython_extension
from backpack_orm.shown import load_where_it_runs
from backpack_orm.shown import unload_ipython_extension as unload_ipython_extension
from backpack_orm.version import __version__

__all__ = [
    "ApiError",
    "Attachment",
    "AuthenticationError",
    "BackpackError",
    "Belonging",
    "Bookmark",
    "Calendar",
    "CalendarEvent",
    "Collection",
    "Connection",
    "Destroyed",
    "Email",
    "Embeds",
    "Export",
    "Forbidden",
    "Gallery",
    "HasItems",
    "HasMany",
    "Image",
    "InvalidResponse",
    "Item",
    "JournalEntry",
    "List",
    "Match",
    "Message",
    "Model",
    "NotConnected",
    "NotFound",
    "NotSaved",
    "Note",
    "OutcomeUnknown",
    "Page",
    "PageItem",
    "RateLimited",
    "ReadOnly",
    "Rejected",
    "Reminder",
    "SaveResult",
    "Separator",
    "ServerError",
    "StaleRecord",
    "Stats",
    "Status",
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

load_where_it_runs()
