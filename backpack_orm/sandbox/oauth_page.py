"""The sign-in page of the OAuth provider, and its page for errors."""

from __future__ import annotations

from flask import Response, render_template_string

from .oauth import SignIn

_LAYOUT = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
  body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 3rem auto;
         padding: 0 1rem; color: #222; background: #fff }
  label { display: block; margin: 1rem 0 }
  input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .4rem }
  button { font: inherit; padding: .4rem 1.2rem; margin-right: .5rem }
  [role=alert] { color: #a40000 }
</style>
<main>
<h1>{{ title }}</h1>
"""
_SIGN_IN = """\
<p>{{ name }} wants to read and change your Backpack accounts. You then return to {{ host }}.</p>
{% if problem %}<p role="alert">{{ problem }}</p>{% endif %}
<form method="post">
  <label>API token <input type="password" name="token" autocomplete="off" autofocus></label>
  <button name="answer" value="allow">Allow</button>
  <button name="answer" value="deny">Deny</button>
</form>
</main>
</html>
"""
_REFUSED = """\
<p role="alert">{{ problem }}</p>
</main>
</html>
"""
_HEADERS = {
    # The form leads to another origin, so there is no form-action.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, the form would have no origin
    "Cache-Control": "no-store",
}


def sign_in_page(request: SignIn, problem: str = "") -> Response:
    """Return the page on which a user signs in, and allows or denies."""
    application = request.application
    host = application.redirect_uri.split("/")[2]
    text = render_template_string(
        _LAYOUT + _SIGN_IN,
        title="Sign in to Backpack",
        name=application.name,
        host=host,
        problem=problem,
    )
    return Response(
        text, 403 if problem else 200, _HEADERS, content_type="text/html; charset=utf-8"
    )


def refused_page(problem: str) -> Response:
    """Return the page for a request that must not be redirected."""
    text = render_template_string(_LAYOUT + _REFUSED, title="Cannot sign in", problem=problem)
    return Response(text, 400, _HEADERS, content_type="text/html; charset=utf-8")
