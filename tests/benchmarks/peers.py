"""Other libraries that load the same content, each from its own format.

Each is used as documented, on bytes in memory. Libraries that do not parse times do not parse them
here either. All are in the dependency group `bench` only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from xml.dom import minidom

from attrs import frozen

from tests.benchmarks import responses


@frozen
class Peer:
    """A library to measure.

    Attributes:
        name: What it is called.
        load: Makes objects of as many notes as it was prepared for.
        close: Gives up what it needs for that.
    """

    name: str
    load: Callable[[], list[Any]]
    close: Callable[[], object] = lambda: None


def by_minidom(count: int) -> Peer:
    """ElementTree of the standard library, with hand-written objects."""
    from tests.benchmarks.bounds import Note

    content = responses.notes(count)

    def load() -> list[Any]:
        document: Any = minidom.parseString(content)
        return [
            Note(
                int(element.getAttribute("id")),
                element.getAttribute("title"),
                "".join(node.data for node in element.childNodes),
                datetime.fromisoformat(element.getAttribute("created_at")),
            )
            for element in document.getElementsByTagName("note")
        ]

    return Peer("minidom, by hand", load)


def pyairtable(count: int) -> Peer:
    """An active-record mapper for Airtable's JSON."""
    import json

    from pyairtable.orm import Model, fields

    class Note(Model):
        number = fields.NumberField("Number")
        title = fields.TextField("Title")
        body = fields.TextField("Body")
        created_at = fields.DatetimeField("Created")

        class Meta:
            api_key = "key"
            base_id = "app00000000000000"
            table_name = "Notes"

    content = responses.airtable(count)
    return Peer(
        "pyairtable", lambda: [Note.from_record(one) for one in json.loads(content)["records"]]
    )


def python_gitlab(count: int) -> Peer:
    """A client of GitLab's JSON, with objects that know their manager."""
    import json

    import gitlab
    from gitlab.v4.objects import ProjectIssueNote, ProjectIssueNoteManager

    server = gitlab.Gitlab("https://gitlab.example", private_token="token")
    issue = server.projects.get(1, lazy=True).issues.get(1, lazy=True)
    manager = ProjectIssueNoteManager(server, parent=issue)
    content = responses.gitlab(count)
    return Peer(
        "python-gitlab",
        lambda: [
            ProjectIssueNote(manager, one, created_from_list=True) for one in json.loads(content)
        ],
    )


def pyactiveresource(count: int) -> Peer:
    """ActiveResource in Python: the XML of Rails as objects."""
    from pyactiveresource.activeresource import ActiveResource
    from pyactiveresource.formats import XMLFormat

    class Note(ActiveResource):
        _site = "https://example.com"

    content = responses.rails(count)

    def load() -> list[Any]:
        return list(Note._build_collection(XMLFormat.decode(content)))

    return Peer("pyactiveresource", load)


def exchangelib(count: int) -> Peer:
    """A client of Exchange, with four fields like the others."""
    from exchangelib.fields import CharField, DateTimeField, IntegerField, TextField
    from exchangelib.properties import EWSElement, EWSMeta
    from exchangelib.util import TNS, to_xml

    class Note(EWSElement, metaclass=EWSMeta):
        ELEMENT_NAME = "Note"

        id = IntegerField(field_uri="Id")
        title = CharField(field_uri="Title")
        body = TextField(field_uri="Body")
        created_at = DateTimeField(field_uri="CreatedAt")

    content = responses.exchange(count)

    def load() -> list[Any]:
        root = to_xml(content).getroot()
        return [Note.from_xml(element, account=None) for element in root.iter(f"{{{TNS}}}Note")]

    return Peer("exchangelib", load)


def pydantic_xml(count: int) -> Peer:
    """Validated models of the service's own XML."""
    from pydantic_xml import BaseXmlModel, attr, element, wrapped

    class Note(BaseXmlModel, tag="note"):
        id: int = attr()
        title: str = attr()
        created_at: datetime = attr()
        body: str

    class Response(BaseXmlModel, tag="response"):
        success: bool = attr()
        notes: list[Note] = wrapped("notes", element(tag="note"))

    Response.model_rebuild(_types_namespace={"Note": Note, "datetime": datetime})
    content = responses.notes(count)

    def load() -> list[Any]:
        return Response.from_xml(content).notes

    return Peer("pydantic-xml", load)


def sqlalchemy(count: int) -> Peer:
    """An object-relational mapper with SQLite in memory, without parsing."""
    from sqlalchemy import DateTime, Integer, StaticPool, String, Text, create_engine, select
    from sqlalchemy.orm import Session, declarative_base, mapped_column

    base: Any = declarative_base()

    class Note(base):
        __tablename__ = "notes"

        id = mapped_column(Integer, primary_key=True)
        title = mapped_column(String)
        body = mapped_column(Text)
        created_at = mapped_column(DateTime)

    # The garbage collector may end a session in any thread.
    anywhere = {"check_same_thread": False}
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=anywhere)
    base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Note(**_fields(one)) for one in responses.records(count))
        session.commit()

    def load() -> list[Any]:
        session = Session(engine)  # its objects keep it alive
        return list(session.scalars(select(Note).order_by(Note.id)))

    return Peer("SQLAlchemy, from SQLite", load, engine.dispose)


def identity_map() -> Callable[[], object]:
    """Return a function that finds an object in SQLAlchemy's identity map."""
    first = sqlalchemy(1).load()[0]
    session, note, id = first._sa_instance_state.session, type(first), first.id
    return lambda: session.get(note, id) is first


def peewee(count: int) -> Peer:
    """A small object-relational mapper with SQLite in memory."""
    from peewee import CharField, DateTimeField, IntegerField, Model, SqliteDatabase, TextField

    database = SqliteDatabase(":memory:")

    class Note(Model):
        id = IntegerField(primary_key=True)
        title = CharField()
        body = TextField()
        created_at = DateTimeField()

    Note.bind(database)
    database.create_tables([Note])
    for one in responses.records(count):
        Note.create(**_fields(one))
    return Peer("peewee, from SQLite", lambda: list(Note.select().order_by(Note.id)))


LOADERS: tuple[Callable[[int], Peer], ...] = (
    by_minidom,
    pyairtable,
    python_gitlab,
    pydantic_xml,
    sqlalchemy,
    peewee,
    exchangelib,
    pyactiveresource,
)


def _fields(record: responses.Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "title": record.title,
        "body": record.body,
        "created_at": record.created_at,
    }
