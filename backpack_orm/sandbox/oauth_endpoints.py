"""The end-points of the OAuth provider: draft 5, with `type` instead of `grant_type`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.exceptions import RequestEntityTooLarge

from .calls import Service, current_service, xml
from .credentials import bearer_token
from .guard import SIGN_IN
from .models import User
from .oauth import FLOW, TokenRequest
from .oauth_applications import Refusal, authenticated
from .oauth_grants import Authorization, Issued
from .oauth_page import refused_page, sign_in_page
from .rendering import element, field
from .transactions import Transaction

oauth = Blueprint("oauth", __name__)

_IDENTITIES = 9_000_000  # ids of records are larger
_LARGEST_FORM = 64 * 1024  # bytes; anybody may send one


@oauth.before_request
def refuse_large_forms() -> None:
    """Respond with 413 to a form that no client sends, before it is parsed."""
    if (request.content_length or 0) > _LARGEST_FORM:
        raise RequestEntityTooLarge


@oauth.get(SIGN_IN)
@oauth.post(SIGN_IN)
def new() -> Any:
    """Show the sign-in page, or redirect the browser with the user's answer."""
    service = current_service()
    try:
        wanted = service.provider.sign_in(request.args.to_dict())
    except Refusal as refusal:
        return refused_page(refusal.description)
    if request.method == "GET":
        return sign_in_page(wanted)
    if request.form.get("answer") == "deny":
        return _redirected(wanted.location(error="access_denied"))
    with service.database.snapshot() as transaction:
        token = request.form.get("token", "").strip()
        user = service.authenticator.caller(transaction, token)
    if user is None:
        return sign_in_page(wanted, "This is not the API token of a user.")
    return _redirected(service.provider.allowed(wanted, user.key))


def _redirected(location: str) -> Any:
    response = redirect(location, 303)  # with 307, the browser would send the API token on
    response.headers["Cache-Control"] = "no-store"
    return response


@oauth.post("/authorization/token")
def token() -> Response:
    """Trade a code or a refresh token; parameters are in the query or a form."""
    service = current_service()
    parameters = request.values.to_dict()
    kind, client_id = parameters.get("type", ""), parameters.get("client_id", "")
    error = None
    try:
        answer = service.database.write(
            lambda transaction: _tokens(service, transaction, kind, client_id, parameters)
        )
    except Refusal as refusal:
        answer = refusal
    if isinstance(answer, Refusal):
        error = answer.error
        response = _refused(answer)
    else:
        response = jsonify(answer)
    service.provider.record(TokenRequest(kind, client_id, error))
    response.headers["Cache-Control"] = "no-store"
    return response


def _tokens(
    service: Service,
    transaction: Transaction,
    kind: str,
    client_id: str,
    parameters: dict[str, str],
) -> dict[str, Any] | Refusal:
    if not kind:
        raise Refusal(400, "invalid_request", "type is missing; grant_type does not replace it")
    secret = parameters.get("client_secret", "")
    application = authenticated(transaction.session, client_id, secret)
    if parameters.get("redirect_uri") != application.redirect_uri:
        description = "redirect_uri is not the one that the application has registered"
        raise Refusal(400, "redirect_uri_mismatch", description)
    grants, now = service.provider.grants, service.now()
    if kind == FLOW:
        issued: Issued = grants.trade(transaction, application, parameters.get("code", ""), now)
    elif kind == "refresh":
        token = parameters.get("refresh_token", "")
        issued = grants.refresh(transaction, application, token, now)
    else:
        raise Refusal(400, "unsupported_type", f"type must be {FLOW} or refresh")
    if isinstance(issued, Refusal):
        return issued
    access, refresh = issued
    answer = {"access_token": access, "expires_in": int(grants.token_lifetime)}
    return answer if refresh is None else answer | {"refresh_token": refresh}


def _refused(refusal: Refusal) -> Response:
    response = jsonify(error=refusal.error, error_description=refusal.description)
    response.status_code = refusal.status
    return response


@oauth.get("/authorization.json")
def authorization_as_json() -> Response:
    """Respond with the accounts that the user of an access token can reach."""
    found = _authorization(current_service())
    if found is None:
        return _refused(Refusal(401, "invalid_token", "the access token is wrong or has expired"))
    return jsonify(
        expires_at=f"{found.expires_at:%Y-%m-%dT%H:%M:%SZ}",
        identity=_identity_fields(found),
        accounts=_accounts(found),
    )


@oauth.get("/authorization.xml")
def authorization_as_xml() -> Response:
    """Respond with the same as XML."""
    found = _authorization(current_service())
    if found is None:
        refused = element("error", "the access token is wrong or has expired")
        return xml(refused, 401).render()
    accounts = (
        element("account", [field(name, value) for name, value in fields.items()])
        for fields in _accounts(found)
    )
    fields = _identity_fields(found).items()
    root = element(
        "authorization",
        [
            field("expires-at", found.expires_at),
            element("identity", [field(name.replace("_", "-"), value) for name, value in fields]),
            element("accounts", accounts, type="array"),
        ],
    )
    return xml(root).render()


def _authorization(service: Service) -> Authorization | None:
    """Return what the access token of the request stands for; None if it is not valid."""
    return service.provider.grants.authorization(bearer_token(request), service.now())


def _identity_fields(found: Authorization) -> dict[str, Any]:
    """Return the person. The id is not the id of a user in any account."""
    first, _, last = found.users[0].name.partition(" ")
    return {
        "id": _IDENTITIES + found.users[0].key,
        "first_name": first,
        "last_name": last,
        "email_address": found.address,
    }


def _accounts(found: Authorization) -> list[dict[str, Any]]:
    """Return the accounts that a client can reach: the ports of others are behind the proxy."""
    service = current_service()
    return [
        _account_fields(user)
        for user in found.users
        if not service.has_public_url or user.account.name == service.account
    ]


def _account_fields(user: User) -> dict[str, Any]:
    """Return an account. The sandbox's own has the address of the request, others a port each."""
    name = user.account.name
    port = current_service().port_of(name)
    host = request.host
    if port is not None:
        hostname = urlsplit(f"//{host}").hostname or ""
        host = f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"
    href = f"{request.scheme}://{host}"
    return {"product": "backpack", "id": user.account.id, "name": name, "href": href}
