"""Requests in other encodings, and responses without a body."""

from __future__ import annotations

import re

import pytest

from tests.sandbox.conftest import Client

BODY = "<page><title>Zürich – 由紀</title></page>"
JSON = '{"page": {"title": "Zürich – 由紀"}}'


@pytest.mark.parametrize("text", [BODY, JSON])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("content_type", ["", "application/xml; charset={}"])
def test_a_body_can_be_in_utf_16_or_32(
    api: Client, text: str, encoding: str, content_type: str
) -> None:
    headers = {"X_BP_Token": api.token}
    if content_type:
        headers["Content_Type"] = content_type.format(encoding)
    response = api.send("POST", "/ws/pages/new", text.encode(encoding), **headers)
    assert response.status_code == 200
    assert 'title="Z&#252;rich &#8211; &#30001;&#32000;"' in response.text


@pytest.mark.parametrize(
    ("declared", "header", "encoding"),
    [
        ("utf-16", "", "utf-16"),
        ("iso-8859-1", "", "iso-8859-1"),
        ("windows-1252", "", "windows-1252"),
        ("utf-8", "iso-8859-1", "iso-8859-1"),  # the header wins
        ("", "ISO-8859-1", "iso-8859-1"),
    ],
)
def test_the_declaration_or_the_header_names_the_encoding(
    api: Client, declared: str, header: str, encoding: str
) -> None:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    body = f"{declaration}<page><title>Zürich</title></page>".encode(encoding)
    content_type = f"application/xml; charset={header}" if header else "application/xml"
    response = api.send(
        "POST", "/ws/pages/new", body, X_BP_Token=api.token, Content_Type=content_type
    )
    assert 'title="Z&#252;rich"' in response.text


def test_a_form_can_be_in_latin_1(api: Client) -> None:
    response = api.send(
        "POST",
        "/ws/pages/new",
        "title=Zürich".encode("latin-1"),
        X_BP_Token=api.token,
        Content_Type="application/x-www-form-urlencoded; charset=iso-8859-1",
    )
    assert 'title="Z&#252;rich"' in response.text


@pytest.mark.parametrize(
    ("body", "charset", "status"),
    [(b"\xff<page/>", "utf-8", 400), (b"<page/>", "klingon", 415), (b"<p/>", "rot13", 415)],
)
def test_an_unknown_encoding_is_an_error(
    api: Client, body: bytes, charset: str, status: int
) -> None:
    response = api.send(
        "POST",
        "/ws/pages/new",
        body,
        X_BP_Token=api.token,
        Content_Type=f"application/xml; charset={charset}",
    )
    assert response.status_code == status
    assert f'<error code="{status}">' in response.text


def test_a_204_has_neither_a_body_nor_a_content_type(api: Client, page: str) -> None:
    api.ws(f"{page}/separators/create", "<separator><name>S</name></separator>")
    (id,) = re.findall(r'<separator id="(\d+)"', api.ws(page))
    response = api.rest("DELETE", f"/pages/40000002/separators/{id}.xml")
    assert (response.status_code, response.content) == (204, b"")
    assert "Content-Type" not in response.headers
