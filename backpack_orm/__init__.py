"""backpack_orm: the pages, notes, lists and reminders of a Backpack account as objects.

Names are imported from their modules when they are first used, so that importing the package alone
takes almost no time.

>>> from backpack_orm import Page
>>> [tag.name for tag in Page.find_by(title="Lisbon").tags]
['Travel', 'Long weekends', 'Portugal']
"""

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from backpack_orm.rich_display import renderers

if TYPE_CHECKING:
    from backpack_orm.connection import Connection as Connection
    from backpack_orm.connection import connect as connect
    from backpack_orm.connection import current as current
    from backpack_orm.connection import using as using
    from backpack_orm.connection.hooks import CacheEvent as CacheEvent
    from backpack_orm.connection.hooks import RequestEvent as RequestEvent
    from backpack_orm.connection.hooks import ResponseEvent as ResponseEvent
    from backpack_orm.connection.hooks import RetryEvent as RetryEvent
    from backpack_orm.connection.oauth import Grant as Grant
    from backpack_orm.connection.oauth import OAuthAccount as OAuthAccount
    from backpack_orm.connection.oauth import OAuthApp as OAuthApp
    from backpack_orm.connection.stats import Stats as Stats
    from backpack_orm.errors import ApiError as ApiError
    from backpack_orm.errors import ArchiveError as ArchiveError
    from backpack_orm.errors import AuthenticationError as AuthenticationError
    from backpack_orm.errors import BackpackError as BackpackError
    from backpack_orm.errors import DamagedArchive as DamagedArchive
    from backpack_orm.errors import Destroyed as Destroyed
    from backpack_orm.errors import Forbidden as Forbidden
    from backpack_orm.errors import InvalidExport as InvalidExport
    from backpack_orm.errors import InvalidResponse as InvalidResponse
    from backpack_orm.errors import MultipleFound as MultipleFound
    from backpack_orm.errors import NotConnected as NotConnected
    from backpack_orm.errors import NotFound as NotFound
    from backpack_orm.errors import NotInArchive as NotInArchive
    from backpack_orm.errors import NotSaved as NotSaved
    from backpack_orm.errors import OutcomeUnknown as OutcomeUnknown
    from backpack_orm.errors import RateLimited as RateLimited
    from backpack_orm.errors import ReadOnly as ReadOnly
    from backpack_orm.errors import Rejected as Rejected
    from backpack_orm.errors import ServerError as ServerError
    from backpack_orm.errors import StaleRecord as StaleRecord
    from backpack_orm.errors import Timeout as Timeout
    from backpack_orm.errors import TransportError as TransportError
    from backpack_orm.errors import UnexpectedRedirect as UnexpectedRedirect
    from backpack_orm.errors import ValidationError as ValidationError
    from backpack_orm.integrations.ipython import load_ipython_extension as load_ipython_extension
    from backpack_orm.integrations.ipython import (
        unload_ipython_extension as unload_ipython_extension,
    )
    from backpack_orm.models.attachment import Attachment as Attachment
    from backpack_orm.models.belonging import Belonging as Belonging
    from backpack_orm.models.bookmark import Bookmark as Bookmark
    from backpack_orm.models.calendar import Calendar as Calendar
    from backpack_orm.models.calendar_event import CalendarEvent as CalendarEvent
    from backpack_orm.models.email import Email as Email
    from backpack_orm.models.export import Export as Export
    from backpack_orm.models.gallery import Gallery as Gallery
    from backpack_orm.models.image import Image as Image
    from backpack_orm.models.item import HasItems as HasItems
    from backpack_orm.models.item import Item as Item
    from backpack_orm.models.journal_entry import JournalEntry as JournalEntry
    from backpack_orm.models.list import List as List
    from backpack_orm.models.match import Match as Match
    from backpack_orm.models.message import Message as Message
    from backpack_orm.models.note import Note as Note
    from backpack_orm.models.page import Page as Page
    from backpack_orm.models.page_item import PageItem as PageItem
    from backpack_orm.models.probe import ProbeResult as ProbeResult
    from backpack_orm.models.probe import probe_partial_updates as probe_partial_updates
    from backpack_orm.models.reminder import Reminder as Reminder
    from backpack_orm.models.separator import Separator as Separator
    from backpack_orm.models.status import Status as Status
    from backpack_orm.models.tag import Tag as Tag
    from backpack_orm.models.user import User as User
    from backpack_orm.orm.copying.copy_result import CopyResult as CopyResult
    from backpack_orm.orm.copying.syncing import SyncPlan as SyncPlan
    from backpack_orm.orm.declarations import Embeds as Embeds
    from backpack_orm.orm.declarations import HasMany as HasMany
    from backpack_orm.orm.operations.bulk import BulkResult as BulkResult
    from backpack_orm.orm.queries.collections import Collection as Collection
    from backpack_orm.orm.records.model import Model as Model
    from backpack_orm.orm.signals.events import CreatedEvent as CreatedEvent
    from backpack_orm.orm.signals.events import DestroyedEvent as DestroyedEvent
    from backpack_orm.orm.signals.events import SavedEvent as SavedEvent
    from backpack_orm.orm.writing.save_result import SaveResult as SaveResult
    from backpack_orm.version import __version__ as __version__

_MODULES = {
    "connection": "Connection connect current using",
    "connection.hooks": "CacheEvent RequestEvent ResponseEvent RetryEvent",
    "connection.oauth": "Grant OAuthAccount OAuthApp",
    "connection.stats": "Stats",
    "errors": "ApiError ArchiveError AuthenticationError BackpackError DamagedArchive Destroyed "
    "Forbidden InvalidExport InvalidResponse MultipleFound NotConnected NotFound NotInArchive "
    "NotSaved OutcomeUnknown RateLimited ReadOnly Rejected ServerError StaleRecord Timeout "
    "TransportError UnexpectedRedirect ValidationError",
    "integrations.ipython": "load_ipython_extension unload_ipython_extension",
    "models.attachment": "Attachment",
    "models.belonging": "Belonging",
    "models.bookmark": "Bookmark",
    "models.calendar": "Calendar",
    "models.calendar_event": "CalendarEvent",
    "models.email": "Email",
    "models.export": "Export",
    "models.gallery": "Gallery",
    "models.image": "Image",
    "models.item": "HasItems Item",
    "models.journal_entry": "JournalEntry",
    "models.list": "List",
    "models.match": "Match",
    "models.message": "Message",
    "models.note": "Note",
    "models.page": "Page",
    "models.page_item": "PageItem",
    "models.probe": "ProbeResult probe_partial_updates",
    "models.reminder": "Reminder",
    "models.separator": "Separator",
    "models.status": "Status",
    "models.tag": "Tag",
    "models.user": "User",
    "orm.operations.bulk": "BulkResult",
    "orm.records.model": "Model",
    "orm.copying.copy_result": "CopyResult",
    "orm.declarations": "Embeds HasMany",
    "orm.queries.collections": "Collection",
    "orm.signals.events": "CreatedEvent DestroyedEvent SavedEvent",
    "orm.writing.save_result": "SaveResult",
    "orm.copying.syncing": "SyncPlan",
    "version": "__version__",
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names.split()}
__all__ = [name for name in _PLACES if not name.endswith("_ipython_extension")]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *_PLACES]


def _render(form: str, displayed: object) -> Any:
    return getattr(import_module(f"{__name__}.display"), form)(displayed)


renderers.update({form: partial(_render, form) for form in ("html", "rich")})
if "IPython" in sys.modules:
    import_module(f"{__name__}.integrations.ipython").load_where_it_runs()
