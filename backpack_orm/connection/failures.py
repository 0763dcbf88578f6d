"""What an error of the HTTP libraries means: whether anything was sent, and what to raise."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

import requests
import urllib3.exceptions as urllib3_errors

from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.retries import Failed, Outcome
from backpack_orm.connection.sockets import Phase
from backpack_orm.errors import Timeout, TransportError

_UNSENT = {Phase.PREPARING, Phase.CONNECTING}
_UNCERTAIN = {Phase.ELSEWHERE, Phase.STARTED}
_BEFORE_SENDING = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3_errors.ConnectTimeoutError,
    urllib3_errors.NewConnectionError,
    urllib3_errors.LocationValueError,
    urllib3_errors.HostChangedError,
    urllib3_errors.ClosedPoolError,
    urllib3_errors.EmptyPoolError,
    socket.gaierror,
    ssl.SSLCertVerificationError,
)
"""Errors that occur before anything is sent, for phases that leave this open."""
_TIMEOUTS = (requests.Timeout, urllib3_errors.TimeoutError, TimeoutError)
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
_NOT_TLS |= {"PACKET_LENGTH_TOO_LONG"}
_NO_BUNDLE = {"NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE"}
_OF_THE_LIBRARIES = (
    requests.RequestException,
    urllib3_errors.HTTPError,
    http.client.HTTPException,
    urllib3_errors.ProxySchemeUnsupported,
    OSError,
)
_STACK = {"requests", "urllib3", "ssl", "socket", "http", "builtins"}


class Situation(NamedTuple):
    """What was tried, for the message of an error.

    Attributes:
        host: The service's host and port.
        is_secure: Whether the address is https.
        has_proxy: Whether the request was to go through a proxy.
        ca_bundle: The path of the CA bundle; True for that of requests.
        timeout: Seconds to connect, and to read.
        deadline: The end of the call, if it has one.
    """

    host: str
    is_secure: bool
    has_proxy: bool
    ca_bundle: str | bool
    timeout: tuple[float, float]
    deadline: Deadline | None


def is_foreign(error: BaseException, phase: Phase) -> bool:
    """Return whether an error is not from the HTTP libraries, but from a mock that replaces them.

    Such errors are raised unchanged, for the test to show: a request that no mock expects, or an
    assertion in a mock.

    >>> is_foreign(requests.ConnectionError(), Phase.ELSEWHERE)
    False
    >>> is_foreign(AssertionError("an unexpected title"), Phase.ELSEWHERE)
    True
    """
    if type(error).__module__.partition(".")[0] not in _STACK:
        return True
    if isinstance(error, requests.ConnectionError) and error.args:
        return str(error.args[0]).startswith("Connection refused by Responses")
    if isinstance(error, ValueError) and phase in _UNSENT:
        return False
    return not isinstance(error, _OF_THE_LIBRARIES)


def explain(error: Exception, phase: Phase, situation: Situation) -> Failed:
    """Return what an error of the HTTP libraries in some phase of a request means."""
    causes = tuple(_causes(error))
    is_sent = phase not in _UNSENT
    if phase in _UNCERTAIN:
        is_sent = not _find(causes, *_BEFORE_SENDING)
    deadline = situation.deadline
    if deadline is not None and deadline.remaining <= 0.001:
        reason = f"{situation.host} did not respond within the deadline of {deadline.seconds:g} s"
        return Failed(Outcome.LOST if is_sent else Outcome.NOT_SENT, Timeout(reason))
    if is_sent:
        return Failed(Outcome.LOST, _lost(causes, situation))
    if phase is Phase.PREPARING:
        return _unsendable(_unprepared(causes, situation))
    return _unconnected(causes, situation)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, outermost first."""
    yield error
    reason = getattr(error, "reason", None)
    for each in (*error.args, reason):
        if isinstance(each, BaseException):
            yield from _causes(each)


def _find(causes: tuple[BaseException, ...], *kinds: type[BaseException]) -> BaseException | None:
    return next((each for each in causes if isinstance(each, kinds)), None)


def _is_timeout(causes: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    """Return whether the causes include a time-out; urllib3 derives refused connections from it."""
    is_refused = _find(causes, urllib3_errors.NewConnectionError) is not None
    return not is_refused and _find(causes, *(kinds or _TIMEOUTS)) is not None


def _lost(causes: tuple[BaseException, ...], situation: Situation) -> TransportError:
    """Return the error for a failure after the request may have been sent."""
    host = situation.host
    if _is_timeout(causes):
        return Timeout(f"{host} did not respond in {situation.timeout[1]:g} s")
    if _find(causes, urllib3_errors.DecodeError):
        return TransportError(f"{host} sent a response that cannot be decompressed")
    return TransportError(f"{host} dropped the connection")


def _unprepared(causes: tuple[BaseException, ...], situation: Situation) -> str:
    """Return why a request failed before the network was touched."""
    if _find(causes, requests.exceptions.InvalidSchema):
        return "a SOCKS proxy needs the package PySocks: pip install 'requests[socks]'"
    if _find(causes, requests.exceptions.InvalidURL, urllib3_errors.LocationValueError):
        if situation.has_proxy:
            return (
                "the address of the proxy is malformed or its scheme is unknown: "
                "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY in the environment"
            )
        return f"{situation.host} is not a valid host: check the account's address"
    if type(causes[0]) is OSError:
        return (
            f"found no CA bundle at {situation.ca_bundle!r}: "
            "check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE in the environment"
        )
    return f"the request to {situation.host} could not be prepared ({type(causes[0]).__name__})"


def _unsendable(reason: str) -> Failed:
    return Failed(Outcome.UNSENDABLE, TransportError(reason))


def _unconnected(causes: tuple[BaseException, ...], situation: Situation) -> Failed:
    """Return why no connection was established."""
    host, seconds = situation.host, situation.timeout[0]
    if _is_timeout(causes, requests.ConnectTimeout, urllib3_errors.ConnectTimeoutError):
        reason = f"{host} did not accept a connection in {seconds:g} s"
        return Failed(Outcome.NOT_SENT, Timeout(reason))
    if _is_timeout(causes):
        who = "the proxy" if situation.has_proxy else host
        what = "complete the TLS handshake" if situation.is_secure else "accept a connection"
        return Failed(Outcome.NOT_SENT, Timeout(f"{who} did not {what} in {seconds:g} s"))
    certificate = _find(causes, ssl.SSLCertVerificationError)
    if certificate is not None:
        why = getattr(certificate, "verify_message", "") or "it cannot be verified"
        return _unsendable(f"the certificate of {host} is not trusted ({why.rstrip('.')})")
    handshake = _find(causes, ssl.SSLError)
    if isinstance(handshake, ssl.SSLError):
        return _without_tls(handshake, causes, situation)
    return _unreached(causes, situation)


def _without_tls(
    error: ssl.SSLError, causes: tuple[BaseException, ...], situation: Situation
) -> Failed:
    who = "the proxy" if _find(causes, urllib3_errors.ProxyError) else situation.host
    name = getattr(error, "reason", None) or type(error).__name__
    if name in _NO_BUNDLE:
        return _unsendable(
            f"the CA bundle at {situation.ca_bundle!r} contains no certificate: "
            "check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE in the environment"
        )
    if name in _NOT_TLS:
        return _unsendable(f"{who} does not use TLS at that port: check the scheme and the port")
    reason = f"the TLS handshake with {who} failed ({name})"
    return Failed(Outcome.NOT_SENT, TransportError(reason))


def _unreached(causes: tuple[BaseException, ...], situation: Situation) -> Failed:
    """Return why a host could not be reached, or closed the connection at once."""
    host = situation.host
    if _find(causes, requests.exceptions.ProxyError, urllib3_errors.ProxyError):
        refusal = re.search(r"Tunnel connection failed: (\d{3})", str(causes[-1]))
        if refusal is not None:
            return _unsendable(
                f"the proxy does not connect to {host}: it responds with {refusal[1]}"
            )
        reason = f"the proxy to {host} cannot be reached: check the proxy and the network"
    elif _find(causes, urllib3_errors.LocationValueError, requests.exceptions.InvalidURL):
        whose = "the proxy's address or the account's" if situation.has_proxy else "the address"
        return _unsendable(f"{host} cannot be reached: check {whose}")
    elif _find(causes, urllib3_errors.NameResolutionError, socket.gaierror):
        reason = f"the name of {host} cannot be resolved: check the address and the network"
    elif _find(causes, urllib3_errors.ProtocolError, ConnectionError) and not _find(
        causes, urllib3_errors.NewConnectionError
    ):
        who = "the proxy" if situation.has_proxy else host
        what = "during the TLS handshake" if situation.is_secure else "before anything was sent"
        reason = f"{who} closed the connection {what}"
    else:
        reason = f"{host} cannot be reached: check the address and the network"
    return Failed(Outcome.NOT_SENT, TransportError(reason))
