"""Accounts whose names people take for the same: none is created, and older ones never cross."""

from __future__ import annotations

import http.client
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from backpack_orm.sandbox import Application, Sandbox
from backpack_orm.sandbox.schema import HEAD
from backpack_orm.sandbox.server import application
from tests import postgresql
from tests.sandbox.conftest import DATABASES, NOW, Client

TOKEN = "t0ken-0123456789"
SIMILAR = {
    "case": "Acme",
    "blank": " acme",
    "blanks": "ac me",
    "dots": "a.cme.",
    "wide": "ＡＣＭＥ",
}
RENAMED = dict(zip(SIMILAR, ["Acme 2", "acme 3", "ac me 4", "a.cme 5", "ＡＣＭＥ 6"], strict=True))
APP = Application("https://trips.example/back", "Trips", "trips", "s3cret-of-trips")
_EARLIER = """
    DROP INDEX ix_oauth_grants_family;
    ALTER TABLE oauth_grants DROP COLUMN family;
    DROP INDEX ix_accounts_normal_name;
    DROP INDEX ix_users_person;
    ALTER TABLE accounts DROP COLUMN normal_name;
    ALTER TABLE users DROP COLUMN person;
    UPDATE alembic_version SET version_num = '0006';
"""


class TestCreating:
    @pytest.mark.parametrize("name", [*SIMILAR.values(), "ACME", "\u200bacme", "acme\u3002"])
    def test_a_similar_name_is_refused(self, box: Sandbox, name: str) -> None:
        with pytest.raises(ValueError, match="since there is one named 'acme'"):
            box.add_account(name)

    def test_it_does_not_open_the_other_account_in_its_place(self, box: Sandbox) -> None:
        with pytest.raises(ValueError, match="has no account 'Acme'"):
            box.tokens.create(account="Acme")

    @pytest.mark.parametrize("name", ["", " ", "..", "\u200b"])
    def test_a_name_without_letters_is_refused(self, box: Sandbox, name: str) -> None:
        with pytest.raises(ValueError, match="an account needs a name"):
            box.add_account(name)


class TestPersons:
    """Who is the same person in several accounts, for whom an access token is valid in each."""

    @pytest.fixture
    def accounts_of(self, box: Sandbox) -> Iterator[Callable[..., list[str]]]:
        """Yield a function that lists the accounts for which the token of a user is valid."""
        app = box.oauth.register("https://persons.example/")

        def accounts_of(user: str, account: str) -> list[str]:
            token = granted(box, app, user, account)
            client = Client(box.url, "")
            answer = client.send("GET", "/authorization.json", Authorization=f"Bearer {token}")
            client.close()
            people.append(answer.json()["identity"]["id"])
            return [each["name"] for each in answer.json()["accounts"]]

        people: list[int] = []
        yield accounts_of
        assert len(set(people)) == len(people), "identities are different"

    def test_one_address_given_to_two_users_is_one_person(
        self, box: Sandbox, accounts_of: Any
    ) -> None:
        box.add_account("other")
        box.add_user("Eve", email_address="eve@x.example")
        box.add_user("E. V.", account="other", email_address="EVE@x.example")
        assert accounts_of("Eve", "acme") == ["acme", "other"]

    def test_an_address_made_from_a_name_identifies_nobody(
        self, box: Sandbox, accounts_of: Any
    ) -> None:
        box.add_account("other")
        box.add_user("Eve", account="other", email_address="owner@acme.example")
        assert accounts_of("Owner", "acme") == ["acme"]
        assert accounts_of("Eve", "other") == ["other"]


def granted(box: Sandbox, app: Application, user: str | None, account: str) -> str:
    """Return the access token of a user who has allowed an application."""
    query = {"type": "web_server", "client_id": app.client_id, "redirect_uri": app.redirect_uri}
    back = box.oauth.allow(f"{box.url}/authorization/new?{urlencode(query)}", user, account=account)
    code = re.findall("code=([^&]+)", back)[0]
    query |= {"client_secret": app.client_secret, "code": code}
    client = Client(box.url, "")
    response = client.send("POST", f"/authorization/token?{urlencode(query)}")
    client.close()
    return str(response.json()["access_token"])


# --- accounts of an earlier version -----------------------------------------------------------


def execute(data: str, script: str) -> None:
    """Execute statements in a file or a PostgreSQL database."""
    if data.startswith("postgresql:"):
        with psycopg.connect(data) as connection:
            connection.execute(script)
    else:
        with closing(sqlite3.connect(data)) as file:
            file.executescript(f"{script}PRAGMA user_version = 6;")


@pytest.fixture(scope="module", params=DATABASES)
def earlier(
    request: pytest.FixtureRequest, network: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, str]]:
    """A database of the schema 0006 with similar accounts, and the tokens of their owners."""
    data = str(tmp_path_factory.mktemp("earlier") / "data.db")
    if request.param == "postgresql":
        cluster, name = request.getfixturevalue("cluster"), f"earlier_{uuid4().hex}"
        postgresql.create(cluster, name)
        data = cluster.format(name)
    with Sandbox(seed="demo", data=data, token=TOKEN, clock=lambda: NOW, applications=[APP]) as box:
        tokens = {name: box.add_account(f"new-{name}") for name in SIMILAR}
        client = Client(box.url, TOKEN)
        shared = "owner@ac.me.example"  # later also the address of an owner of another account
        client.ws("page/40000004/share", f"<email_addresses>{shared}</email_addresses>")
        client.close()
        own = Client(box.url, tokens["blanks"])
        own.ws("pages/new", "<page><title>Own</title></page>")
        own.ws("page/40000002/share", f"<email_addresses>{shared}</email_addresses>")
        own.close()
    renames = "".join(
        f"UPDATE accounts SET name = '{new}' WHERE name = 'new-{name}';"
        "UPDATE users SET email_address = 'owner@' || "
        f"'{'.'.join(new.lower().split())}.example' "
        f"WHERE email_address = 'owner@new-{name}.example';"
        for name, new in SIMILAR.items()
    )
    execute(data, renames + _EARLIER)
    return data, tokens


@pytest.fixture(scope="module")
def upgraded(
    earlier: tuple[str, dict[str, str]], request: pytest.FixtureRequest
) -> Iterator[tuple[Sandbox, str]]:
    """A sandbox that has upgraded this database, and what it has logged."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("backpack_orm.sandbox")
    logger.addHandler(handler)
    with Sandbox(seed="empty", data=earlier[0], token=TOKEN, clock=lambda: NOW) as box:
        logger.removeHandler(handler)
        yield box, "\n".join(lines)


class TestUpgrading:
    def test_similar_names_are_numbered_and_reported(
        self, earlier: tuple[str, dict[str, str]], upgraded: tuple[Sandbox, str]
    ) -> None:
        box, log = upgraded
        for old, new in zip(SIMILAR.values(), RENAMED.values(), strict=True):
            assert f"the account {old!r} is named {new!r} now" in log
            assert box.tokens.all(new), "its tokens are still valid"
        assert f"from schema 0006 to {HEAD}" in log

    def test_no_two_users_have_one_address(
        self, earlier: tuple[str, dict[str, str]], upgraded: tuple[Sandbox, str]
    ) -> None:
        found = set()
        for token in (TOKEN, *earlier[1].values()):
            client = Client(upgraded[0].url, token)
            found |= set(re.findall("<email-address>(.*?)</", client.rest("GET", "/me.xml").text))
            client.close()
        assert found == {
            *("nora@acme.example", "owner@acme2.example", "owner@acme3.example"),
            *("owner@acme4.example", "owner@acme5.example", "owner@acme6.example"),
        }

    def test_a_page_stays_shared_with_whom_it_was(
        self, earlier: tuple[str, dict[str, str]], upgraded: tuple[Sandbox, str]
    ) -> None:
        box = upgraded[0]
        with box._database.reading() as session:
            rows = session.execute(
                text(
                    "SELECT accounts.name, friends.email_address FROM friends JOIN pages "
                    "ON pages.key = page_key JOIN accounts ON accounts.key = account_key "
                    "WHERE friends.email_address LIKE 'owner@%' ORDER BY accounts.key"
                )
            )
            assert [tuple(row) for row in rows] == [
                ("acme", "owner@ac.me.example"),
                ("ac me 4", "owner@acme4.example"),
            ]


ROUTES = sorted(
    {
        (verb, re.sub("<[^>]+>", "40000004", rule.rule))
        for rule in application().url_map.iter_rules()
        for verb in (rule.methods or set()) & {"GET", "POST", "PUT", "DELETE"}
    }
)
BODY = (
    "<request><page><title>x</title></page><name>x</name><content>now x</content><body>x</body>"
    "<email_addresses>x@x.example</email_addresses><tags>x</tags><message>x</message>"
    "<term></term></request>"
)


def walk(box: Sandbox, headers: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    """Yield the path, status and body of the response of each route."""
    parts = urlsplit(box.url)
    with closing(http.client.HTTPConnection(str(parts.hostname), parts.port)) as connection:
        for verb, path in ROUTES:
            connection.request(verb, path, BODY, headers)
            response = connection.getresponse()
            yield path, response.status, response.read().decode()


def export_of(box: Sandbox) -> str:
    client = Client(box.url, TOKEN)
    try:
        return client.ws("account/export") + client.rest("GET", "/journal_entries.xml").text
    finally:
        client.close()


@pytest.mark.parametrize("name", SIMILAR)
class TestAllRoutes:
    def test_a_token_of_a_similar_account_opens_no_other(
        self, earlier: tuple[str, dict[str, str]], upgraded: tuple[Sandbox, str], name: str
    ) -> None:
        box, before = upgraded[0], export_of(upgraded[0])
        seen = ""
        for path, _, body in walk(box, {"X-BP-Token": earlier[1][name]}):
            assert not re.search("Nora|Lisbon|Whitfield|nora@", body), path
            seen += body
        assert f'account="{RENAMED[name]}"' in seen or "<pages>" in seen
        assert export_of(box) == before

    def test_a_grant_of_a_similar_account_opens_no_other(
        self, earlier: tuple[str, dict[str, str]], upgraded: tuple[Sandbox, str], name: str
    ) -> None:
        box, before = upgraded[0], export_of(upgraded[0])
        token = granted(box, APP, None, RENAMED[name])
        public = ("/login", "/authorization/", "/authorization.")
        for path, status, body in walk(box, {"Authorization": f"Bearer {token}"}):
            if not path.startswith(public) and not path.endswith(".ics"):
                assert status == 302, path
            assert not re.search("Nora|Lisbon|Whitfield|nora@", body), path
        assert export_of(box) == before
