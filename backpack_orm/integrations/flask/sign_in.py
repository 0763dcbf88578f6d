"""A blueprint for Flask that signs users in, and makes the connection of each current."""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.blueprints import BlueprintSetupState

from backpack_orm.connection.context import Missing
from backpack_orm.errors import AuthenticationError, BackpackError, ValidationError
from backpack_orm.integrations.flask import accounts as contexts
from backpack_orm.integrations.sign_in import SignIn, failure

P = ParamSpec("P")

_NAME = "backpack"
_CSRF = "_backpack_csrf"
_ENDED = "Please sign in again."

logger = logging.getLogger("backpack_orm")


def sign_in_blueprint(flow: SignIn) -> Blueprint:
    """Return a blueprint that signs users in, and makes the connection of each user current.

    Its views are `backpack.login`, `backpack.callback`, `backpack.accounts` (to choose one) and
    `backpack.logout`, which takes POST. Their addresses are beside the redirect address of the
    registered application. Templates have `backpack_csrf_token()` for the form that logs out, and
    may replace `backpack/choose.html` and `backpack/failed.html`.

    Raises:
        ValidationError: When it is registered: the application has no `SECRET_KEY`, or its session
            cookie is not sent when the browser returns.

    >>> from flask import Flask
    >>> from backpack_orm.integrations.sign_in import SignIn
    >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/backpack/callback"), {})
    >>> app = Flask("trips")
    >>> app.secret_key = "for sessions"
    >>> app.register_blueprint(sign_in_blueprint(flow))
    >>> with app.test_request_context():
    ...     url_for("backpack.login", next="/pages/7")
    '/backpack/login?next=/pages/7'
    """
    prefix, _, last = urlsplit(flow.app.redirect_uri).path.rpartition("/")
    blueprint = Blueprint(_NAME, __name__, url_prefix=prefix or None, template_folder="templates")
    blueprint.record_once(lambda state: _set_up(state, flow))
    blueprint.after_request(_protect)
    blueprint.add_url_rule("/login", view_func=login)
    blueprint.add_url_rule(f"/{last}", view_func=callback)
    blueprint.add_url_rule("/accounts", view_func=accounts)
    blueprint.add_url_rule("/accounts", view_func=choose, methods=["POST"])
    blueprint.add_url_rule("/logout", view_func=logout, methods=["POST"])
    return blueprint


def sign_in_required(view: Callable[P, Any]) -> Callable[P, Any]:
    """Let only users who are signed in reach a view; a decorator below `@app.route`.

    Others are redirected to sign in, and then back; 401 if the request is not a GET. If a call in
    the view raises `AuthenticationError`, because the user has withdrawn access, the response is
    401 with a link to sign in again.

    >>> @sign_in_required
    ... def titles():
    ...     return [page.title for page in Page.all()]
    """

    @wraps(view)
    def only_signed_in(*args: P.args, **options: P.kwargs) -> Any:
        if isinstance(contexts.user(), Missing):
            return _to_sign_in()
        try:
            return current_app.ensure_sync(view)(*args, **options)
        except AuthenticationError as error:
            logger.warning("a user has to sign in again: %s", error)
            return _failed(401, _ENDED)

    return only_signed_in


def login() -> Response:
    """Redirect the browser to the provider."""
    return _redirected(contexts.flow().start(session, request.args.get("next")))


def callback() -> Response:
    """Complete the sign-in with which the browser returns."""
    query = request.query_string.decode("ascii", "replace")
    try:
        path = contexts.flow().finish(session, query, _new_session)
    except BackpackError as error:
        return _refused(error)
    return _redirected(path or url_for("backpack.accounts"))


def accounts() -> Response:
    """Let the user choose an account."""
    found = contexts.flow().accounts(session)
    if not found:
        return _redirected(url_for("backpack.login"))
    return make_response(render_template("backpack/choose.html", accounts=found))


def choose() -> Response:
    """Select the account that the user has chosen."""
    _check_token()
    try:
        return _redirected(contexts.flow().choose(session, request.form.get("account", "")))
    except BackpackError as error:
        return _refused(error)


def logout() -> Response:
    """Sign the user out."""
    _check_token()
    contexts.flow().end(session, _new_session)
    return _redirected(contexts.flow().home)


def _set_up(state: BlueprintSetupState, flow: SignIn) -> None:
    """Configure an application, or refuse one whose sessions would not work."""
    config = state.app.config
    if not config["SECRET_KEY"]:
        raise ValidationError("SECRET_KEY is missing: sessions, which sign-in needs, require it")
    if config["SESSION_COOKIE_SAMESITE"] == "Strict":
        raise ValidationError(
            "SESSION_COOKIE_SAMESITE is 'Strict', so the provider's page would return the browser "
            "without its session: use 'Lax'"
        )
    state.app.extensions[contexts.FLOW] = flow
    contexts.select_account(state.app)
    state.app.add_template_global(_token, "backpack_csrf_token")


def _protect(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "same-origin"  # the address of the callback has a code
    response.headers["X-Frame-Options"] = "DENY"
    return response


def _new_session() -> None:
    """Start a new session, also if an extension stores sessions on the server."""
    regenerate = getattr(current_app.session_interface, "regenerate", None)
    if regenerate is not None:
        regenerate(session)
    session.clear()
    contexts.forget_user()


def _token() -> str:
    """Return the token that proves that a form is of this site."""
    if not session.get(_CSRF):
        session[_CSRF] = secrets.token_urlsafe(32)
    return str(session[_CSRF])


def _check_token() -> None:
    expected, found = session.get(_CSRF) or "", request.form.get("csrf_token", "")
    if not (expected and hmac.compare_digest(expected.encode(), found.encode("utf-8", "replace"))):
        abort(400, "The form has expired: go back, reload the page and try again.")


def _to_sign_in() -> Response:
    if request.method not in ("GET", "HEAD"):
        return _failed(401, _ENDED)
    if contexts.flow().accounts(session):
        return _redirected(url_for("backpack.accounts"))
    path = request.full_path if request.query_string else request.path
    return _redirected(url_for("backpack.login", next=f"{request.script_root}{path}"))


def _refused(error: BackpackError) -> Response:
    logger.warning("a sign-in has failed: %s", error)
    return _failed(*failure(error))


def _failed(status: int, text: str) -> Response:
    return make_response(render_template("backpack/failed.html", text=text), status)


def _redirected(location: str) -> Response:
    response: Any = redirect(location, 303)
    return make_response(response)
