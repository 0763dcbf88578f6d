"""An application that signs users in: the addresses and secrets it is registered with."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from cachetools import TTLCache

from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.oauth.callbacks import read_callback
from backpack_orm.connection.oauth.grant import Grant
from backpack_orm.connection.oauth.hosts import (
    AllowedHosts,
    default_hosts,
    provider_url,
    redirect_address,
)
from backpack_orm.connection.oauth.provider import SIGN_IN_PATH, UNSENT_ONLY, Provider
from backpack_orm.connection.oauth.token_set import TokenSet, received, token
from backpack_orm.connection.redaction import Secret, log_redactor
from backpack_orm.connection.retries import Outcome
from backpack_orm.connection.settings import Settings, checked
from backpack_orm.errors import (
    AuthenticationError,
    BackpackError,
    InvalidResponse,
    Timeout,
    ValidationError,
)

if TYPE_CHECKING:
    from backpack_orm.connection.hooks import Hooks

PROVIDER = "https://launchpad.37signals.com"
_CODES = 1000
_SECONDS = 3600  # no code lives as long

_lock = Lock()


@after_fork
def _renew_lock() -> None:
    global _lock
    _lock = Lock()


class OAuthApp:
    """An application that is registered with an OAuth 2 provider, to sign users in.

    Threads may share it. It cannot be pickled, since it contains the client secret.

    Args:
        client_id: The public identifier of the application.
        client_secret: Its password: it shows in no repr, log or error.
        redirect_uri: Where the provider sends the browser back to, exactly as it is registered: an
            https address, or http on this machine.
        provider: Address of the provider, up to the host: https, or http on this machine.
        hosts: Hosts that access tokens may be sent to; `*.` at the start stands for one more part
            of a name. None: `*.backpackit.com`, or this machine if the provider is on this machine.
        user_agent: The User-Agent header of requests to the provider; None for that of the library.
        timeout: Seconds to wait for a connection, and for the next part of a response.

    Raises:
        ValidationError: An argument is not valid. The message does not show the secret.

    Attributes:
        client_id: The public identifier of the application.
        redirect_uri: Where the provider sends the browser back to.
        provider: Address of the provider, without a slash at its end.

    >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
    >>> app
    OAuthApp('trips', redirect_uri='https://trips.example/back')
    >>> app.provider
    'https://launchpad.37signals.com'
    """

    client_id = redirect_uri = ""  # tracebacks may show an application whose __init__ has failed

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        *,
        provider: str = PROVIDER,
        hosts: Iterable[str] | None = None,
        user_agent: str | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
    ) -> None:
        secret = token(client_secret)
        del client_secret  # tracebacks may show the variables of this frame
        if secret is None:
            raise ValidationError(
                "client_secret takes printable ASCII characters without blanks; it is not shown"
            )
        if not isinstance(client_id, str) or token(client_id) is None:
            raise ValidationError("client_id takes printable ASCII characters without blanks")
        self._secret = secret
        log_redactor.add(secret)
        self.client_id = client_id
        self.redirect_uri = redirect_address(redirect_uri)
        self.provider = provider_url(provider)
        self._hosts = AllowedHosts(default_hosts(self.provider) if hosts is None else hosts)
        agent = {} if user_agent is None else {"user_agent": user_agent}
        options = {"timeout": timeout, "oauth_token": secret, **agent}
        settings = checked("OAuthApp", ("acme",), options)  # by the same rules
        if not isinstance(settings, Settings):
            raise settings
        self._requests = Provider(self.provider, settings.user_agent, settings.timeout)
        self._used: TTLCache[str, bool] = TTLCache(_CODES, _SECONDS)

    @property
    def hooks(self) -> Hooks:
        """Functions that are called with the requests to the provider, and with their responses.

        They are called when a code is exchanged, when a token is refreshed, by whichever
        connection, and when the accounts of a user are listed. No request.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> @app.hooks.on_request
        ... def show(event):
        ...     print(event.verb, event.url + event.path)
        """
        if self._requests.hooks is None:
            from backpack_orm.connection.hooks import Hooks  # most programs never need it

            self._requests.hooks = Hooks()
        return self._requests.hooks

    def authorization_url(self) -> tuple[str, str]:
        """Return the address to send the user's browser to, and the state to store. No request.

        Store the state in the user's session. It proves that the browser that returns is the one
        that was sent.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> url, state = app.authorization_url()
        >>> url.startswith("https://launchpad.37signals.com/authorization/new?type=web_server&")
        True
        """
        state = secrets.token_urlsafe(32)
        query = {
            "type": "web_server",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": state,
        }
        return f"{self.provider}{SIGN_IN_PATH}?{urlencode(query)}", state

    def exchange(self, callback_url: str, *, state: str | None) -> Grant:
        """Return the grant of a user who has returned from the sign-in page.

        Makes one request. It is repeated only if nothing was sent, since a code can be used once.

        Args:
            callback_url: The whole address that the browser has returned to, with its query.
            state: What `authorization_url` has returned for this user; it is required.

        Raises:
            AuthenticationError: The user has denied access, or the provider has refused the code
                or the client secret.
            ValidationError: The address is not that of a return from this sign-in: its host,
                scheme, path or state differs, or its code was used before. No request was made.
            InvalidResponse: The answer is not what the provider documents.
            BackpackError: The provider cannot be reached, or fails.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> url, state = app.authorization_url()
        >>> app.exchange("https://evil.example/back?code=1", state=state)
        Traceback (most recent call last):
        backpack_orm.errors.ValidationError: the browser has returned to another address than...
        """
        code = read_callback(callback_url, self.redirect_uri, state)
        del callback_url, state  # tracebacks may show the variables of this frame
        if not isinstance(code, Secret):
            raise code
        self._use(code)
        parameters = self._parameters("web_server") | {"code": code}
        try:
            tokens = self._request_tokens(parameters, UNSENT_ONLY)
        except AuthenticationError as error:
            error.hint = (
                "Check the client id, the client secret and the redirect address, and sign in "
                "again: a code can be used once, and only for a short time."
            )
            raise
        except BackpackError as error:
            if error.retryable:
                self._forget(code)
            else:
                error.add("the code may have been used: sign in again")
            raise
        return Grant(self, tokens, {})

    def sign_in(
        self,
        *,
        open_browser: Callable[[str], object] | None = None,
        ask: Callable[[str], str] | None = None,
        timeout: float = 300.0,
    ) -> Grant:
        """Sign the user of this machine in, for scripts and terminals, and return the grant.

        Opens the sign-in page in a browser, and waits at the redirect address for the browser to
        return. If the redirect address is not on this machine or its port is in use, or if no
        browser can be opened, it asks the user to paste the address that the browser ends at.
        Makes one request.

        Args:
            open_browser: Opens an address, and returns whether it could; `webbrowser.open` if None.
            ask: Shows a text to the user and returns a line of input; `input` if None.
            timeout: Seconds to wait for the browser to return.

        Raises:
            Timeout: The browser has not returned in time.
            BackpackError: As for `exchange`.

        >>> with Sandbox(seed="empty") as box:
        ...     registered = box.oauth.register("https://trips.example/back")
        ...     app = OAuthApp(
        ...         registered.client_id,
        ...         registered.client_secret,
        ...         registered.redirect_uri,
        ...         provider=box.url,
        ...     )
        ...     grant = app.sign_in(ask=lambda text: box.oauth.allow(text.split()[3]))
        ...     grant.accounts()[0].name
        'acme'
        """
        # most applications do not need it, and it loads a server
        from backpack_orm.connection.oauth.sign_in import callback_of

        url, state = self.authorization_url()
        callback = callback_of(url, state, self.redirect_uri, open_browser, ask, timeout)
        if callback is None:
            raise Timeout(f"the browser has not returned to {self.redirect_uri} in {timeout:g} s")
        return self._exchange_secret(callback, state)

    def _exchange_secret(self, callback: Secret, state: str) -> Grant:
        """Exchange an address whose code no frame of this library shows."""
        return self.exchange(callback.reveal(), state=state)

    def _use(self, code: Secret) -> None:
        """Remember that a code was used; refuse one that was used before."""
        key = _digest(code)
        with _lock:
            is_used = key in self._used
            self._used[key] = True
        if is_used:
            raise ValidationError("this code was used before: sign in again")

    def _forget(self, code: Secret) -> None:
        """Accept a code again that was certainly not used."""
        with _lock:
            self._used.pop(_digest(code), None)

    def _parameters(self, kind: str) -> dict[str, str | Secret]:
        """Return the parameters that all requests for tokens have."""
        return {
            "type": kind,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "client_secret": self._secret,
        }

    def _request_tokens(
        self,
        parameters: Mapping[str, str | Secret],
        repeat_after: frozenset[Outcome],
        old: TokenSet | None = None,
        deadline: Deadline | None = None,
    ) -> TokenSet:
        """Return new tokens from the provider."""
        answer = self._requests.token(parameters, deadline, repeat_after)
        tokens = received(answer, old)
        del answer  # tracebacks may show the variables of this frame
        if isinstance(tokens, str):
            host = urlsplit(self.provider).netloc
            raise InvalidResponse(f"the answer of {host} to a request for tokens {tokens}")
        return tokens

    def __repr__(self) -> str:
        return f"OAuthApp({self.client_id!r}, redirect_uri={self.redirect_uri!r})"

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("an application is never pickled or copied: it contains its secret")


def _digest(code: Secret) -> str:
    """Return a key of a code from which it cannot be derived."""
    return hashlib.blake2b(code.reveal().encode("utf-8", "surrogatepass")).hexdigest()
