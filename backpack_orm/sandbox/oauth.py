"""The OAuth provider of a sandbox, as programs use it: `box.oauth`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from .models import OAuthApplication
from .oauth_applications import Application, Refusal, registered, store_application
from .oauth_grants import Grants
from .tokens import Caller, account_named, caller_with_key, user_named
from .transactions import Database, Transaction

LOG_LENGTH = 10_000
FLOW = "web_server"


class TokenRequest(NamedTuple):
    """A request for tokens, as in the log of the provider.

    Attributes:
        type: `web_server` to trade a code, `refresh` for a new access token.
        client_id: The application.
        error: Why it was refused; None if it was not.

    >>> TokenRequest("refresh", "trips", None).type
    'refresh'
    """

    type: str
    client_id: str
    error: str | None


class SignIn(NamedTuple):
    """A valid request for the sign-in page."""

    application: OAuthApplication
    state: str | None

    def location(self, **answer: str) -> str:
        """Return where the browser returns to, with the answer in the query."""
        if self.state is not None:
            answer["state"] = self.state
        address = self.application.redirect_uri
        joint = "&" if urlsplit(address).query else "?"
        return f"{address}{joint}{urlencode(answer)}"


class OAuth:
    """The OAuth 2 provider of a sandbox: `box.oauth`.

    Browsers use the page `/authorization/new`, where a user signs in with the API token. Programs
    can answer in the place of the user with `allow` and `deny`. Applications, codes and tokens are
    stored with the accounts: other processes that serve the same database know them.

    Attributes:
        grants: The codes and tokens; set `grants.code_lifetime` and `grants.token_lifetime` to the
            seconds after which new ones expire, and `grants.rotates` to replace refresh tokens too.

    >>> with Sandbox(seed="empty") as box:
    ...     app = box.oauth.register("https://trips.example/back", name="Trips", client_id="trips")
    ...     query = f"type=web_server&client_id=trips&redirect_uri={app.redirect_uri}&state=abc"
    ...     back = box.oauth.allow(f"{box.url}/authorization/new?{query}")
    ...     back.startswith("https://trips.example/back?code="), box.oauth.log
    (True, [])
    """

    def __init__(
        self,
        database: Database,
        account: str,
        now: Callable[[], datetime],
        applications: Iterable[Application] = (),
    ) -> None:
        self._database, self._account, self._now = database, account, now
        self._applications = tuple(applications)
        self._requests: deque[TokenRequest] = deque(maxlen=LOG_LENGTH)
        self.grants = Grants(database)

    def __repr__(self) -> str:
        return f"<OAuth of {self._account!r}>"

    @property
    def log(self) -> list[TokenRequest]:
        """The last 10,000 requests for tokens to this process, newest last.

        >>> with Sandbox(seed="empty") as box:
        ...     box.oauth.log
        []
        """
        return list(self._requests)

    def register(
        self,
        redirect_uri: str,
        *,
        name: str = "An application",
        client_id: str | None = None,
        client_secret: str | None = None,
    ) -> Application:
        """Register an application and return it, with its client id and client secret.

        Args:
            redirect_uri: Where the browser returns to: https, or http on this machine.
            name: Name that the sign-in page shows.
            client_id: Public identifier; a random one if None.
            client_secret: Password of the application; a random one if None.

        Raises:
            ValueError: The address is not valid, or the client id is taken.

        >>> with Sandbox(seed="empty") as box:
        ...     box.oauth.register("http://127.0.0.1:9000/back", client_id="trips").name
        'An application'
        """
        chosen = {"client_id": client_id, "client_secret": client_secret}
        given = {key: value for key, value in chosen.items() if value is not None}
        application = Application(redirect_uri, name, **given)
        with self._database.transaction() as session:
            self._database.lock_names(session)
            if registered(session, application.client_id) is not None:
                raise ValueError(
                    f"there is an application with the client id {client_id!r} already"
                )
            store_application(session, application)
        return application

    def open(self) -> None:
        """Store the applications that the sandbox was created with.

        One that is stored already gets the name, the address and the secret given now.
        """
        with self._database.transaction() as session:
            self._database.lock_names(session)
            for application in self._applications:
                store_application(session, application)

    def allow(self, url: str, user: str | int | None = None, *, account: str | None = None) -> str:
        """Allow what an application asks for, as a user does on the sign-in page.

        Args:
            url: Address of the sign-in page, as the application has made it.
            user: Name or id of the user; the first one of the account if None.
            account: Name of the account; the sandbox's own if None.

        Returns:
            The address that the browser returns to.

        Raises:
            ValueError: The page would refuse the address, or there is no such user.

        >>> with Sandbox(seed="empty") as box:
        ...     box.oauth.allow(f"{box.url}/authorization/new?type=web_server&client_id=unknown")
        Traceback (most recent call last):
        ValueError: no application has this client id
        """
        request = self._sign_in_at(url)
        with self._database.reading() as session:
            home = account_named(session, account or self._account)
            key = user_named(home, user).key
        return self.allowed(request, key)

    def deny(self, url: str) -> str:
        """Deny what an application asks for; return the address that the browser returns to.

        Raises:
            ValueError: The page would refuse the address.

        >>> with Sandbox(seed="empty") as box:
        ...     app = box.oauth.register("https://trips.example/back", client_id="trips")
        ...     query = f"type=web_server&client_id=trips&redirect_uri={app.redirect_uri}"
        ...     box.oauth.deny(f"{box.url}/authorization/new?{query}")
        'https://trips.example/back?error=access_denied'
        """
        return self._sign_in_at(url).location(error="access_denied")

    def revoke(self, client_id: str | None = None) -> int:
        """Revoke all tokens of an application, or of all applications; return their number.

        >>> with Sandbox(seed="empty") as box:
        ...     box.oauth.revoke()
        0
        """
        return self.grants.revoke(client_id, keep_refresh_tokens=False)

    def expire_access_tokens(self) -> int:
        """Make all access tokens invalid, but no refresh token; return their number.

        >>> with Sandbox(seed="empty") as box:
        ...     box.oauth.expire_access_tokens()
        0
        """
        return self.grants.revoke(None, keep_refresh_tokens=True)

    def sign_in(self, parameters: dict[str, str]) -> SignIn:
        """Return a request for the sign-in page; refuse one that must not be answered."""
        with self._database.reading() as session:
            application = registered(session, parameters.get("client_id", ""))
        if application is None:
            raise Refusal(400, "invalid_client", "no application has this client id")
        if parameters.get("redirect_uri") != application.redirect_uri:
            description = "redirect_uri is not the one that the application has registered"
            raise Refusal(400, "redirect_uri_mismatch", description)
        if parameters.get("type") != FLOW:
            raise Refusal(400, "unsupported_type", f"type must be {FLOW}")
        return SignIn(application, parameters.get("state"))

    def allowed(self, request: SignIn, user_key: int) -> str:
        """Return where the browser returns to after a user has allowed a request."""
        code = self.grants.new_code(request.application.key, user_key, self._now())
        return request.location(code=code)

    def record(self, request: TokenRequest) -> None:
        """Add a request to the log."""
        self._requests.append(request)

    def caller(self, transaction: Transaction, access_token: str, account: str) -> Caller | None:
        """Return the user of an account that an access token authenticates; None if there is none.

        Executes two statements, or one if the token is not valid.
        """
        key = self.grants.user_key(transaction, access_token, account, self._now())
        return None if key is None else caller_with_key(transaction, key)

    def _sign_in_at(self, url: str) -> SignIn:
        try:
            return self.sign_in(dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)))
        except Refusal as refusal:
            raise ValueError(refusal.description) from None
