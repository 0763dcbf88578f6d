"""Requests in all accepted formats."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.sandbox.reading import (
    COUNT_LIMIT,
    DEPTH_LIMIT,
    LARGEST_ID,
    SIZE_LIMIT,
    InvalidRequest,
    Parameters,
    read_body,
    read_fields,
)
from tests.sandbox.conftest import Client

ITEM = {"token": "t0ken-0123456789", "item": {"completed": "true", "content": "Socks & shoes"}}


@pytest.mark.parametrize(
    "body",
    [
        b"<request><token>t0ken-0123456789</token>"
        b"<item completed='true'><content>Socks &amp; shoes</content>"
        b"</item></request>",
        b"<?xml version='1.0' encoding='UTF-8'?>\n<anything><token>t0ken-0123456789</token><item>"
        b"<completed type='boolean'>true</completed><content><![CDATA[Socks & shoes]]></content>"
        b"</item></anything>",
        b"\xef\xbb\xbf\n <request token='t0ken-0123456789'><item completed='true' "
        b"content='Socks &amp; shoes'/></request>",
        b'{"token": "t0ken-0123456789", "item": {"completed": true, "content": "Socks & shoes"}}',
        b'{"request": {"token": "t0ken-0123456789", '
        b'"item": {"completed": "true", "content": "Socks & shoes"}}}',
        b"token=t0ken-0123456789&item[completed]=true&item[content]=Socks+%26+shoes",
        b"token=t0ken-0123456789&item%5Bcompleted%5D=true&item%5Bcontent%5D=Socks%20%26%20shoes",
        b"--- \ntoken: t0ken-0123456789\nitem: \n  completed: true\n  content: Socks & shoes\n",
        b'"token": "t0ken-0123456789"\n"item": {completed: "true", content: "Socks & shoes"}\n',
        b"---\n:token: t0ken-0123456789\n:item: !map:HashWithIndifferentAccess\n"
        b"  :completed: true\n"
        b"  :content: Socks & shoes\n",
        b"token: t0ken-0123456789\nitem:\n  completed: true\n  content: Socks & shoes",
        b"---\nrequest:\n  token: t0ken-0123456789\n"
        b"  item:\n    completed: true\n    content: Socks & shoes",
    ],
)
def test_equivalent_formats_have_the_same_parameters(body: bytes) -> None:
    assert read_body(body) == ITEM


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"<request/>",
        b"<request></request>",
        b"<request>\n</request>",
        b"{}",
        b"--- \n",
    ],
)
def test_a_body_can_be_empty(body: bytes) -> None:
    assert read_body(body) == {}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"<r><show-created-at>true</show-created-at></r>", {"show_created_at": "true"}),
        (b"<r><a>1</a><a>2</a><a>3</a></r>", {"a": ["1", "2", "3"]}),
        (b"<r><a type='array'><b>1</b></a></r>", {"a": ["1"]}),
        (b"<r><a type='array'/></r>", {"a": []}),
        (b"<r><a nil='true'>x</a></r>", {"a": None}),
        (b"<r><a>\n x </a></r>", {"a": "\n x "}),
        (b"<r><a b='1'>text</a></r>", {"a": {"b": "1", "content": "text"}}),
        (b"<r><a>&#233;&#x1F4DA;</a></r>", {"a": "é📚"}),
        (
            "<?xml version='1.0' encoding='ISO-8859-1'?><r><a>é</a></r>".encode("latin-1"),
            {"a": "é"},
        ),
        (
            b'{"a": 12, "b": 1.50, "c": null, "d": [1, false]}',
            {"a": "12", "b": "1.50", "c": None, "d": ["1", "false"]},
        ),
        (
            b"---\na: 2031-01-02 9:05:00\nb: 0x10\nc: ~\nd:\ne: 'null'\nf: yes\n",
            {"a": "2031-01-02 9:05:00", "b": "0x10", "c": None, "d": None, "e": "null", "f": "yes"},
        ),
        (
            b"--- !ruby/hash:Hash\na: !binary |\n  16nXnNeV150=\nb: !!str 7\n!ruby/sym c: !str\n",
            {"a": "שלום", "b": "7", "c": ""},
        ),
        (b"a=&item-id[]=1&item-id[]=2", {"a": "", "item_id": ["1", "2"]}),
    ],
)
def test_details_of_formats(body: bytes, fields: dict[str, Any]) -> None:
    assert read_body(body) == fields


@pytest.mark.parametrize(
    "body",
    [
        b"<request><token>",
        b"<request>&nbsp;</request>",
        b"<r/><r/>",
        b"<r type='array'><a>1</a></r>",
        b"<!DOCTYPE r><r/>",
        b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>',
        b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>',
        b'{"a": ',
        b'{"a": "\\u0001"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"---\n- a\n- b\n",
        b"---\na: [\n",
        b"---\na: &x [1, 2]\nb: *x\n",
        b"--- !!python/object/apply:os.system ['true']\n",
        b"---\na: !!python/name:os.system\n",
        b"---\na: !ruby/object:Object {}\n",
        b"---\na: !binary x\n",
        b"---\na: !binary /w==\n",
        b"---\na: !binary BQ==\n",
        b"---\na: \xff\n",
        b"a=1&a[b]=2",
        b"a=%01",
    ],
)
def test_invalid_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_body(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" * 200_000,
        b'{"a":' * 200_000,
        b"---\na: " + b"[" * 200_000,
        b"---\na: " + b"[" * (DEPTH_LIMIT + 1) + b"]" * (DEPTH_LIMIT + 1),
        b"a" + b"[b]" * 200_000 + b"=1",
        b"<r>" + b"<a>" * (DEPTH_LIMIT + 1) + b"</a>" * (DEPTH_LIMIT + 1) + b"</r>",
        b'{"a":' * (DEPTH_LIMIT + 1) + b"1" + b"}" * (DEPTH_LIMIT + 1),
        b"x" * (SIZE_LIMIT + 1),
        b"x" * 10_000_000,
    ],
    ids=["xml", "json", "yaml", "yaml-just", "form", "xml-just", "json-just", "size", "10 MB"],
)
def test_bodies_that_would_exhaust_memory_are_refused_quickly(body: bytes) -> None:
    """Count calls instead of seconds, which depend on the load of the machine."""
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with pytest.raises(InvalidRequest):
            read_body(body)
    finally:
        sys.setprofile(before)
    assert calls < 100_000


@pytest.mark.parametrize(
    "body", [b"---\n" + b"a: b\n" * COUNT_LIMIT, b"a=1&" * (COUNT_LIMIT + 1)], ids=["yaml", "form"]
)
def test_bodies_with_too_many_values_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="too many"):
        read_body(body)


BAD_REQUEST = (400, "Bad Request")


class TestParameters:
    @pytest.mark.parametrize(
        "body",
        [b"<r><page><title>A</title></page></r>", b"<page><title>A</title></page>", b"title=A"],
    )
    def test_a_group_can_be_the_root_element(self, body: bytes) -> None:
        assert Parameters(read_body(body)).group("page").text("title") == "A"

    def test_an_empty_group_is_not_the_root(self) -> None:
        assert (
            Parameters(read_body(b"<r><note/><body>x</body></r>")).group("note").text("body")
            is None
        )

    def test_a_text_is_not_a_group(self) -> None:
        with pytest.raises(InvalidRequest, match="<page> must contain fields"):
            Parameters({"page": "x"}).group("page")

    @pytest.mark.parametrize("value", [["a", "b"], {"b": "c"}, {"content": []}])
    def test_a_group_is_not_a_text(self, value: Any) -> None:
        with pytest.raises(InvalidRequest, match="<a> must be text"):
            Parameters({"a": value}).text("a")

    def test_a_text_can_have_attributes(self) -> None:
        assert Parameters(read_body(b"<r><a lang='pt'>x</a></r>")).text("a") == "x"

    @pytest.mark.parametrize(
        ("value", "flag"),
        [
            ("true", True),
            ("1", True),
            (" True ", True),
            ("t", True),
            ("false", False),
            ("0", False),
            ("", False),
            (None, None),
        ],
    )
    def test_flags(self, value: str | None, flag: bool | None) -> None:
        assert Parameters({"a": value}).flag("a") is flag

    @pytest.mark.parametrize(
        ("value", "ids"),
        [
            ("7 8\n9", [7, 8, 9]),
            (["7", "8"], [7, 8]),
            ({"id": ["7", {"id": "8"}]}, [7, 8]),
            ([None, "7"], [7]),
            ("", []),
            (None, None),
            ("9" * 5000, [LARGEST_ID]),
        ],
    )
    def test_ids(self, value: Any, ids: list[Any] | None) -> None:
        assert Parameters({"a": value}).ids("a") == ids

    @pytest.mark.parametrize("value", ["seven", "-1", "7,8", "٧"])
    def test_other_texts_are_not_ids(self, value: str) -> None:
        with pytest.raises(InvalidRequest, match="<a> must contain ids"):
            Parameters({"a": value}).ids("a")

    @pytest.mark.parametrize("value", [None, "", []])
    def test_required_ids_are_required(self, value: list[Any] | str | None) -> None:
        with pytest.raises(InvalidRequest, match="<a> is missing"):
            Parameters({"a": value}).required_ids("a")

    def test_a_required_text_is_required(self) -> None:
        with pytest.raises(InvalidRequest, match="<a> is missing"):
            Parameters({}).required_text("a")


letters = st.text(st.characters(categories=["L"]), min_size=1)


@given(st.dictionaries(letters, st.text(st.characters(exclude_categories=["C"])), max_size=5))
def test_json_and_form_fields_are_equivalent(fields: dict[str, str]) -> None:
    body = json.dumps(fields).encode()
    assert read_body(body) == read_fields(fields.items())


@given(st.binary(max_size=200))
def test_no_body_causes_any_other_error(body: bytes) -> None:
    for start in (b"", b"<r>", b"{", b"---\n"):
        with suppress(InvalidRequest):
            assert isinstance(read_body(start + body), dict)


class TestOverHttp:
    """The same, from the request to the response."""

    @pytest.mark.parametrize(
        ("body", "headers"),
        [
            (
                "<request><token>t0ken-0123456789</token><item><content>Socks</content></item></request>",
                {},
            ),
            (
                "<request><token>t0ken-0123456789</token><item><content>Socks</content></item></request>",
                {"X_POST_DATA_FORMAT": "xml"},
            ),
            (
                "<request><token>t0ken-0123456789</token><item><content>Socks</content></item></request>",
                {"Content_Type": "text/xml"},
            ),
            (
                '{"token": "t0ken-0123456789", "item": {"content": "Socks"}}',
                {"Content_Type": "application/json"},
            ),
            (
                "--- \ntoken: t0ken-0123456789\nitem: \n  content: Socks\n",
                {"X_Post_data_format": "yaml", "Content_Type": "application/x-www-form-urlencoded"},
            ),
            (
                "token=t0ken-0123456789&item[content]=Socks",
                {"Content_Type": "application/x-www-form-urlencoded"},
            ),
            ("token=t0ken-0123456789&item[content]=Socks", {"Content_Type": "application/xml"}),
            (
                '--x\r\nContent-Disposition: form-data; name="token"\r\n\r\nt0ken-0123456789\r\n'
                '--x\r\nContent-Disposition: form-data; name="item[content]"\r\n\r\n'
                "Socks\r\n--x--\r\n",
                {"Content_Type": "multipart/form-data; boundary=x"},
            ),
        ],
    )
    def test_every_format_creates_an_item(
        self, api: Client, page: str, body: str, headers: dict[str, Any]
    ) -> None:
        response = api.send("POST", f"/ws/{page}/items/add", body, **headers)
        assert ">Socks</item>" in response.text

    def test_parameters_can_be_in_the_query(self, api: Client) -> None:
        api.send("POST", "/ws/pages/new?token=t0ken-0123456789&page[title]=Lisbon")
        assert 'title="Lisbon"' in api.ws("pages/all")

    def test_an_empty_body_can_have_the_xml_content_type(self, api: Client) -> None:
        for verb in ("GET", "POST"):
            response = api.send(
                verb,
                "/me.xml",
                b"",
                X_BP_Token="t0ken-0123456789",
                Content_Type="application/xml",
            )
            assert response.status_code == 200

    def test_a_chunked_body_is_read(self, api: Client, page: str) -> None:
        import requests

        pieces = (piece for piece in (b"<request><token>t0ken-0123456789</token>", b"</request>"))
        response = requests.post(f"{api.url}/ws/{page}", data=pieces)
        assert "Lisbon" in response.text

    def test_a_form_with_too_many_parts_is_an_error_too(
        self, api: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        part = '--x\r\nContent-Disposition: form-data; name="token"\r\n\r\nt0ken-0123456789\r\n'
        form = part * 1001 + "--x--\r\n"
        with caplog.at_level(logging.WARNING, "backpack_orm.sandbox"):
            kind = "multipart/form-data; boundary=x"
            response = api.send("POST", "/ws/pages/new", form, Content_Type=kind)
        assert response.status_code == 413
        assert "a form of too many parts, or too large" in caplog.text

    @pytest.mark.parametrize(
        ("body", "reason", "error"),
        [
            ("<request><token>t0ken-0123456789</token>", "XML: no element found", BAD_REQUEST),
            (
                "<!DOCTYPE r><request><token>t0ken-0123456789</token></request>",
                "document types",
                BAD_REQUEST,
            ),
            ("---\ntoken: t0ken-0123456789\na: [", "YAML: ", BAD_REQUEST),
            (
                "<request><token>t0ken-0123456789</token><page>x</page></request>",
                "<page> must contain fields",
                (500, "Internal error"),
            ),
            (b"<" * (SIZE_LIMIT + 1), "the limit is", (413, "Request Entity Too Large")),
        ],
        ids=["cut", "doctype", "yaml", "group", "size"],
    )
    def test_an_invalid_request_is_an_error_with_the_reason_in_the_log(
        self,
        api: Client,
        caplog: pytest.LogCaptureFixture,
        body: bytes | str,
        reason: str,
        error: tuple[int, str],
    ) -> None:
        with caplog.at_level(logging.WARNING, "backpack_orm.sandbox"):
            response = api.send("POST", "/ws/pages/new", body)
        status, message = error
        assert response.status_code == status
        assert response.text.endswith(
            f'<response success="false"><error code="{status}">{message}</error></response>'
        )
        assert re.search(f"cannot read POST /ws/pages/new: .*{re.escape(reason)}", caplog.text)
        assert "t0ken-0123456789" not in caplog.text
