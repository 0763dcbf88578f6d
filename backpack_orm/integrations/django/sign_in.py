"""Signing users in: the flow of the setting BACKPACK_SIGN_IN, a middleware and a decorator."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import sync_and_async_middleware
from django.utils.module_loading import import_string

from backpack_orm.connection.context import Missing, inside
from backpack_orm.errors import AuthenticationError
from backpack_orm.integrations.django.middleware import ACCOUNT, AsyncView, SyncView, streaming
from backpack_orm.integrations.sign_in import SignIn

SETTING = "BACKPACK_SIGN_IN"
_ENDED = "Please sign in again."

logger = logging.getLogger("backpack_orm")


def sign_in_flow() -> SignIn:
    """Return the flow that the setting `BACKPACK_SIGN_IN` names by its path.

    Raises:
        ImproperlyConfigured: The setting is missing, or names something else.
    """
    path = getattr(settings, SETTING, None)
    if not isinstance(path, str):
        raise ImproperlyConfigured(
            f"{SETTING} takes the path of a SignIn, such as 'diary.signing.sign_in'"
        )
    try:
        flow = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"{SETTING} names {path!r}: {error}") from error
    if not isinstance(flow, SignIn):
        raise ImproperlyConfigured(
            f"{SETTING} names {path!r}, a {type(flow).__name__}: name a SignIn"
        )
    return flow


@sync_and_async_middleware
def middleware(get_response: SyncView | AsyncView) -> SyncView | AsyncView:
    """Make the connection of the user who is signed in current in each view.

    It belongs below the middleware of sessions.
    """
    flow = sign_in_flow()
    if iscoroutinefunction(get_response):
        respond = cast(AsyncView, get_response)

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            found = await sync_to_async(flow.account)(request.session)
            setattr(request, ACCOUNT, found)
            with inside(found):
                return streaming(await respond(request))

        return async_middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        found = flow.account(request.session)
        setattr(request, ACCOUNT, found)
        with inside(found):
            return streaming(cast(SyncView, get_response)(request))

    return sync_middleware


def sign_in_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let only users who are signed in reach a view, which may be synchronous or not; a decorator.

    Others are redirected to sign in, and then back; 401 if the request is not a GET. If a call in
    the view raises `AuthenticationError`, because the user has withdrawn access, the response is
    401 with a link to sign in again.

    >>> @sign_in_required
    ... def titles(request):
    ...     return JsonResponse([page.title for page in Page.all()], safe=False)
    """
    if iscoroutinefunction(view):
        respond = cast(Callable[..., Awaitable[HttpResponseBase]], view)

        @wraps(view)
        async def async_view(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
            if not _is_signed_in(request):
                return await sync_to_async(_to_sign_in)(request)
            try:
                return await respond(request, *args, **options)
            except AuthenticationError as error:
                return _ended(request, error)

        return async_view

    @wraps(view)
    def sync_view(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if not _is_signed_in(request):
            return _to_sign_in(request)
        try:
            response: HttpResponseBase = view(request, *args, **options)
            return response
        except AuthenticationError as error:
            return _ended(request, error)

    return sync_view


def failed(request: HttpRequest, status: int, text: str) -> HttpResponseBase:
    """Return the page of a sign-in that has failed."""
    return render(request, "backpack/failed.html", {"text": text}, status=status)


def _is_signed_in(request: HttpRequest) -> bool:
    if not hasattr(request, ACCOUNT):
        raise ImproperlyConfigured(
            "sign_in_required needs backpack_orm.integrations.django.sign_in.middleware: add it to "
            "MIDDLEWARE; for a RequestFactory, set request.session and call "
            "middleware(view)(request)"
        )
    return not isinstance(getattr(request, ACCOUNT), Missing)


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        return failed(request, 401, _ENDED)
    if sign_in_flow().accounts(request.session):
        return HttpResponseRedirect(reverse("backpack:accounts"))
    query = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('backpack:login')}?{query}")


def _ended(request: HttpRequest, error: AuthenticationError) -> HttpResponseBase:
    logger.warning("a user has to sign in again: %s", error)
    return failed(request, 401, _ENDED)
