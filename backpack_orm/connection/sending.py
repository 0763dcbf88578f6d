"""One request and its response. Whatever holds the token lives in frames that never raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from attrs import frozen
from requests.structures import CaseInsensitiveDict

from backpack_orm.connection import redirects
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.environment import network_settings
from backpack_orm.connection.failures import Failure, Situation, explain, is_foreign
from backpack_orm.connection.redaction import Secret, log_redactor, redact_error
from backpack_orm.connection.redirects import Redirect
from backpack_orm.connection.retries import Failed, Outcome
from backpack_orm.connection.sockets import Phase, Session, progress
from backpack_orm.errors import InvalidResponse, ValidationError
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint, TokenLocation
from backpack_orm.wire.parse import Response

_PIECE_BYTES = 1024 * 1024


@frozen(eq=False, repr=False)
class Received:
    """What came back."""

    response: Response
    redirect: Redirect | None
    target: str
    retry_after: str | None


class Sender:
    """Sends requests with a token, and reads their responses.

    Args:
        secret: The token.
        is_bearer: Whether it is an OAuth 2 bearer token.
        user_agent: The `User-Agent`.
        timeout: Seconds to connect, and to answer.
        max_response_size: Bytes of a response that are read at most.
    """

    def __init__(
        self,
        secret: Secret,
        *,
        is_bearer: bool,
        user_agent: str,
        timeout: tuple[float, float],
        max_response_size: int,
    ) -> None:
        self._secret = secret
        self._is_bearer = is_bearer
        self._timeout = timeout
        self._max_response_size = max_response_size
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "application/xml",
            "Accept-Encoding": "gzip",
        }
        self._network: dict[str, Any] | None = None
        log_redactor.add(secret)
        self.begin()

    def begin(self) -> None:
        """Begin without sockets."""
        self._session = Session()

    def close(self) -> None:
        """Close the sockets."""
        self._session.close()

    def send(
        self,
        url: str,
        endpoint: Endpoint,
        ids: Sequence[int],
        payload: Mapping[str, WireValue],
        deadline: Deadline | None,
    ) -> Received | Failed | BaseException:
        """Send one request and return the response, or why there is none.

        Args:
            url: The address of the account.
            endpoint: The call.
            ids: What fills its path, in order.
            payload: The values it sends.
            deadline: When the call has to end.

        Returns:
            The response; a failure; or an error that is not this library's, to be raised from where
            no frame holds the token.
        """
        try:
            prepared = self._prepare(url, endpoint, ids, payload)
        except ValueError as error:
            reason = self._secret.redact(f"this cannot be sent: {error}")
            return Failed(Outcome.REFUSED, ValidationError(reason), is_sent=False)
        except BaseException as error:
            return self._stripped(error)
        try:
            with log_redactor:
                received = self._receive(prepared, deadline)
        except Exception as error:
            if is_foreign(error, progress.phase):
                return self._stripped(error)
            return self._failed(error, url, deadline)
        except BaseException as error:  # such as Ctrl-C, while the frames below hold the token
            return self._stripped(error)
        if isinstance(received, Received):
            return received
        limit = self._max_response_size
        reason = (
            f"{urlsplit(url).netloc} sends more than {limit:,} bytes: "
            f"connect with max_response_size={2 * limit} or more if that is meant"
        )
        return Failed(Outcome.UNREADABLE, InvalidResponse(reason))

    def _receive(
        self, prepared: requests.PreparedRequest, deadline: Deadline | None
    ) -> Received | None:
        """Send a request and read the response; return None when it is too large."""
        progress.begin(deadline)
        timeout = self._timeout
        if deadline is not None:
            timeout = deadline.cap(timeout[0]), deadline.cap(timeout[1])
        progress.phase = Phase.ELSEWHERE  # until this library's own sockets are reached
        response = self._session.send(
            prepared,
            stream=True,
            timeout=timeout,
            allow_redirects=False,
            **self._environment(prepared.url or ""),
        )
        try:
            content = _read(response, self._max_response_size)
        finally:
            response.close()
        if content is None:
            return None
        status, location = response.status_code, response.headers.get("Location")
        redirect, target = None, ""
        if 300 <= status < 400:
            redirect, target = redirects.classify(prepared.url or "", location or "")
        retry_after = response.headers.get("Retry-After")
        return Received(Response(status, content, location), redirect, target, retry_after)

    def _stripped(self, error: BaseException) -> BaseException:
        """Return an error that is not ours, without the token and the frames that hold it."""
        redact_error(error, self._secret)
        return error

    def _failed(self, error: Exception, url: str, deadline: Deadline | None) -> Failed:
        """Return what a failure of the libraries below means."""
        environment, address = self._environment(url), urlsplit(url)
        situation = Situation(
            host=address.netloc,
            is_secure=address.scheme == "https",
            has_proxy=bool(requests.utils.select_proxy(url, environment["proxies"])),
            ca_bundle=environment["verify"],
            timeout=self._timeout,
            deadline=deadline,
        )
        failure = explain(error, progress.phase, situation)
        return Failed(_outcome(failure), failure.error, failure.is_sent)

    def _prepare(
        self, url: str, endpoint: Endpoint, ids: Sequence[int], payload: Mapping[str, WireValue]
    ) -> requests.PreparedRequest:
        """Return the request; to have the session prepare it takes as long as a small response."""
        token = self._secret.reveal()
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self._headers)
        if self._is_bearer:
            headers["Authorization"] = f"Bearer {token}"
        elif endpoint.token_in is TokenLocation.HEADER:
            headers["X-BP-Token"] = token
        place = None if self._is_bearer else token
        body = endpoint.body_for(payload, place)
        if body is not None:
            headers["Content-Type"] = "application/xml"
            headers["Content-Length"] = str(len(body))
        prepared = requests.PreparedRequest()
        prepared.method = endpoint.verb
        prepared.url = url + endpoint.path_for(ids, place)
        prepared.headers = headers
        prepared.body = body
        return prepared

    def _environment(self, url: str) -> dict[str, Any]:
        """Return the proxies and certificates for an address, read once."""
        if self._network is None:
            self._network = network_settings(url)
        return self._network


def _outcome(failure: Failure) -> Outcome:
    if failure.is_sent:
        return Outcome.LOST
    return Outcome.REFUSED if failure.is_final else Outcome.NOT_SENT


def _read(response: requests.Response, max_size: int) -> bytes | None:
    """The body, in large pieces; None when it has no end in sight."""
    pieces, size = [], 0
    while piece := response.raw.read(_PIECE_BYTES, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > max_size:
            return None
    return b"".join(pieces)
