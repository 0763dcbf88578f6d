"""What the viewer changes in an account: one change for each form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from backpack_orm import Connection, Page
from backpack_orm.integrations.viewer import create_app
from backpack_orm.sandbox import Sandbox
from tests.integrations.viewer.conftest import Visitor

pytestmark = pytest.mark.network


def stored(connection: Connection) -> Page:
    return Page.find(Page.get(title="Lisbon", using=connection), fresh=True, using=connection)


def test_a_note_is_added_with_its_text_as_it_was_written(
    visitor: Visitor, connection: Connection, lisbon: str
) -> None:
    visitor.send(f"{lisbon}/notes", title="Lunch & more", body=" Sardines\r\n\r\n* one ")
    note = stored(connection).notes["Lunch & more"]
    assert note.body == " Sardines\n\n* one "
    assert visitor.status == "Added the note “Lunch & more”."
    assert visitor.fragment == f"note-{note.id}"
    assert visitor.document.get_element_by_id(visitor.fragment) is not None
    assert visitor.document.findtext(".//title", "").startswith("Added the note")
    visitor.get(lisbon)
    assert visitor.status == "", "it is said once"


def test_a_note_needs_no_title(visitor: Visitor, connection: Connection, lisbon: str) -> None:
    visitor.send(f"{lisbon}/notes", body="word " * 50)
    assert stored(connection).notes[-1].title == ""
    assert visitor.status == f"Added the note “{'word ' * 12}”.".replace(" ”", "…”")


def test_an_item_is_added_to_its_list(
    visitor: Visitor, connection: Connection, lisbon: str
) -> None:
    packing = stored(connection).lists["Packing"]
    visitor.send(f"{lisbon}/lists/{packing.id}/items", content=" Umbrella ")
    assert [item.content for item in stored(connection).lists["Packing"].items].count("Umbrella")
    assert visitor.status == "Added “Umbrella”."
    (field,) = visitor.document.xpath("//input[@autofocus]")
    assert field.get("id") == f"new-item-{packing.id}", "where the next one is added"


def test_lists_and_pages_are_added(visitor: Visitor, connection: Connection, lisbon: str) -> None:
    visitor.send(f"{lisbon}/lists", name="Trains")
    assert "Trains" in [each.name for each in stored(connection).lists]
    visitor.get("/")
    visitor.send("/pages", title="Porto")
    assert visitor.heading == "Porto"
    assert Page.find_by(title="Porto", using=connection) is not None


def test_an_item_is_completed_and_reopened(
    visitor: Visitor, connection: Connection, lisbon: str
) -> None:
    visitor.press("Complete Sun hat")
    assert stored(connection).lists["Packing"].items["Sun hat"].completed
    assert visitor.status == "Completed “Sun hat”."
    visitor.press("Reopen Sun hat")
    assert not stored(connection).lists["Packing"].items["Sun hat"].completed
    assert visitor.status == "Reopened “Sun hat”."


def test_completing_twice_leaves_it_completed(
    visitor: Visitor, connection: Connection, lisbon: str
) -> None:
    before = visitor.document
    visitor.press("Complete Sun hat")
    visitor.response.set_data(visitor.response.text.replace("Reopen", "Complete"))
    (button,) = before.xpath("//li[contains(., 'Sun hat')]/button")
    (token,) = before.xpath("//form[@id='items']/input/@value")
    data = {"form_token": token, "completed": "true"}
    assert visitor.client.post(button.get("formaction"), data=data).status_code == 303
    assert stored(connection).lists["Packing"].items["Sun hat"].completed


def test_a_legacy_item_without_a_list_is_completed(tmp_path: object) -> None:
    pages = (
        "<page id='71' title='Old'><items><item id='501' completed='false'>Milk</item></items>"
        "</page>"
    )
    export = f"{tmp_path}/export.xml"
    with open(export, "w", encoding="utf-8") as file:
        file.write(f"<user id='1' name='N' account='a'><pages>{pages}</pages></user>")
    with Sandbox(seed=export) as box, Connection(box.url, token=box.token) as connection:
        visitor = Visitor(create_app(connection))
        visitor.get("/")
        path = visitor.links["Old"]
        visitor.get(path)
        visitor.press("Complete Milk")
        visitor.get(path)
        assert visitor.document.xpath("//li[@class='completed']")


# --- what cannot be saved -----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_text_is_not_sent(
    visitor: Visitor, box: Sandbox, connection: Connection, lisbon: str, text: str
) -> None:
    list_id = stored(connection).lists["Packing"].id
    before = box.requests
    forms = {
        f"{lisbon}/notes": {"title": text, "body": text},
        f"{lisbon}/lists": {"name": text},
        f"{lisbon}/lists/{list_id}/items": {"content": text},
    }
    for action, fields in forms.items():
        visitor.get(lisbon)
        assert visitor.send(action, **fields).status_code == 400
        assert visitor.heading == "Not accepted"
    assert box.requests == before


def test_what_was_written_is_kept_for_another_try(
    visitor: Visitor, connection: Connection, lisbon: str
) -> None:
    assert visitor.send(f"{lisbon}/notes", title="a\x07", body="\nlong\ntext").status_code == 400
    shown = visitor.fields(f"{lisbon}/notes")["body"]
    assert shown == "\n\nlong\ntext", "browsers leave out a line break at the start"
    visitor.send(f"{lisbon}/notes", title="Bell", body=shown[1:])
    assert stored(connection).notes["Bell"].body == "\nlong\ntext"


def test_a_list_that_is_gone_is_not_found(visitor: Visitor, lisbon: str) -> None:
    data = {"form_token": visitor.fields(f"{lisbon}/notes")["form_token"], "content": "Socks"}
    response = visitor.client.post(f"{lisbon}/lists/999/items", data=data)
    assert response.status_code == 404
    assert "Socks" in response.text
    assert visitor.client.post(f"{lisbon}/items/999", data=data).status_code == 404


# --- double clicks ------------------------------------------------------------------------------


def titles(connection: Connection) -> list[str]:
    return [note.title for note in stored(connection).notes]


def test_a_form_that_is_sent_twice_creates_one_note(
    visitor: Visitor, connection: Connection, lisbon: str
) -> None:
    data = visitor.fields(f"{lisbon}/notes") | {"title": "Once"}
    first, second = (visitor.client.post(f"{lisbon}/notes", data=data) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert titles(connection).count("Once") == 1
    other = visitor.client.post(f"{lisbon}/notes", data=data | {"title": "Another"})
    assert other.status_code == 303, "an old page that a browser shows again, with another text"
    assert titles(connection).count("Another") == 1


def test_so_does_a_form_that_is_sent_twice_at_the_same_time(
    visitor: Visitor, connection: Connection, box: Sandbox, lisbon: str
) -> None:
    box.faults.latency(0.2, path="**/notes/create")
    data = visitor.fields(f"{lisbon}/notes") | {"title": "Once"}
    with visitor.client.session_transaction() as session:
        known = dict(session)

    def send(_: int) -> int:
        client = visitor.app.test_client()
        with client.session_transaction() as session:
            session.update(known)
        return client.post(f"{lisbon}/notes", data=data).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(4))) == [303] * 4
    assert titles(connection).count("Once") == 1


def test_a_new_form_adds_an_equal_note(
    visitor: Visitor, connection: Connection, lisbon: str
) -> None:
    for _ in range(2):
        visitor.get(lisbon)
        visitor.send(f"{lisbon}/notes", title="Twice")
    assert titles(connection).count("Twice") == 2


# --- editing a note -----------------------------------------------------------------------------


@pytest.fixture
def note(visitor: Visitor, connection: Connection, lisbon: str) -> str:
    """The path of a note."""
    body = " Sardines\r\n\n* one "
    created = stored(connection).notes.create(title="Lunch", body=body)
    return f"{lisbon}/notes/{created.id}"


def texts(connection: Connection) -> tuple[str, str]:
    found = stored(connection).notes[-1]
    return found.title, found.body


def edit(visitor: Visitor, note: str, **fields: str) -> None:
    """Change fields of the form that is shown, and leave the others as a browser sends them."""
    (form,) = visitor.document.xpath("//main//form")
    sent = {name: value or "" for name, value in form.form_values()}
    sent["body"] = sent["body"].removeprefix("\n").replace("\r\n", "\n").replace("\n", "\r\n")
    visitor.response = visitor.client.post(note, data=sent | fields)
    if visitor.response.status_code == 303:
        visitor.get(visitor.response.headers["Location"])


def test_a_note_is_edited(visitor: Visitor, connection: Connection, lisbon: str, note: str) -> None:
    visitor.get(lisbon)
    visitor.get(visitor.links["Edit the note Lunch"])
    edit(visitor, note, title="Dinner")
    assert texts(connection) == ("Dinner", " Sardines\r\n\n* one "), "with its own line ends"
    assert visitor.status == "Saved the note “Dinner”."


def test_two_people_who_edit_a_note_see_the_change_of_the_other(
    visitor: Visitor, connection: Connection, note: str
) -> None:
    other = Visitor(visitor.app)
    for each in (visitor, other):
        each.get(note)
    edit(other, note, title="Theirs <b>", body="Cod")
    edit(visitor, note, title="Mine", body="Sardines & <i>")
    assert visitor.response.status_code == 409
    assert visitor.alert.startswith("Somebody has changed this note since you opened it.")
    text = visitor.document.text_content()
    assert "Theirs <b>" in text
    assert "Cod" in text
    assert "Sardines & <i>" in text
    assert texts(connection) == ("Theirs <b>", "Cod")
    edit(visitor, note)
    assert texts(connection) == ("Mine", "Sardines & <i>"), "replaced on purpose"


def test_a_change_in_backpack_itself_is_seen_too(
    visitor: Visitor, connection: Connection, note: str
) -> None:
    visitor.get(note)
    found = stored(connection).notes[-1]
    found.body = "From elsewhere"
    found.save()
    edit(visitor, note, title="Mine")
    assert visitor.response.status_code == 409
    assert texts(connection) == ("Lunch", "From elsewhere")


def test_the_same_change_twice_is_no_conflict(
    visitor: Visitor, connection: Connection, note: str
) -> None:
    other = Visitor(visitor.app)
    for each in (visitor, other):
        each.get(note)
    for each in (visitor, other):
        edit(each, note, title="Dinner")
        assert each.response.status_code == 200
    assert other.status == "Nothing has changed in the note “Dinner”."


def test_a_note_is_not_emptied_and_one_that_is_gone_is_not_found(
    visitor: Visitor, connection: Connection, note: str
) -> None:
    visitor.get(note)
    edit(visitor, note, title=" ", body="")
    assert visitor.response.status_code == 400
    assert texts(connection)[0] == "Lunch"
    visitor.get(note)
    (form,) = visitor.document.xpath("//main//form")
    stored(connection).notes[-1].destroy()
    response = visitor.client.post(note, data=dict(form.form_values()) | {"body": "Long text"})
    assert (response.status_code, "Long text" in response.text) == (404, True)


def test_a_read_only_viewer_edits_nothing(box: Sandbox, note: str, lisbon: str) -> None:
    reader = Visitor(create_app(Connection(box.url, token=box.token, read_only=True)))
    reader.get(lisbon)
    assert not [text for text in reader.links if text.startswith("Edit")]
    assert reader.get(note).status_code == 404
