"""Views that sign users in and out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backpack_orm.errors import BackpackError
from backpack_orm.integrations.django.sign_in import failed, sign_in_flow
from backpack_orm.integrations.sign_in import failure

View = Callable[[HttpRequest], HttpResponseBase]

logger = logging.getLogger("backpack_orm")


def _protected(view: View) -> View:
    """Keep the responses of a view out of caches, frames and the addresses sent to other sites."""

    @wraps(view)
    def protected(request: HttpRequest) -> HttpResponseBase:
        try:
            response = view(request)
        except BackpackError as error:
            logger.warning("a sign-in has failed: %s", error)
            response = failed(request, *failure(error))
        response.headers["Referrer-Policy"] = "same-origin"  # that of the callback has a code
        return response

    return never_cache(xframe_options_deny(csrf_protect(protected)))


@require_GET
@_protected
def login(request: HttpRequest) -> HttpResponseBase:
    """Redirect the browser to the provider."""
    return HttpResponseRedirect(sign_in_flow().start(request.session, request.GET.get("next")))


@require_GET
@_protected
def callback(request: HttpRequest) -> HttpResponseBase:
    """Complete the sign-in with which the browser returns."""
    query = request.META.get("QUERY_STRING", "")
    path = sign_in_flow().finish(request.session, query, lambda: _new_session(request))
    return redirect("backpack:accounts") if path is None else HttpResponseRedirect(path)


@require_http_methods(["GET", "POST"])
@_protected
def accounts(request: HttpRequest) -> HttpResponseBase:
    """Let the user choose an account."""
    flow = sign_in_flow()
    if request.method == "POST":
        return HttpResponseRedirect(flow.choose(request.session, request.POST.get("account", "")))
    found = flow.accounts(request.session)
    if not found:
        return redirect("backpack:login")
    return render(request, "backpack/choose.html", {"accounts": found})


@require_POST
@_protected
def logout(request: HttpRequest) -> HttpResponseBase:
    """Sign the user out."""
    flow = sign_in_flow()
    flow.end(request.session, lambda: _new_session(request))
    return HttpResponseRedirect(flow.home)


def _new_session(request: HttpRequest) -> None:
    request.session.flush()
    rotate_token(request)
