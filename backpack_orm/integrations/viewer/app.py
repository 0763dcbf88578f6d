"""The application of the viewer."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import jinja2
from flask import Flask, request

from backpack_orm.archive import conversions
from backpack_orm.archive.convertible import Convertible
from backpack_orm.connection import Connection, current
from backpack_orm.errors import ValidationError, short_repr
from backpack_orm.integrations.flask import Backpack
from backpack_orm.integrations.viewer import changes, failures, security, views
from backpack_orm.integrations.viewer.accounts import Account, ArchivedAccount
from backpack_orm.integrations.viewer.admission import Admission

_FORM_BYTES = 512 * 1024


def create_app(
    source: Connection | Convertible,
    *,
    hosts: Iterable[str] = security.LOOPBACK,
    admission: Admission | None = None,
    config: Mapping[str, Any] | None = None,
) -> Flask:
    """Return the application for an account or an archive. Makes no request.

    Without an admission, whoever reaches it reads and changes the account, also other users of this
    machine: put a sign-in in front of it. Nothing can be changed through it if the connection is
    read-only, or if it shows an archive.

    Args:
        source: The connection to the account; or an archive, one of its snapshots, or merged
            archives.
        hosts: The host names, without port, under which browsers reach it; requests under other
            names are refused.
        admission: What admits a browser, an `Admission()`; None to admit all.
        config: Configuration of Flask. Several processes need a `SECRET_KEY` in common. Set
            `SESSION_COOKIE_SECURE` if it is reached over https.

    Raises:
        ArchiveError: The archive has no snapshot.
        ValidationError: `source` is something else.

    >>> with Sandbox(seed="demo") as box:
    ...     app = create_app(Connection(box.url, token=box.token), hosts=["localhost"])
    ...     "Lisbon" in app.test_client().get("/").text
    True
    """
    if isinstance(source, Connection):
        account = Account(source)
    elif isinstance(source, Convertible):
        account = ArchivedAccount(source._source)
    else:
        raise ValidationError(
            f"create_app takes a connection or an archive, not {short_repr(source)}"
        )
    app = Flask(__package__)  # whose folders `templates` and `static` it serves
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME="backpack_viewer",
        SESSION_COOKIE_SAMESITE="Lax",  # with Strict, a link from elsewhere would begin a new one
        MAX_CONTENT_LENGTH=_FORM_BYTES,
    )
    app.config.update(config or {})
    app.extensions[views.EXTENSION] = account
    _set_up_templates(app, account)
    failures.handle_errors(app)
    security.protect(app, hosts, is_read_only=account.is_read_only, admission=admission)
    Backpack(app, connection=account.connection)
    app.before_request(_read_again_if_asked)
    app.register_blueprint(views.views)
    if not account.is_read_only:
        app.extensions[changes.EXTENSION] = changes.SentForms()
        app.register_blueprint(changes.changes)
    return app


def _read_again_if_asked() -> None:
    """Drop what is cached for a forced reload, such as Ctrl+Shift+R."""
    if request.cache_control.no_cache:
        current().clear_cache()


def _set_up_templates(app: Flask, account: Account) -> None:
    """Use the templates of the site that archives are converted to, where there are no others."""
    own = app.jinja_loader
    site = jinja2.PackageLoader(conversions.__name__, "site")
    assert own is not None
    app.jinja_loader = jinja2.ChoiceLoader([own, site, jinja2.PrefixLoader({"site": site})])
    app.jinja_options = {
        "trim_blocks": True,
        "lstrip_blocks": True,
        "undefined": jinja2.StrictUndefined,
    }
    app.jinja_env.globals["account"] = account
