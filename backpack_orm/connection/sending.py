"""One request and its response: the only frames that hold secrets, and they never raise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from backpack_orm.connection import redirects
from backpack_orm.connection.calls import Call
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.failures import Situation, explain, is_foreign
from backpack_orm.connection.redaction import Secret, log_redactor, redact_error
from backpack_orm.connection.redirects import Redirect
from backpack_orm.connection.retries import Failed, Outcome
from backpack_orm.connection.settings import Settings
from backpack_orm.connection.sockets import Phase, Session, progress
from backpack_orm.errors import InvalidResponse, ValidationError
from backpack_orm.wire.endpoint import TokenLocation
from backpack_orm.wire.shapes import Localize, Response

_PIECE_BYTES = 1024 * 1024


class Received(NamedTuple):
    """A response, and where it redirects to."""

    response: Response
    redirect: Redirect | None
    target: str
    retry_after: str | None


class HttpSender:
    """Sends requests that contain secrets, and reads their responses.

    Args:
        timeout: Seconds to connect, and to read.
        max_response_size: Maximum size of an uncompressed response in bytes.
        advice: End of the message about a response that is larger.
    """

    def __init__(
        self, timeout: tuple[float, float], max_response_size: int, advice: str = ""
    ) -> None:
        self._advice = advice
        self._timeout = timeout
        self._max_response_size = max_response_size
        self.reset()

    def reset(self) -> None:
        """Start with new sockets."""
        self._session = Session()

    def close(self) -> None:
        """Close the sockets."""
        self._session.close()

    def exchange(
        self,
        prepare: Callable[[], requests.PreparedRequest],
        url: str,
        secrets: tuple[Secret, ...],
        deadline: Deadline | None = None,
        localize: Localize | None = None,
    ) -> Received | Failed | BaseException:
        """Send a request once.

        Args:
            prepare: Returns the request.
            url: The address up to the host.
            secrets: The secrets that it contains.
            deadline: When it has to end.
            localize: Gives naive timestamps of the response a time zone; None: they stay naive.

        Returns:
            The response; why there is none; or an error that is not this library's, to be raised
            from a frame that does not hold the secrets.
        """
        try:
            prepared = prepare()
        except ValueError as error:
            reason = f"the request cannot be sent: {error}"
            for secret in secrets:
                reason = secret.redact(reason)
            return Failed(Outcome.UNSENDABLE, ValidationError(reason))
        except BaseException as error:
            return _stripped(error, secrets)
        try:
            with log_redactor:
                received = self._receive(prepared, deadline, localize)
        except Exception as error:
            if is_foreign(error, progress.phase):
                return _stripped(error, secrets)
            return self._failed(error, url, deadline)
        except BaseException as error:  # such as Ctrl-C, while the frames below hold the secrets
            return _stripped(error, secrets)
        if received is not None:
            return received
        size = f"{self._max_response_size:,} bytes"
        reason = f"{urlsplit(url).netloc} sends more than {size}{self._advice}"
        return Failed(Outcome.UNREADABLE, InvalidResponse(reason))

    def _receive(
        self,
        prepared: requests.PreparedRequest,
        deadline: Deadline | None,
        localize: Localize | None,
    ) -> Received | None:
        """Send a request and read the response; return None if it is too large."""
        url = prepared.url or ""
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
            **self._session.network_settings(url),
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
            redirect, target = redirects.classify(url, location or "")
        return Received(
            Response(status, content, location, localize),
            redirect,
            target,
            response.headers.get("Retry-After"),
        )

    def _failed(self, error: Exception, url: str, deadline: Deadline | None) -> Failed:
        """Return what an error of the HTTP libraries means."""
        network, address = self._session.network_settings(url), urlsplit(url)
        situation = Situation(
            host=address.netloc,
            is_secure=address.scheme == "https",
            has_proxy=bool(requests.utils.select_proxy(url, network["proxies"])),
            ca_bundle=network["verify"],
            timeout=self._timeout,
            deadline=deadline,
        )
        return explain(error, progress.phase, situation)


class Sender(HttpSender):
    """Sends the calls of one account."""

    def __init__(self, settings: Settings) -> None:
        limit = settings.max_response_size
        advice = f": connect with max_response_size={2 * limit} or more if you expect that"
        super().__init__(settings.timeout, limit, advice)
        self._is_bearer = settings.is_bearer
        self._headers = {
            "User-Agent": settings.user_agent,
            "Accept": "application/xml",
            "Accept-Encoding": "gzip",
        }

    def send(self, call: Call[Any]) -> Received | Failed | BaseException:
        """Send a call once, see `exchange`."""
        prepare = partial(self._prepare, call)
        return self.exchange(prepare, call.url, (call.secret,), call.deadline, call.localize)

    def _prepare(self, call: Call[Any]) -> requests.PreparedRequest:
        """Return the request. `Session.prepare_request` would take as long as a small response."""
        endpoint, token = call.endpoint, call.secret.reveal()
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self._headers)
        if self._is_bearer:
            headers["Authorization"] = f"Bearer {token}"
        elif endpoint.token_in is TokenLocation.HEADER:
            headers["X-BP-Token"] = token
        api_token = None if self._is_bearer else token
        body = endpoint.body_for(call.payload, api_token)
        if body is not None:
            headers["Content-Type"] = "application/xml"
            headers["Content-Length"] = str(len(body))
        prepared = requests.PreparedRequest()
        prepared.method = endpoint.verb
        prepared.url = call.url + endpoint.path_for(call.ids, api_token)
        prepared.headers = headers
        prepared.body = body
        return prepared


def _stripped(error: BaseException, secrets: tuple[Secret, ...]) -> BaseException:
    """Return an error of other code without the secrets and the frames that hold them."""
    for secret in secrets:
        redact_error(error, secret)
    return error


def _read(response: requests.Response, max_size: int) -> bytes | None:
    """Return the body, read in large pieces; None if it is too large."""
    pieces, size = [], 0
    while piece := response.raw.read(_PIECE_BYTES, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > max_size:
            return None
    return b"".join(pieces)
