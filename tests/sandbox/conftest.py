"""A sandbox at a fixed time, and a client that returns the exact bytes of its responses."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine, create_engine, event, make_url

from backpack_orm.sandbox import Sandbox, statements
from backpack_orm.sandbox.storage import open_database
from tests import postgresql
from tests.conftest import seeded_once

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
NOW = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)  # a Wednesday


class Client:
    """A client that sends requests unchanged and follows no redirects."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self._session = requests.Session()
        self._session.trust_env = False

    def send(
        self, verb: str, path: str, body: bytes | str = b"", **headers: str
    ) -> requests.Response:
        """Send any request; `X_BP_Token=…` sets a header."""
        return self._session.request(
            verb,
            self.url + path,
            data=body.encode() if isinstance(body, str) else body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            allow_redirects=False,
        )

    def ws(self, path: str, fields: str = "", status: int = 200) -> str:
        """Make a call of the older dialect, as documented; return the response, which is ASCII."""
        body = f"<request><token>{self.token}</token>{fields}</request>"
        response = self.send("POST", f"/ws/{path}", body, Content_Type="application/xml")
        assert response.status_code == status, response.text
        return response.content.decode("ascii")

    def rest(self, verb: str, path: str, body: bytes | str = "") -> requests.Response:
        """Make a call of the newer dialect with the token in a header."""
        return self.send(verb, path, body, X_BP_Token=self.token)

    def close(self) -> None:
        self._session.close()


def matched(pattern: str, text: str) -> str:
    """Return the group of a pattern where it first matches."""
    found = re.search(pattern, text)
    assert found, text
    return found[1]


def line_of(program: subprocess.Popen[str]) -> str:
    """Return the next line that a program prints."""
    assert program.stdout is not None
    return program.stdout.readline()


@contextmanager
def noting_statements(note: Callable[[str], None]) -> Iterator[None]:
    """Call a function with each statement that is executed, once for each row of parameters."""
    execute = statements.execute

    def by_sqlalchemy(
        connection: object,
        cursor: object,
        statement: str,
        parameters: list[object],
        context: object,
        executemany: bool,
    ) -> None:
        for _ in parameters if executemany else [parameters]:
            note(statement)

    def by_driver(connection: Any, statement: str, *arguments: Any) -> Any:
        note(statement)
        return execute(connection, statement, *arguments)

    event.listen(Engine, "before_cursor_execute", by_sqlalchemy)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(statements, "execute", by_driver)
            yield
    finally:
        event.remove(Engine, "before_cursor_execute", by_sqlalchemy)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that creates a sandbox with an empty account."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    with seeded_once(path, seed="empty", token="t0ken-0123456789", clock=lambda: NOW) as make:
        yield make


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """Addresses of databases in a PostgreSQL server, with `{}` for the name of one."""
    with postgresql.running() as addresses:
        yield addresses


@pytest.fixture(scope="session")
def shared_database(cluster: str) -> Iterator[Engine]:
    """A database with the tables of a sandbox, which tests use one after another."""
    url = make_url(cluster.format("postgres")).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    open_database(cluster.format("postgres")).close()
    yield engine
    engine.dispose()


@pytest.fixture
def postgres(cluster: str, shared_database: Engine) -> str:
    """The address of a PostgreSQL database without accounts."""
    with shared_database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM accounts")  # and with them all that they own
    return cluster.format("postgres")


@pytest.fixture(params=DATABASES)
def box(
    request: pytest.FixtureRequest, empty: Callable[..., Sandbox], network: None
) -> Iterator[Sandbox]:
    """An empty account; its owner has the id 40000001. In memory, or in PostgreSQL."""
    if request.param == "sqlite":
        with empty() as box:
            yield box
        return
    data = request.getfixturevalue("postgres")
    with Sandbox(seed="empty", token="t0ken-0123456789", clock=lambda: NOW, data=data) as box:
        yield box


@pytest.fixture(scope="module", params=DATABASES)
def demo(request: pytest.FixtureRequest, network: None) -> Iterator[Client]:
    """The demonstration, for tests that only read. In memory, or in PostgreSQL."""
    data = ":memory:"
    if request.param == "postgresql":
        cluster, name = request.getfixturevalue("cluster"), f"demo_{uuid4().hex}"
        postgresql.create(cluster, name)
        data = cluster.format(name)
    with Sandbox(seed="demo", token="t0ken-0123456789", clock=lambda: NOW, data=data) as box:
        client = Client(box.url, box.token)
        yield client
        client.close()


@pytest.fixture
def api(box: Sandbox) -> Iterator[Client]:
    """A client of the empty account."""
    client = Client(box.url, box.token)
    yield client
    client.close()


@pytest.fixture
def as_user(request: pytest.FixtureRequest, network: None) -> Iterator[Callable[..., Client]]:
    """Return a function that creates clients for other tokens and sandboxes."""
    clients: list[Client] = []
    # Not an argument, so that tests of other sandboxes do not run for each database.
    box = request.getfixturevalue("box") if "box" in request.fixturenames else None

    def make(token: str, url: str = "") -> Client:
        if not url:
            assert box is not None
            url = box.url
        clients.append(Client(url, token))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def page(api: Client) -> str:
    """The path of a new page, which has the id 40000002."""
    api.ws("pages/new", "<page><title>Lisbon</title></page>")
    return "page/40000002"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file written by the version before there were migrations."""
    path = tmp_path / "old.db"
    stored = Path(__file__).with_name("files") / "schema-1.db.gz"
    with gzip.open(stored) as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    path.chmod(0o600)
    return path
