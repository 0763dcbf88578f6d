"""Fixtures of the viewer's tests: it shows a sandbox or an archive, and is used like a browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from lxml import html
from werkzeug.test import TestResponse

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive
from backpack_orm.integrations.viewer import create_app
from backpack_orm.sandbox import Sandbox

TAKEN_AT = datetime(2026, 10, 1, 3, 0, tzinfo=UTC)


class Visitor:
    """Somebody who uses the viewer without JavaScript.

    Attributes:
        app: The viewer.
        response: The latest response.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        self.response = self.client.get(path, buffered=True, **options)
        return self.response

    @property
    def document(self) -> html.HtmlElement:
        return html.fromstring(self.response.text)

    @property
    def heading(self) -> str:
        return str(self.document.xpath("string(//h1)"))

    @property
    def links(self) -> dict[str, str]:
        """The links of the content by their texts."""
        found = self.document.xpath("//main//a")
        return {each.text_content().strip(): each.get("href") for each in found}

    @property
    def status(self) -> str:
        return str(self.document.xpath("string(//*[@role='status'])"))

    @property
    def alert(self) -> str:
        return str(self.document.xpath("string(//*[@role='alert'])"))

    def fields(self, action: str) -> dict[str, str]:
        """The fields of the form that is sent to an address."""
        (form,) = self.document.xpath(f"//form[@action='{action}']")
        return {name: value or "" for name, value in form.form_values()}

    def send(self, action: str, **fields: str) -> TestResponse:
        """Fill in a form of the page, send it, and follow the redirect."""
        self.response = self.client.post(action, data=self.fields(action) | fields)
        if self.response.status_code == 303:
            parts = urlsplit(self.response.headers["Location"])
            self.fragment = parts.fragment
            self.get(f"{parts.path}?{parts.query}")
        return self.response

    def press(self, button: str) -> TestResponse:
        """Press the button of an item, such as "Complete Socks"."""
        for each in self.document.xpath("//button[@formaction]"):
            text = self.document.get_element_by_id(each.get("aria-labelledby").split()[1])
            if f"{each.get('aria-label')} {text.text_content().strip()}" == button:
                (form,) = self.document.xpath(f"//form[@id='{each.get('form')}']")
                data = dict(form.form_values()) | {each.get("name"): each.get("value")}
                self.client.post(each.get("formaction"), data=data)
                return self.get(urlsplit(each.get("formaction")).path.partition("/lists")[0])
        raise LookupError(button)


@pytest.fixture
def visitor(box: Sandbox) -> Visitor:
    """A visitor of the demo account."""
    return Visitor(create_app(Connection(box.url, token=box.token)))


@pytest.fixture
def lisbon(visitor: Visitor) -> str:
    """The path of a page with everything on it, which is open."""
    visitor.get("/")
    path = visitor.links["Lisbon"]
    visitor.get(path)
    return path


@pytest.fixture(scope="session")
def archive_folder(
    demo: Callable[..., Sandbox], tmp_path_factory: pytest.TempPathFactory, network: None
) -> Path:
    """An archive of the demo account, and of a page with texts of strangers."""
    folder = tmp_path_factory.mktemp("viewer") / "backup"
    with demo() as box, Connection(box.url, token=box.token, limits=None) as connection:
        page = Page.create(title="<script>alert(1)</script>")
        page.notes.create(title="<img src=x onerror=alert(1)>", body="<script>alert(1)</script>")
        page.lists.create(name="<b>").items.create(content="<svg/onload=alert(1)> *ok*")
        page.tags = ["<i>"]
        page.save()
        Archive(folder, clock=lambda: TAKEN_AT).sync(connection)
    return folder


@pytest.fixture
def reader(archive_folder: Path) -> Visitor:
    """A visitor of an archive."""
    return Visitor(create_app(Archive(archive_folder)))
