"""Random requests over all routes, methods, headers and bodies; the same for the same seed."""

from __future__ import annotations

import http.client
import json
import logging
import random
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from backpack_orm.sandbox.server import application

CANARY = "Dear diary"
VERBS = ("GET", "POST", "PUT", "DELETE")
ROUTES = sorted(
    (verb, rule.rule)
    for rule in application().url_map.iter_rules()
    for verb in rule.methods or ()
    if verb in VERBS
)
_IDS = (
    *("0", "1", "-1", "x", "007", "40000000", "40000001", "40000005", str(2**31), str(2**63 - 1)),
    *(str(2**63), str(2**64), "9" * 30, "\u0663", "1.0", "1e3", "%00", ""),
)
_NAMES = (
    *("page", "title", "description", "name", "content", "body", "completed", "remind_at", "tags"),
    *("remindees", "user_id", "belongings", "email_addresses", "public", "term", "linked_page_id"),
    *("direction", "item-id", "event", "calendar-id", "occurs-at", "occurs-until", "all-day"),
    *("message", "separator", "note", "show-created-at", "journal-entry", "status", "reminder"),
    *("item", "list", "count", "n", "token", "list_id", "request", "remind", "calendar_event"),
)
_TEXTS = (
    *(CANARY, "", " ", "\n", "true", "1 2 3", "+30 tea", "now", "next monday 9am x", "2/30 x"),
    *("+999999:999999 x", "2031-01-02 9:05:00", "9999-12-31 23:59:59", "0001-01-01 00:00:00"),
    *("2031-13-45 99:99:99", "move_to_top", '"a b" c', "%s", "{{7*7}}", "\U0001f3b6", "\u0130"),
    *("a" * 321 + "@x.example", "\ufb03" * 3000, "x" * 9000, "\x00", "\ufffe", "]]>", "*" * 50),
    *("Sam@x.example sam@X.example", "false", "-1", "NaN", "~", "!!python/object x", "&a", "*a"),
)
_ENCODINGS = (
    *("utf-8", "utf-16", "utf-16-le", "utf-32-be", "iso-8859-1", "windows-1252", "shift_jis"),
    *("gb18030", "euc-jp", "utf-7", "punycode", "idna", "hex", "rot13", "undefined", "x", "\xff"),
    *("unicode_escape", "zip", "cp037", "iso-2022-kr", "hz", "us-ascii", "utf-8-sig", "mbcs"),
)
_HEADERS = (
    *("Authorization: Basic \xff\xfe", "Authorization: Basic !!", "Authorization: Bearer"),
    *("Authorization: Digest x", "Cookie: a=\xff; =", "Accept: text/html", "Range: bytes=0-1"),
    *(
        "Expect: 100-continue",
        "X-HTTP-Method-Override: DELETE",
        "Origin: null",
        "Sec-Fetch-Site: x",
    ),
    *("If-Modified-Since: x", "X-Post-Data-Format: yaml", "Host: [::1", "Host: \xff", "Host: a b"),
    *(
        "X-Forwarded-For: 1.2.3.4",
        "Connection: upgrade",
        "Content-Encoding: gzip",
        "X-BP-Token: \xe9",
    ),
)


class Odd(NamedTuple):
    """A request: its first line and headers, and its body."""

    head: str
    body: bytes


def requests(seed: int, token: str) -> Iterator[Odd]:
    """Yield requests without end; most of them have the token."""
    chance = random.Random(seed)
    while True:
        verb, rule = chance.choice(ROUTES)
        if chance.random() < 0.1:
            verb = chance.choice([*VERBS, "PATCH", "OPTIONS", "HEAD", "TRACE", "x"])
        body, kind = _body(chance)
        headers = [f"X-BP-Token: {token}"] if chance.random() < 0.8 else []
        headers += [f"Content-Type: {kind}"] if kind else []
        headers += chance.sample(_HEADERS, chance.choice([0, 0, 0, 1, 2]))
        if not any(header.startswith("Host:") for header in headers):
            headers.append("Host: 127.0.0.1")
        lines = [f"{verb} {_path(chance, rule, token)} HTTP/1.1", *headers, "Connection: close"]
        lines.append(f"Content-Length: {len(body)}")
        yield Odd("\r\n".join(lines) + "\r\n\r\n", body)


def _path(chance: random.Random, rule: str, token: str) -> str:
    def part(match: re.Match[str]) -> str:
        if chance.random() < 0.6:
            return str(chance.randrange(40_000_000, 40_000_060))
        text = chance.choice(_IDS) if "id:" in match[0] else chance.choice(_TEXTS)[:400]
        return text if text == "%00" else quote(text, safe="")

    path = re.sub("<[^>]+>", part, rule)
    if chance.random() < 0.1:
        path = f"/{chance.choice([token, '%00', '%ff', 'x' * 300])}{path}"
    if chance.random() < 0.2:
        path += chance.choice(["/", "//", "%00", "%2e%2e", ".ics", ".xml", "%ff%fe", "x" * 2000])
    if chance.random() < 0.2:
        fields = [(chance.choice(_NAMES), chance.choice(_TEXTS)[:500]) for _ in range(2)]
        more = chance.choice(["", "&a[b]=1&a=2", "&%00=%00", "&[]=1", "&n=-1"])
        path += f"?{urlencode(fields)}{more}"
    return path


def _body(chance: random.Random) -> tuple[bytes, str]:
    """Return a body and a `Content-Type`, which do not always fit."""
    encoding = chance.choice(_ENCODINGS)
    text, kind = chance.choice([_xml, _xml, _xml, _json, _yaml, _form, _multipart])(chance)
    if chance.random() < 0.3:
        text = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
    if chance.random() < 0.2:
        kind = f"{kind}; charset={encoding}"
    try:
        body = text.encode(encoding if chance.random() < 0.4 else "utf-8", "surrogatepass")
    except (LookupError, UnicodeError):
        body = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.15 and body:
        at = chance.randrange(len(body))
        body = body[:at] + chance.randbytes(chance.randrange(4)) + body[at + chance.randrange(3) :]
    return body, chance.choice([kind, kind, kind, "", "application/xml"])


def _value(chance: random.Random) -> str:
    known = str(chance.randrange(40_000_000, 40_000_060))
    return chance.choice([chance.choice(_TEXTS), chance.choice(_IDS), known])


def _xml(chance: random.Random, depth: int = 0) -> tuple[str, str]:
    name = chance.choice(_NAMES)
    extra = chance.choice(
        [' lang="en"', " completed='true'", ' type="array"', ' nil="true"', ' a=""']
    )
    start = f"{name}{extra if chance.random() < 0.3 else ''}"
    if chance.random() < 0.15:
        return f"<{start}/>", "application/xml"
    if depth < 3 and chance.random() < 0.6:
        inside = "".join(_xml(chance, depth + 1)[0] for _ in range(chance.randrange(1, 4)))
    else:
        inside = _value(chance).replace("&", "&amp;").replace("<", "&lt;")
    return f"<{start}>{inside}</{name}>", "application/xml"


def _tree(chance: random.Random, depth: int = 0) -> object:
    if depth < 3 and chance.random() < 0.6:
        return {chance.choice(_NAMES): _tree(chance, depth + 1) for _ in range(2)}
    return chance.choice([_value(chance), None, True, 1e999, -(10**30), [], [1, [2]], 0.1])


def _json(chance: random.Random) -> tuple[str, str]:
    return json.dumps(_tree(chance), ensure_ascii=chance.random() < 0.5), "application/json"


def _yaml(chance: random.Random) -> tuple[str, str]:
    lines = (f"{chance.choice(_NAMES)}: {_value(chance)}" for _ in range(3))
    return "---\n" + "\n".join(lines), "application/x-yaml"


def _form(chance: random.Random) -> tuple[str, str]:
    names = (f"{chance.choice(_NAMES)}[{chance.choice(_NAMES)}]", chance.choice(_NAMES))
    fields = [(chance.choice(names), _value(chance)) for _ in range(3)]
    return urlencode(fields), "application/x-www-form-urlencoded"


def _multipart(chance: random.Random) -> tuple[str, str]:
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{chance.choice(_NAMES)}"\r\n'
        f"Content-Type: text/plain; charset={chance.choice(_ENCODINGS[:-3])}\r\n\r\n"
        f"{_value(chance)}\r\n"
        for _ in range(2)
    )
    return f"{parts}--x--\r\n", "multipart/form-data; boundary=x"


@contextmanager
def watching() -> Iterator[list[logging.LogRecord]]:
    """Yield a list of what the sandbox and waitress log."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = records.append  # type: ignore[method-assign, assignment]
    loggers = [logging.getLogger(name) for name in ("backpack_orm.sandbox", "waitress")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield records
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def fault_of(url: str, odd: Odd, log: list[logging.LogRecord]) -> str | None:
    """Send a request; return what is wrong with the response or the log, None if nothing is.

    The service responds with 500 to wrong parameters, so that is no fault if the log says so.
    """
    log.clear()
    began = time.thread_time()
    status = sent(url, odd)
    text = "\n".join(logging.Formatter().format(record) for record in log)
    if any(record.exc_info or record.levelno >= logging.ERROR for record in log):
        return f"{status}: {text}"
    if status == 500 and "cannot read" not in text:
        return f"500 without a reason: {text}"
    if CANARY in text:
        return f"a text of a user is in the log: {text}"
    if time.thread_time() - began > 5:
        return "it takes too long"
    return None


def sent(url: str, odd: Odd) -> int:
    """Send a request and return the status of the response."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60) as client:
        client.sendall(odd.head.encode("latin-1") + odd.body)
        response = http.client.HTTPResponse(client, method=odd.head.partition(" ")[0])
        response.begin()
        response.read()
        return response.status
