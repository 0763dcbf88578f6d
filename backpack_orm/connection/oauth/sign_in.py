"""Signing in the user of this machine: by a browser that returns here, or by a pasted address."""

from __future__ import annotations

import hmac
import webbrowser
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from backpack_orm.connection.addresses import is_loopback
from backpack_orm.connection.oauth.loopback import Listener
from backpack_orm.connection.redaction import Secret

_OPEN = "Open this address: {url}\n"
_PASTE = "Sign in there, then paste the whole address that the browser ends at: "


def callback_of(
    url: str,
    state: str,
    redirect_uri: str,
    open_browser: Callable[[str], object] | None,
    ask: Callable[[str], str] | None,
    timeout: float,
) -> Secret | None:
    """Return the address that the browser has returned to; None if it has not in time.

    Args:
        url: Address of the sign-in page.
        state: The state in it: only a return with the same state counts.
        redirect_uri: Where the browser returns to.
        open_browser: Opens an address, and returns whether it could; `webbrowser.open` if None.
        ask: Shows a text and returns a line of input; `input` if None.
        timeout: Seconds to wait.
    """
    listener = _listening(redirect_uri, state)
    if listener is not None:
        with listener:
            if (open_browser or webbrowser.open)(url):
                return listener.wait(timeout)
    return Secret((ask or input)(_OPEN.format(url=url) + _PASTE).strip())


def _listening(redirect_uri: str, state: str) -> Listener | None:
    """Return a listener at the redirect address; None if this program cannot listen there."""
    parts = urlsplit(redirect_uri)
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        return None

    def is_awaited(target: str) -> bool:
        query = urlsplit(target).query
        found = parse_qs(query).get("state", [""])[0]
        return hmac.compare_digest(found.encode("utf-8", "surrogatepass"), state.encode())

    try:
        return Listener(redirect_uri, is_awaited)
    except OSError:
        return None  # the port is in use: the user pastes the address
