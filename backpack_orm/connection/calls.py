"""One call of the API on its way: what is requested, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.redaction import Secret
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.shapes import Localize, Response

if TYPE_CHECKING:
    from backpack_orm.connection.hooks import Hooks, RequestEvent

T = TypeVar("T")

NO_SECRET = Secret("\0")  # before the first try


class Call(Generic[T]):
    """One call of the API, with all its tries.

    Attributes:
        endpoint: The row of the call.
        ids: The ids in its path, in order.
        payload: The serialized values to send, by name.
        read: Parses the response.
        deadline: When the call has to end, with its waits and retries; None: no deadline.
        localize: Gives naive timestamps of the response a time zone; None: they stay naive.
        path: Its path for messages, without the token.
        url: The account's address, as far as this call knows.
        max_wait: Seconds that it may still wait.
        tries: How often it has been sent.
        secret: The token that it is sent with.
        has_moved: Whether a redirect to https was followed.
        has_new_token: Whether it is sent again with a new token.
        may_have_happened: Whether the service may have carried out an earlier try.
        hooks: The hooks of the connection; None if there are none.
        request: The event of the last request that hooks were called with.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        ids: Sequence[int],
        payload: Mapping[str, WireValue],
        read: Callable[[Response], T],
        deadline: Deadline | None = None,
        localize: Localize | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.ids = ids
        self.payload = payload
        self.read = read
        self.deadline = deadline
        self.localize = localize
        self.hooks = hooks
        self.request: RequestEvent | None = None
        self.path = endpoint.path_for_people(ids)
        self.url = ""
        self.max_wait = 0.0
        self.tries = 1
        self.secret = NO_SECRET
        self.has_moved = self.has_new_token = self.may_have_happened = False

    @property
    def patience(self) -> float:
        """Seconds that it can wait now."""
        if self.deadline is None:
            return self.max_wait
        return min(self.max_wait, self.deadline.remaining)

    def has_time_for(self, seconds: float) -> bool:
        """Return whether the deadline leaves time to wait and send it afterwards."""
        return self.deadline is None or seconds < self.deadline.remaining
