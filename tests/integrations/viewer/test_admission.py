"""Only browsers that know the token or the password see anything of an account."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from flask import Flask

from backpack_orm import Connection
from backpack_orm.archive import Archive
from backpack_orm.integrations.viewer import Admission, admission, create_app, serving
from backpack_orm.sandbox import Sandbox
from tests.integrations.viewer.conftest import Visitor

pytestmark = pytest.mark.network
PASSWORD = "correct horse battery"


@pytest.fixture
def locked() -> Admission:
    return Admission(password=PASSWORD)


@pytest.fixture
def app(box: Sandbox, locked: Admission) -> Flask:
    return create_app(Connection(box.url, token=box.token), admission=locked)


@pytest.fixture
def stranger(app: Flask) -> Visitor:
    """Somebody on the same machine, who does not know the address."""
    return Visitor(app)


def test_a_stranger_sees_nothing_of_any_page(stranger: Visitor, box: Sandbox, app: Flask) -> None:
    before = box.requests
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in admission._OPEN]
    assert len(rules) > 10
    for rule in rules:
        path = rule.rule.replace("<int(min=1, max=9223372036854775807):", "<")
        for method in (rule.methods or set()) - {"OPTIONS"}:
            response = stranger.client.open(path, method=method)
            assert response.status_code == 401, rule
            assert "acme" not in response.text
            assert "Lisbon" not in response.text
    for path in ("/nowhere", "/?token=", "/?token=wrong", "/?token=%ff", "/?TOKEN=x"):
        assert stranger.get(path).status_code == 401
    assert stranger.heading == "Not admitted"
    assert box.requests == before


def test_the_printed_address_admits_and_its_token_disappears(
    stranger: Visitor, locked: Admission
) -> None:
    response = stranger.get(f"/search?term=a%26b&token={locked.secret}")
    assert (response.status_code, response.headers["Location"]) == (303, "/search?term=a%26b")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "same-origin"
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert locked.secret not in cookie
    assert stranger.get("/").status_code == 200
    assert locked.secret not in stranger.response.text
    assert Visitor(stranger.app).get("/").status_code == 401, "others are still strangers"


@pytest.mark.parametrize("what", ["token", "password"])
def test_the_form_admits_with_the_token_or_the_password(
    stranger: Visitor, locked: Admission, what: str
) -> None:
    stranger.get("/")
    given = locked.secret if what == "token" else PASSWORD
    stranger.send("/admission", token=f" {given} ")
    assert stranger.heading == "Pages"


def test_a_wrong_password_and_too_many_are_refused(
    stranger: Visitor, locked: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        stranger.get("/")
        response = stranger.send("/admission", token=f"guess {number}")
        assert response.status_code == (401 if number < 10 else 429)
    assert response.headers["Retry-After"] == "60"
    assert stranger.send("/admission", token=PASSWORD).status_code == 429
    assert Visitor(stranger.app).get(f"/?token={locked.secret}").status_code == 303
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert stranger.send("/admission", token=PASSWORD).status_code == 200


def test_without_a_password_none_admits(box: Sandbox) -> None:
    app = create_app(Connection(box.url, token=box.token), admission=Admission())
    for given in ("", "None", "\ud800"):
        response = app.test_client().post(
            "/admission", data={"token": given.encode("utf-8", "surrogatepass")}
        )
        assert response.status_code == 401


def test_another_site_cannot_admit_a_browser(stranger: Visitor, locked: Admission) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    data = {"token": locked.secret}
    assert stranger.client.post("/admission", data=data, headers=headers).status_code == 403


def test_a_cookie_of_an_earlier_start_admits_nobody(box: Sandbox, locked: Admission) -> None:
    earlier = Visitor(create_app(Connection(box.url, token=box.token), admission=locked))
    cookie = earlier.get(f"/?token={locked.secret}").headers["Set-Cookie"].partition(";")[0]
    again = Visitor(create_app(Connection(box.url, token=box.token), admission=Admission()))
    assert again.get("/", headers={"Cookie": cookie}).status_code == 401


def test_what_was_written_before_a_restart_can_be_copied(stranger: Visitor) -> None:
    stranger.response = stranger.client.post("/pages/7/notes", data={"title": "x", "body": "Long"})
    assert stranger.response.status_code == 401
    assert "Long" in stranger.document.text_content()


def test_an_archive_is_protected_too(archive_folder: Path, locked: Admission) -> None:
    reader = Visitor(create_app(Archive(archive_folder), admission=locked))
    assert reader.get("/").status_code == 401
    reader.send("/admission", token=PASSWORD)
    assert reader.heading == "Pages"


def test_no_repr_shows_a_secret(locked: Admission) -> None:
    assert repr(locked) == "Admission()"


def test_the_file_that_leads_to_the_address_is_private_and_goes() -> None:
    opened: list[str] = []
    address = "http://127.0.0.1:1/?token=s3cret&x=<"
    with serving.opened(address, opened.append):
        (uri,) = opened
        path = Path(uri.removeprefix("file://"))
        assert "s3cret" not in uri
        assert "url=http://127.0.0.1:1/?token=s3cret&amp;x=&lt;" in path.read_text("utf-8")
        assert path.parent.stat().st_mode & 0o077 == 0
    assert not path.exists()
