"""Other web sites, and texts of strangers, neither read nor change anything through the viewer."""

from __future__ import annotations

import re

import pytest

from backpack_orm import Connection, Page
from backpack_orm.integrations.viewer import create_app
from backpack_orm.sandbox import Sandbox
from tests.integrations.viewer.conftest import Visitor

pytestmark = pytest.mark.network

EVERYWHERE = ["/", "/search?term=x", "/nowhere", "/site.css", "/static/viewer.css"]


# --- other sites --------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8138", "[::1]:8138", "LOCALHOST"])
def test_the_names_of_this_machine_are_served(reader: Visitor, host: str) -> None:
    assert reader.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8138",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil@localhost",
        "localhost/evil",
        "",
    ],
)
def test_another_name_that_leads_here_is_refused(reader: Visitor, host: str) -> None:
    for path in EVERYWHERE:
        response = reader.get(path, headers={"Host": host})
        assert response.status_code == 421
        assert "Backpack of" not in response.text
        assert "Lisbon" not in response.text
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_further_names_are_allowed_on_purpose(box: Sandbox) -> None:
    app = create_app(Connection(box.url, token=box.token), hosts=["notes.example.com"])
    visitor = Visitor(app)
    assert visitor.get("/", headers={"Host": "notes.example.com"}).status_code == 200
    assert visitor.get("/", headers={"Host": "localhost"}).status_code == 421


@pytest.mark.parametrize("token", [None, "", "wrong", "ü"])
def test_a_form_without_the_token_of_the_session_changes_nothing(
    visitor: Visitor, box: Sandbox, lisbon: str, token: str | None
) -> None:
    before = box.requests
    data = {"title": "Lunch", "body": "Sardines & <b>"} | ({"form_token": token} if token else {})
    response = visitor.client.post(f"{lisbon}/notes", data=data)
    assert response.status_code == 403
    visitor.response = response
    assert visitor.heading == "This form has expired"
    assert "Sardines & <b>" in visitor.document.text_content(), "so that it can be copied"
    assert visitor.document.xpath("//main//form") == [], "another site may have written it"
    assert box.requests == before


def test_a_token_of_another_session_is_not_valid(visitor: Visitor, lisbon: str) -> None:
    other = Visitor(visitor.app)
    other.get(lisbon)
    theirs = other.fields(f"{lisbon}/notes")
    assert visitor.client.post(f"{lisbon}/notes", data=theirs).status_code == 403
    new = visitor.app.test_client()
    assert new.post(f"{lisbon}/notes", data=theirs).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_that_another_site_sends_is_refused_even_with_the_token(
    visitor: Visitor, lisbon: str, site: str
) -> None:
    data = visitor.fields(f"{lisbon}/notes") | {"title": "x"}
    headers = {"Sec-Fetch-Site": site}
    assert visitor.client.post(f"{lisbon}/notes", data=data, headers=headers).status_code == 403
    ours = visitor.client.post(
        f"{lisbon}/notes", data=data, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert ours.status_code == 303


def test_other_sites_link_here_but_load_nothing(reader: Visitor) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    visit = foreign | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert reader.get("/search?term=x", headers=visit).status_code == 200
    for mode, destination in (("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")):
        fetch = foreign | {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
        assert reader.get("/search?term=x", headers=fetch).status_code == 403
        assert reader.get("/static/viewer.css", headers=fetch).status_code == 403
    assert reader.get("/", headers={"Sec-Fetch-Site": "same-site"}).status_code == 403


def test_every_form_that_changes_something_has_the_token(visitor: Visitor, lisbon: str) -> None:
    for path in ("/", lisbon, "/tags", "/journal"):
        visitor.get(path)
        forms = visitor.document.xpath("//form[@method='post']")
        assert all(len(form.xpath(".//input[@name='form_token']")) == 1 for form in forms)
    visitor.get(lisbon)
    assert len(visitor.document.xpath("//form[@method='post']")) == 5
    buttons = visitor.document.xpath("//button[@formaction]/@form")
    assert set(buttons) == {"items"}


def test_only_posts_change_something(visitor: Visitor) -> None:
    rules = visitor.app.url_map.iter_rules()
    forms = {"changes.edit_note"}  # which shows one
    changing = [rule for rule in rules if rule.endpoint.startswith("changes.")]
    changing = [rule for rule in changing if rule.endpoint not in forms]
    assert len(changing) == 7
    assert all(rule.methods == {"POST", "OPTIONS"} for rule in changing)


# --- headers and cookies ------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_response_has_the_headers(reader: Visitor, path: str) -> None:
    headers = reader.get(path).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == ("no-cache" if path.endswith(".css") else "no-store")


def test_the_cookie_is_for_this_site_and_no_script(visitor: Visitor, lisbon: str) -> None:
    client = visitor.app.test_client()
    cookie = client.get(lisbon).headers["Set-Cookie"]
    assert cookie.startswith("backpack_viewer=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_configuration_is_that_of_flask(box: Sandbox) -> None:
    config = {"SESSION_COOKIE_SECURE": True, "SECRET_KEY": "shared by all processes"}
    app = create_app(Connection(box.url, token=box.token), config=config)
    assert "Secure" in app.test_client().get("/").headers["Set-Cookie"]
    assert app.secret_key == "shared by all processes"


def test_two_viewers_have_keys_of_their_own(box: Sandbox) -> None:
    connection = Connection(box.url, token=box.token)
    assert create_app(connection).secret_key != create_app(connection).secret_key


# --- texts --------------------------------------------------------------------------------------


def test_texts_of_strangers_run_nothing(reader: Visitor) -> None:
    reader.get("/")
    (path,) = [path for title, path in reader.links.items() if "alert" in title]
    for address in (path, "/search?term=alert", "/tags", "/search?term=%3Cscript%3E"):
        reader.get(address)
        source = re.sub(r"<(/?)(b|i|strong)>", "", reader.response.text)
        assert "<script" not in source, address
        assert "<img" not in source
        assert "<svg" not in source
        assert not reader.document.xpath("//@*[starts-with(name(), 'on')] | //@style | //script")


def test_an_answer_to_a_form_is_escaped(visitor: Visitor, lisbon: str) -> None:
    visitor.send(f"{lisbon}/notes", title="<script>alert(1)</script>")
    assert visitor.status == "Added the note “<script>alert(1)</script>”."
    assert "<script" not in visitor.response.text


def test_the_token_is_on_no_page(visitor: Visitor, box: Sandbox, lisbon: str) -> None:
    for path in ("/", lisbon, "/calendars", "/pages/7"):
        assert box.token not in visitor.get(path).text


def test_a_term_is_never_a_link(reader: Visitor) -> None:
    reader.get("/search?term=javascript:alert(1)")
    assert not [link for link in reader.document.xpath("//@href") if link.startswith("java")]


def test_pages_are_not_shown_to_a_page_without_a_connection(box: Sandbox) -> None:
    connection = Connection(box.url, token=box.token)
    app = create_app(connection)
    assert app.extensions["backpack_orm"] == {"": connection}
    with app.app_context():
        assert Page.count() == 13
