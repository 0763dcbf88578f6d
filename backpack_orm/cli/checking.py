"""The checks of `doctor`: from the configuration to the service."""

from __future__ import annotations

import os
import platform
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import metadata
from urllib.parse import urlsplit

import requests
from attrs import frozen
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies

import backpack_orm
from backpack_orm.cli import config, connecting, tokens
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError, Failure
from backpack_orm.connection import Connection
from backpack_orm.connection.addresses import is_loopback
from backpack_orm.connection.rate_limits import WINDOW
from backpack_orm.connection.settings import USER_AGENT
from backpack_orm.errors import BackpackError
from backpack_orm.plurals import counted
from backpack_orm.wire.endpoint import RateLimit

_TIMEOUT = 5.0
_TOLERANCE = timedelta(seconds=60)
_EXPIRY = timedelta(days=14)
_PACKAGES = ("requests", "urllib3", "lxml", "attrs", "click", "rich")
_DISTRIBUTION = "backpack_orm"
REQUIREMENT = re.compile(
    r"""(?P<name>[\w.-]+) (\[(?P<extras>[\w,-]+)\])? \s* (>=(?P<least>[\w.]+))? ;
    \s* extra \s* == \s* ["'](?P<of>[\w-]+)["']""",
    re.VERBOSE,
)
"""A requirement of an extra, as the metadata of the package names it."""


@frozen
class Check:
    """One check and its result.

    Attributes:
        name: What was checked.
        result: `ok`, `warning`, `failed` or `skipped`.
        detail: What was found.
        hint: What to do about it.
        exit_code: How a run ends in which this failed first.
    """

    name: str
    result: str
    detail: str
    hint: str = ""
    exit_code: ExitCode = ExitCode.OK


def checks(profile: Callable[[], config.Profile], now: Callable[[], datetime]) -> Iterator[Check]:
    """Yield the checks, each as soon as it is done. Makes two requests, one without the token.

    Args:
        profile: Returns the profile in use.
        now: Returns the time.
    """
    yield _versions()
    try:
        found = profile()
    except (CommandError, OSError) as error:
        yield _failed("configuration", error)
        return
    yield _configuration(found)
    try:
        url = connecting.address_of(found)
        token = connecting.token_of(found)
    except (CommandError, BackpackError) as error:
        yield _failed("account", error)
        return
    yield Check("account", "ok", f"{url}; the token is from: {token.source}")
    yield from _service(found, url, token, now)


def _service(
    profile: config.Profile, url: str, token: tokens.Token, now: Callable[[], datetime]
) -> Iterator[Check]:
    network, date = _network(url)
    yield network
    if network.result == "failed":
        return
    yield _tls(url)
    yield _clock(date, now())
    with connecting.open_connection(profile, url, token) as connection:
        try:
            me = backpack_orm.User.me()
        except BackpackError as error:
            yield _failed("token", error)
            return
        admin = ", an administrator" if me.admin else ""
        yield Check("token", "ok", f"{me.name} <{me.email_address}>{admin}")
        yield _zone(profile, connection, me.time_zone_id, now())
    yield _limits()


def _versions() -> Check:
    found = [f"backpack_orm {backpack_orm.__version__}", f"Python {platform.python_version()}"]
    found += [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    return Check("versions", "ok", f"{', '.join(found)}; {extras()}")


def extras() -> str:
    """Return which extras are installed, with all packages that they need, and which are not."""
    try:
        lines = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return f"extras: unknown, since {_DISTRIBUTION} is not installed by pip"
    needed: dict[str, list[re.Match[str]]] = {}
    for line in lines:
        if found := REQUIREMENT.match(line):
            needed.setdefault(found["of"], []).append(found)

    def is_installed(extra: str) -> bool:
        return all(
            all(map(is_installed, each["extras"].split(",")))
            if each["name"].replace("-", "_") == _DISTRIBUTION
            else _has(each["name"], each["least"] or "0")
            for each in needed[extra]
        )

    installed: dict[bool, list[str]] = {True: [], False: []}
    for extra in sorted(needed):
        installed[is_installed(extra)].append(extra)
    names = {has: ", ".join(which) or "none" for has, which in installed.items()}
    return f"extras: {names[True]}; not installed: {names[False]}"


def _has(package: str, least: str) -> bool:
    """Return whether a package is installed in a version that is high enough."""
    try:
        return _release(metadata.version(package)) >= _release(least)
    except metadata.PackageNotFoundError:
        return False


def _release(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _configuration(profile: config.Profile) -> Check:
    path = config.load().path
    state = "" if path.exists() else ", which does not exist"
    switch = ", read-only" if profile.get("read_only") else ""
    detail = f"profile {profile.name!r} ({profile.source}){switch}; {path}{state}"
    return Check("configuration", "ok", detail)


def _network(url: str) -> tuple[Check, str | None]:
    """Check that the service responds, with a request without the token; return its time too."""
    proxies = get_environ_proxies(url)
    way = f" through {_without_password(next(iter(proxies.values())))}" if proxies else ""
    try:
        response = requests.head(
            url, headers={"User-Agent": USER_AGENT}, timeout=_TIMEOUT, allow_redirects=False
        )
    except requests.exceptions.SSLError as error:
        check = Check(
            "network",
            "failed",
            f"the certificate of {url} is not valid: {_reason(error)}",
            "Check the clock, and whether a proxy inspects the traffic: REQUESTS_CA_BUNDLE names "
            "its certificates.",
            ExitCode.NETWORK,
        )
        return check, None
    except requests.exceptions.RequestException as error:
        check = Check(
            "network",
            "failed",
            f"{url} cannot be reached{way}: {_reason(error)}",
            "Check the address, the connection and the proxy (HTTPS_PROXY, NO_PROXY).",
            ExitCode.NETWORK,
        )
        return check, None
    seconds = response.elapsed.total_seconds()
    detail = f"{url} responds{way} in {seconds:.2f} seconds"
    return Check("network", "ok", detail), response.headers.get("Date")


def _reason(error: BaseException) -> str:
    """Return the innermost reason of an error."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def _without_password(address: str) -> str:
    return address.rpartition("@")[2]


def _tls(url: str) -> Check:
    """Check the version of TLS and the certificate."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        if is_loopback(host):
            return Check("TLS", "skipped", "the service is on this machine")
        hint = "Use an address with https."
        return Check("TLS", "warning", "the token is sent without encryption", hint)
    if get_environ_proxies(url):
        return Check("TLS", "skipped", "the connection is made by a proxy")
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    bundle = named or DEFAULT_CA_BUNDLE_PATH
    file, folder = (None, bundle) if os.path.isdir(bundle) else (bundle, None)
    try:
        context = ssl.create_default_context(cafile=file, capath=folder)
        with (
            socket.create_connection((host, parts.port or 443), timeout=_TIMEOUT) as raw,
            context.wrap_socket(raw, server_hostname=host) as secured,
        ):
            version, certificate = secured.version(), secured.getpeercert() or {}
    except OSError as error:
        return Check("TLS", "failed", _reason(error), exit_code=ExitCode.NETWORK)
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    detail = f"{version}; the certificate is valid until {end:%Y-%m-%d}"
    is_old = end - datetime.now(UTC) < _EXPIRY
    return Check("TLS", "warning" if is_old else "ok", detail)


def _clock(date: str | None, now: datetime) -> Check:
    """Compare the clock of this machine with that of the service."""
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return Check("clock", "skipped", "the response has no valid Date header")
    seconds = round((now - theirs).total_seconds())
    if abs(seconds) > _TOLERANCE.total_seconds():
        direction = "ahead of" if seconds > 0 else "behind"
        return Check(
            "clock",
            "warning",
            f"this machine is {counted(abs(seconds), 'second')} {direction} the service",
            "Set the clock: `today`, `remind` and the times of backups depend on it.",
        )
    return Check("clock", "ok", f"as that of the service, to {counted(abs(seconds), 'second')}")


def _zone(
    profile: config.Profile, connection: Connection, of_account: str | None, now: datetime
) -> Check:
    """Check the zone in which times without a zone are."""
    try:
        zone = connection.zone
    except BackpackError as error:
        hint = "Set `timezone` in the configuration, such as timezone = 'Europe/Lisbon'."
        return Check("zone", "warning", str(error), hint)
    detail = f"{of_account or 'unknown'}; there it is {now.astimezone(zone):%Y-%m-%d %H:%M}"
    own = profile.get("timezone")
    return Check("zone", "ok", f"{detail}, by `timezone` of the profile: {own}" if own else detail)


def _limits() -> Check:
    all_else, calendars = RateLimit.ALL_ELSE.value, RateLimit.CALENDARS.value
    return Check(
        "limits",
        "ok",
        f"{all_else} requests in {WINDOW} seconds, and {calendars} for calendars; each run counts "
        "its own, and waits",
    )


def _failed(name: str, error: Exception) -> Check:
    failure = Failure.of(error)
    return Check(name, "failed", failure.message, failure.hint, failure.exit_code)
