"""The address that a browser returns to after a user has signed in: what it says, if it is safe."""

from __future__ import annotations

import hmac
from urllib.parse import SplitResult, parse_qsl, urlsplit

from backpack_orm.connection.redaction import Secret
from backpack_orm.errors import AuthenticationError, BackpackError, ValidationError, redacted

_ANSWERS = ("code", "error", "error_description", "state")
_PORTS = {"http": 80, "https": 443}


def read_callback(address: object, redirect_uri: str, state: object) -> Secret | BackpackError:
    """Return the code in the address that the browser returned to, or why there is none.

    An error is returned, not raised, since its frames would contain the code.

    Args:
        address: The whole address, with its query.
        redirect_uri: The address that the provider was told to redirect to.
        state: The state that `authorization_url` has returned.
    """
    if not isinstance(state, str) or not state:
        return ValidationError("state is missing: pass what authorization_url() has returned")
    if not isinstance(address, str):
        return ValidationError("pass the whole address that the browser has returned to, as text")
    try:
        found, expected = urlsplit(address.strip()), urlsplit(redirect_uri)
        is_same = _place(found) == _place(expected)
    except ValueError:
        is_same = False
    if not is_same:
        return ValidationError(
            f"the browser has returned to another address than {redirect_uri}: pass the whole "
            "address, from https:// on; do not sign in if it is of another host"
        )
    query, own = parse_qsl(found.query, keep_blank_values=True), parse_qsl(expected.query)
    answers = [(name, value) for name, value in query if name in _ANSWERS]
    values = dict(answers)
    if len(values) != len(answers) or [pair for pair in own if pair not in query]:
        return ValidationError("the address has other parameters than a provider returns")
    if not hmac.compare_digest(_bytes(values.get("state", "")), _bytes(state)):
        return ValidationError(
            "the state in the address is missing or is not that of this sign-in, which another "
            "page may have started: sign in again"
        )
    return _code(values)


def _code(values: dict[str, str]) -> Secret | BackpackError:
    if "error" in values:
        denied = AuthenticationError(
            f"the provider returned no code: {redacted(values['error'][:60])}"
        )
        denied.hint = "Ask the user to sign in again, and to allow access."
        return denied
    code = values.get("code", "")
    if not code:
        return ValidationError("the address has no code: pass the whole address, with its query")
    return Secret(code)


def _place(parts: SplitResult) -> tuple[object, ...]:
    port = parts.port or _PORTS.get(parts.scheme)
    return parts.scheme, parts.username, parts.hostname, port, parts.path or "/", parts.fragment


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
