"""A grant: what a user has allowed an application, and the connections that it opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from backpack_orm.connection.connection import Connection, opened
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.oauth.accounts import OAuthAccount, read_accounts
from backpack_orm.connection.oauth.provider import REPEATABLE
from backpack_orm.connection.oauth.refreshing import (
    SIGN_IN_AGAIN,
    OAuthCredentials,
    Observer,
    Tokens,
)
from backpack_orm.connection.oauth.stored import read_stored
from backpack_orm.connection.oauth.token_set import TokenSet
from backpack_orm.connection.settings import Settings, checked
from backpack_orm.errors import AuthenticationError, InvalidResponse, ValidationError
from backpack_orm.wire import parse, values
from backpack_orm.wire.endpoint import TokenLocation, rest
from backpack_orm.wire.shapes import Column, Shape

if TYPE_CHECKING:
    from backpack_orm.connection.oauth.app import OAuthApp

_ME = rest("GET", "me.xml", token_in=TokenLocation.PATH, reads="users")
_read_id = parse.one(Shape("user", (Column("id", values.INTEGER),)))
_NO_ACCESS = "Check the account: grant.accounts() lists those that the user can reach."


class Grant:
    """What a user has allowed an application: tokens, which are replaced in time.

    `OAuthApp.exchange`, `OAuthApp.sign_in` and `from_dict` return grants. Threads may share one.
    It cannot be pickled or copied, since that would copy its tokens: use `to_dict`.

    >>> with Sandbox(seed="demo") as box:
    ...     registered = box.oauth.register("https://trips.example/back")
    ...     app = OAuthApp(
    ...         registered.client_id,
    ...         registered.client_secret,
    ...         registered.redirect_uri,
    ...         provider=box.url,
    ...     )
    ...     url, state = app.authorization_url()
    ...     grant = app.exchange(box.oauth.allow(url), state=state)
    ...     with grant.connect(grant.accounts()[0]):
    ...         print(User.me().name, Page.find_by(title="Lisbon").title)
    Nora Whitfield Lisbon
    """

    def __init__(
        self,
        app: OAuthApp,
        tokens: TokenSet,
        users: Mapping[str, int],
        on_refresh: Callable[[Grant], object] | None = None,
        reload: Callable[[], Mapping[str, Any] | None] | None = None,
    ) -> None:
        self._app = app
        self._load = reload
        reload_tokens = None if reload is None else self._stored_tokens
        self._tokens = Tokens(tokens, self._request, self, reload_tokens)
        self._users = dict(users)
        self._observer = self._observe(on_refresh)

    @property
    def access_token(self) -> str:
        """The access token. It is a password.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> stored = {"client_id": "trips", "access_token": "a-token"}
        >>> Grant.from_dict(stored, app).access_token
        'a-token'
        """
        return self._tokens.current.access.reveal()

    @property
    def refresh_token(self) -> str | None:
        """The refresh token, which is a password; None if the provider has issued none.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> Grant.from_dict({"client_id": "trips", "access_token": "a"}, app).refresh_token is None
        True
        """
        refresh = self._tokens.current.refresh
        return None if refresh is None else refresh.reveal()

    @property
    def expires_at(self) -> datetime | None:
        """When the access token expires, by the clock of this machine; None if unknown.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> Grant.from_dict({"client_id": "trips", "access_token": "a"}, app).expires_at is None
        True
        """
        return self._tokens.current.expires_at

    def accounts(self, product: str | None = "backpack") -> list[OAuthAccount]:
        """Return the accounts that the user can reach; the list may be empty.

        Makes one request, and more if the access token has to be replaced. No request is made to
        the addresses in the answer.

        Args:
            product: The product whose accounts to return; None for those of all products.

        Raises:
            AuthenticationError: The user has to sign in again.
            InvalidResponse: The answer is not what the provider documents.
            BackpackError: The provider cannot be reached, or fails.

        >>> with Sandbox(seed="empty") as box:
        ...     registered = box.oauth.register("https://trips.example/back")
        ...     app = OAuthApp(
        ...         registered.client_id,
        ...         registered.client_secret,
        ...         registered.redirect_uri,
        ...         provider=box.url,
        ...     )
        ...     url, state = app.authorization_url()
        ...     app.exchange(box.oauth.allow(url), state=state).accounts()
        [OAuthAccount(name='acme', product='backpack', href='http://127.0.0.1:...', id=40000000)]
        """
        provider = self._app._requests
        secret = self._tokens.fresh(None)
        try:
            answer = provider.accounts(secret)
        except AuthenticationError:
            self._tokens.replace(secret, None)
            answer = provider.accounts(self._tokens.current.access)
        accounts = read_accounts(answer)
        del answer  # tracebacks may show the variables of this frame
        if accounts is None:
            host = urlsplit(provider.url).netloc
            raise InvalidResponse(f"{host} has sent a list of accounts of another form")
        return [each for each in accounts if product is None or each.product.lower() == product]

    def connect(
        self,
        account: str | OAuthAccount,
        *,
        on_refresh: Callable[[Grant], object] | None = None,
        **options: Any,
    ) -> Connection:
        """Return a connection to an account as this user. It does not become the default.

        Makes one request, to find the id of the user in the account, and none if the grant
        contains it. The connection replaces the access token before it expires, and once if the
        account refuses it: then reads are repeated, and so are writes that were certainly not
        processed.

        Args:
            account: The account's name, its address, or one of `accounts()`.
            on_refresh: Called with the grant after the access token was replaced, and before the
                new one is used; store `grant.to_dict()` there. If it raises an error, the call
                that needed the token raises it.
            options: The other options of `Connection`, such as `timezone` and `read_only`.

        Raises:
            ValidationError: An option is not valid, or the token must not be sent to this host.
            AuthenticationError: The user has to sign in again, or cannot reach this account.
            BackpackError: The account cannot be reached.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> grant = Grant.from_dict({"client_id": "trips", "access_token": "a-token"}, app)
        >>> grant.connect("https://acme.example")
        Traceback (most recent call last):
        backpack_orm.errors.ValidationError: the access token is not sent to 'acme.example', only...
        """
        settings = self._settings(account, options)
        host = urlsplit(settings.url).netloc
        user_id = self._users.get(host)
        if user_id is None:
            user_id = self._users[host] = self._find_user(settings, on_refresh)
        return self._opened(settings, user_id, on_refresh)

    def refresh(self) -> None:
        """Replace the access token now. Makes one request.

        Connections do it themselves. Connections of this grant use the new token from then on.

        Raises:
            AuthenticationError: The refresh token was refused: the user has to sign in again.
            BackpackError: The provider cannot be reached, or fails.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> Grant.from_dict({"client_id": "trips", "access_token": "a-token"}, app).refresh()
        Traceback (most recent call last):
        backpack_orm.errors.AuthenticationError: ...expired, without a refresh token
        """
        self._tokens.refresh()

    def to_dict(self) -> dict[str, Any]:
        """Return the grant as plain values, ready for JSON, to store it. No request.

        They contain the tokens: store them like a password, readable for the application alone.

        >>> app = OAuthApp("trips", "s3cret", "https://trips.example/back")
        >>> stored = {"client_id": "trips", "access_token": "a-token"}
        >>> sorted(Grant.from_dict(stored, app).to_dict())
        ['access_token', 'client_id', 'expires_at', 'provider', 'refresh_token', 'users']
        """
        current = self._tokens.current
        return {
            "provider": self._app.provider,
            "client_id": self._app.client_id,
            "access_token": current.access.reveal(),
            "refresh_token": None if current.refresh is None else current.refresh.reveal(),
            "expires_at": None if current.expires_at is None else current.expires_at.isoformat(),
            "users": dict(self._users),
        }

    @classmethod
    def from_dict(
        cls,
        stored: Mapping[str, Any],
        app: OAuthApp,
        *,
        on_refresh: Callable[[Grant], object] | None = None,
        reload: Callable[[], Mapping[str, Any] | None] | None = None,
    ) -> Grant:
        """Return a grant from what `to_dict` has returned. No request.

        Args:
            stored: The values; only `client_id` and `access_token` are required.
            app: The application that it was granted to.
            on_refresh: As for `connect`, but for all that needs a new token, `accounts` included.
            reload: Returns the values that are stored now; None if the user has signed out. It is
                called before each refresh, and after a refused one: tokens that another process
                has stored are used instead of refreshing twice. Required for several processes if
                the provider replaces refresh tokens, and revokes all if an old one is used.

        Raises:
            ValidationError: The values are damaged, or are those of another application or
                provider. The message shows no values.

        >>> Grant.from_dict({}, OAuthApp("trips", "s3cret", "https://trips.example/back"))
        Traceback (most recent call last):
        backpack_orm.errors.ValidationError: the stored grant has no valid client_id...
        """
        found = read_stored(stored, app.client_id, app.provider)
        del stored  # tracebacks may show the variables of this frame
        if isinstance(found, ValidationError):
            raise found
        return cls(app, *found, on_refresh, reload)

    def _settings(self, account: str | OAuthAccount, options: dict[str, Any]) -> Settings:
        if isinstance(account, OAuthAccount):
            account = account.href
        for name in ("token", "oauth_token"):
            if name in options:
                options.clear()  # tracebacks may show the variables of this frame
                raise TypeError(f"a grant has its own token: leave out {name}")
        if options.get("allow_insecure"):
            raise ValidationError("allow_insecure: an access token is never sent in clear")
        secret = {"oauth_token": self._tokens.current.access}
        settings = checked("Grant.connect", (account,), options | secret)
        if not isinstance(settings, Settings):
            raise settings
        self._app._hosts.check(settings.url)
        return settings

    def _find_user(self, settings: Settings, on_refresh: Callable[[Grant], object] | None) -> int:
        """Return the id of the user in an account. Makes one request."""
        with self._opened(settings, None, on_refresh) as connection:
            try:
                (user_id,) = connection.call(_ME, read=_read_id)
            except AuthenticationError as error:
                if error.hint != SIGN_IN_AGAIN:
                    error.hint = _NO_ACCESS
                raise
        assert isinstance(user_id, int)
        return user_id

    def _opened(
        self,
        settings: Settings,
        user_id: int | None,
        on_refresh: Callable[[Grant], object] | None,
    ) -> Connection:
        credentials = OAuthCredentials(self._tokens, user_id, self._observe(on_refresh))
        return opened(settings, credentials)

    def _observe(self, on_refresh: Callable[[Grant], object] | None) -> Observer | None:
        """Call a function after each refresh, as long as what is returned is referenced."""
        if on_refresh is None:
            return None
        observer = Observer(on_refresh)
        self._tokens.add(observer)
        return observer

    def _stored_tokens(self) -> TokenSet:
        """Return the tokens that are stored now."""
        assert self._load is not None
        stored = self._load()
        if stored is None:
            error = AuthenticationError("the user has signed out")
            error.hint = SIGN_IN_AGAIN
            raise error
        found = read_stored(stored, self._app.client_id, self._app.provider)
        del stored  # tracebacks may show the variables of this frame
        if isinstance(found, ValidationError):
            raise found
        return found[0]

    def _request(self, old: TokenSet, deadline: Deadline | None) -> TokenSet:
        """Return new tokens from the provider."""
        assert old.refresh is not None
        app = self._app
        parameters = app._parameters("refresh") | {"refresh_token": old.refresh}
        try:
            return app._request_tokens(parameters, REPEATABLE, old, deadline)
        except AuthenticationError as error:
            error.add("the access token cannot be refreshed")
            error.hint = SIGN_IN_AGAIN
            raise

    def __repr__(self) -> str:
        expiry = self.expires_at
        until = "unknown" if expiry is None else f"{expiry:%Y-%m-%d %H:%M:%S} UTC"
        return f"<Grant to {self._app.client_id!r}, access token expires: {until}>"

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("a grant is never pickled or copied, since it contains tokens: use to_dict")
