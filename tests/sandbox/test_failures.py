"""Every error response has an XML body."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox, pages
from tests.sandbox.conftest import Client


def failure(code: int, message: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<response success="false"><error code="{code}">{message}</error></response>'
    )


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("POST", "/ws/nowhere"),
        ("POST", "/ws/page/nowhere"),
        ("POST", "/ws//pages/all"),
        ("POST", "/ws/page/7"),
        ("POST", "/ws/page/0"),
        ("POST", f"/ws/page/{2**63}"),
        ("POST", f"/ws/page/{'9' * 4000}"),
        ("PUT", "/reminders/7.xml"),
        ("GET", "/t0ken-0123456789"),
        ("GET", "/a/b/c/d"),
        ("GET", "/%00%FF"),
    ],
)
def test_unknown_records_and_paths_are_not_found(api: Client, verb: str, path: str) -> None:
    response = api.rest(verb, path)
    assert response.status_code == 404
    assert response.text == failure(404, "Record not found")
    assert response.headers["Content-Type"] == "application/xml; charset=utf-8"


@pytest.mark.parametrize(
    ("verb", "path"),
    [("GET", "/ws/pages/all"), ("DELETE", "/me.xml"), ("OPTIONS", "/ws/pages/all")],
)
def test_another_method_is_not_allowed(api: Client, verb: str, path: str) -> None:
    response = api.rest(verb, path)
    assert response.status_code == 405
    assert response.text == failure(405, "Method Not Allowed")


def test_a_time_in_the_past_is_unprocessable(api: Client) -> None:
    response = api.rest(
        "POST", "/reminders.xml", "<reminder><remind_at>2001-01-01 0:00</remind_at></reminder>"
    )
    assert response.text == failure(422, "Unprocessable Entity")


def test_a_page_beyond_the_plan_is_forbidden(as_user: Callable[..., Client]) -> None:
    with Sandbox(seed="empty", page_limit=1) as box:
        api = as_user(box.token, box.url)
        api.ws("pages/new", "<page><title>One</title></page>")
        assert api.ws("pages/new", "<page><title>Two</title></page>", 403) == failure(
            403, "Forbidden"
        )
        assert api.ws("page/40000002/duplicate", status=403) == failure(403, "Forbidden")
        api.ws("page/40000002/destroy")
        api.ws("pages/new", "<page><title>Two</title></page>")


def test_a_failed_call_changes_nothing(api: Client, page: str) -> None:
    body = (
        "<reminder><content>x</content><remind_at>2031-04-01 00:00:00</remind_at>"
        "<remindees><user_id>7</user_id></remindees></reminder>"
    )
    before = api.ws("pages/new", "<page><title>Before</title></page>")
    assert api.rest("POST", "/reminders.xml", body).status_code == 404
    after = api.ws("pages/new", "<page><title>After</title></page>")
    assert 'id="40000003"' in before
    assert 'id="40000004"' in after  # not even an id


def test_a_bug_is_an_internal_error_with_a_traceback_in_the_log(
    api: Client, page: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pages, "contents_of", broken)
    with caplog.at_level(logging.ERROR, "backpack_orm.sandbox"):
        assert api.ws(page, status=500) == failure(500, "Internal error")
    assert "defect in POST /ws/page/40000002" in caplog.text
    assert "ZeroDivisionError" in caplog.text
