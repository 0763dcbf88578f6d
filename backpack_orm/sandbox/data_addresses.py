"""Tells the addresses of databases from paths of files, and keeps passwords in them secret."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NoReturn

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

DRIVER = "postgresql+psycopg"

_SCHEMES = ("postgresql", "postgres", DRIVER)
# A single letter is a drive of Windows.
_ADDRESS = re.compile(r"\s*(?:[\w.+-]{2,}://|postgres\w*(?:\+\w*)?:)", re.IGNORECASE)
_LIBPQ = re.compile(
    r"(?:^|[\s'\"])(?:dbname|host|hostaddr|pass\w*|port|service|ssl\w+|user)\s*=", re.IGNORECASE
)
_PASSWORD = re.compile(r"pass\w*\s*=", re.IGNORECASE)
_SECRET = re.compile("pass|secret|key|token", re.IGNORECASE)
_HIDDEN = "***"


def is_postgresql(data: str) -> bool:
    """Return whether data is stored in PostgreSQL, and not in a file.

    Raises ValueError, which never quotes the data, for the address of another kind of database and
    for other ways to write one.

    >>> is_postgresql("postgresql:///backpack"), is_postgresql("account.db")
    (True, False)
    """
    if not looks_like_address(data):
        return False
    postgresql_url(data)
    return True


def looks_like_address(text: str) -> bool:
    """Return whether a text is meant as the address of a database, valid or not."""
    return bool(_ADDRESS.match(text) or _LIBPQ.search(text))


def postgresql_url(data: str) -> URL:
    """Return the parts of the address of a PostgreSQL database; raise ValueError for another."""
    try:
        url = make_url(data)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername.lower() not in _SCHEMES or _has_password_elsewhere(url):
        raise ValueError(
            "the address of a database is like postgresql://user@host/database, with %40 for an @ "
            "in a password; to use a file with such a name, put ./ in front of it"
        )
    return url.set(drivername=DRIVER)


def _has_password_elsewhere(url: URL) -> bool:
    """Return whether a part that messages quote contains a part of the password, by mistake."""
    options = (value for values in url.normalized_query.values() for value in values)
    parts = (url.username, url.host, url.database, *options)
    return "@" in (url.host or "") or any(_PASSWORD.search(part or "") for part in parts)


def failure(url: URL, reason: str) -> str:
    """Return a message about a database that cannot be used, without any password in its address.

    Passwords are hidden wherever they are quoted, in the reason too. Options are left out.
    """
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    text = f"cannot store data in {shown.render_as_string()}: {reason}"
    secrets = {url.password, *_secret_options(url)}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def _secret_options(url: URL) -> set[str]:
    return {
        value
        for name, values in url.normalized_query.items()
        if _SECRET.search(name)
        for value in values
    }


def data_file(text: str) -> Path:
    """Return the path of a data file; raise ValueError for the address of a database."""
    if looks_like_address(text):
        raise ValueError("this command is for files: use the tools of PostgreSQL, such as pg_dump")
    return Path(text)


class ArgumentParser(argparse.ArgumentParser):
    """A parser of arguments whose errors quote no address of a database."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2 after a message."""
        if _ADDRESS.search(message) or _LIBPQ.search(message):
            message = "an argument with the address of a database is not valid here"
        super().error(message)
