"""Separators over HTTP, in both dialects."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'
DONE = XML + '<response success="true"></response>'
BODY = (
    "<request><token>t0ken-0123456789</token>"
    "<separator><name>On the way</name></separator></request>"
)


@pytest.fixture
def path(api: Client, page: str) -> str:
    api.send("POST", "/pages/40000002/separators.xml", BODY)
    return "/pages/40000002/separators/40000003.xml"


def test_creating_a_separator_returns_it_with_its_location(api: Client, page: str) -> None:
    response = api.send("POST", "/pages/40000002/separators.xml", BODY)
    assert response.status_code == 201
    assert response.headers["Location"] == "/pages/40000002/separators/40000003.xml"
    assert response.text == (
        f'{XML}\n<separator><id type="integer">40000003</id><name>On the way</name>'
        '<page-id type="integer">40000002</page-id></separator>'
    )


def test_a_separator_can_be_renamed(api: Client, page: str, path: str) -> None:
    response = api.send("PUT", path, BODY.replace("On the way", "Later"))
    assert response.status_code == 200
    assert '<separator id="40000003">Later</separator>' in api.ws(page)


def test_an_update_without_a_name_preserves_it(api: Client, page: str, path: str) -> None:
    api.send("PUT", path, "<request><token>t0ken-0123456789</token></request>")
    assert '<separator id="40000003">On the way</separator>' in api.ws(page)


def test_destroying_a_separator_returns_no_content(api: Client, page: str, path: str) -> None:
    response = api.send("DELETE", path, "<request><token>t0ken-0123456789</token></request>")
    assert (response.status_code, response.content) == (204, b"")
    assert "separator" not in api.ws(page)
    assert (
        api.send("DELETE", path, "<request><token>t0ken-0123456789</token></request>").status_code
        == 404
    )


def test_the_older_dialect_creates_changes_and_destroys(api: Client, page: str) -> None:
    created = api.ws(f"{page}/separators/create", "<separator><name>Then</name></separator>")
    assert created == (
        f'{XML}<response success="true"><separator id="40000003">Then</separator></response>'
    )
    changed = api.ws(
        f"{page}/separators/update/40000003", "<separator><name>Now</name></separator>"
    )
    assert changed == DONE
    assert '<separator id="40000003">Now</separator>' in api.ws(page)
    assert api.ws(f"{page}/separators/destroy/40000003") == DONE
    assert "Record not found" in api.ws(f"{page}/separators/destroy/40000003", status=404)
