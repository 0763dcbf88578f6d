"""The MCP server, started as a program and used by the client of the SDK."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from backpack_orm import Connection, Item, Note, Page, Reminder, User
from backpack_orm.integrations import mcp
from backpack_orm.sandbox import Sandbox

READING = {"list_pages", "read_page", "search", "list_open_items", "list_reminders", "list_journal"}
WRITING = {"create_page", "add_note", "add_item", "add_reminder", "complete_item"}
BOTH = {"update_note"}
DESTROYING = {"destroy_page", "destroy_note", "destroy_item"}

Use = Callable[[Client], Awaitable[None]]


def serve(box: Sandbox, use: Use, *options: str) -> None:
    """Start `backpack mcp` and use it."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "backpack_orm", "mcp", *options],
        env={**os.environ, "BACKPACK_URL": box.url, "BACKPACK_TOKEN": box.token},
    )

    async def main() -> None:
        async with Client(stdio_client(server)) as client:
            await use(client)

    anyio.run(main)


def answer(result: Any) -> Any:
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)


def test_a_program_reads_an_account_and_finds_no_tools_to_write(box: Sandbox) -> None:
    async def use(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == READING
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        pages = answer(await client.call_tool("list_pages", {"title_contains": "LISB"}))["pages"]
        assert [page["title"] for page in pages] == ["Lisbon"]
        page = answer(await client.call_tool("read_page", {"id": pages[0]["id"]}))
        assert page["notes"][0]["title"] == "Where we sleep"
        assert all(email["untrusted"] for email in page["emails"])
        assert len(page["emails"]) > 0
        listed = (await client.list_resources()).resources
        assert f"backpack://pages/{page['id']}" in [str(each.uri) for each in listed]
        assert len(listed) == 13
        read = await client.read_resource(f"backpack://pages/{page['id']}")
        resource: Any = read.contents[0]
        assert json.loads(resource.text)["title"] == "Lisbon"
        found = answer(await client.call_tool("search", {"term": "tram"}))["pages"]
        assert found[0]["excerpts"]
        assert found[0]["untrusted"]
        few = answer(await client.call_tool("list_open_items", {"limit": 2}))
        assert (len(few["items"]), few["truncated"]) == (2, True)
        assert answer(await client.call_tool("list_reminders", {}))["reminders"]
        assert answer(await client.call_tool("list_journal", {}))["entries"]

        error = await client.call_tool("read_page", {"id": 1})
        content: Any = error.content[0]
        assert error.is_error
        described = json.loads(content.text.removeprefix("Error executing tool read_page: "))
        assert described["code"] == "not_found"
        assert described["hint"]
        assert (await client.call_tool("destroy_page", {"id": page["id"]})).is_error
        assert box.token not in repr([tools, page, error])

    serve(box, use)
    assert {each.verb for each in box.log} <= {"GET", "POST"}
    assert not any("new" in each.path or "create" in each.path for each in box.log)


def test_a_program_writes_and_destroys_if_it_is_allowed_to(
    box: Sandbox, connection: Connection
) -> None:
    lisbon = Page.get(title="Lisbon")
    packing = lisbon.lists["Packing"]

    async def use(client: Client) -> None:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
        assert set(hints) == READING | WRITING | DESTROYING | BOTH
        destructive = {name for name, each in hints.items() if each and each.destructive_hint}
        assert destructive == DESTROYING | BOTH
        repeatable = {name for name, each in hints.items() if each and each.idempotent_hint}
        assert repeatable == DESTROYING | BOTH | {"complete_item"}

        async def call(tool: str, **arguments: object) -> Any:
            return answer(await client.call_tool(tool, arguments))

        note = (await call("add_note", page_id=lisbon.id, title="Lunch", body="Sardines"))["id"]
        changed = await call("update_note", page_id=lisbon.id, id=note, body="Soup")
        assert changed["changed"] == ["body"]
        place = {"page_id": lisbon.id, "list_id": packing.id}
        item = (await call("add_item", **place, content="Umbrella"))["id"]
        await call("complete_item", **place, id=item)
        assert Note.find(note, page=lisbon).body == "Soup"
        assert Item.find(item, list=packing).completed
        gone = await call("destroy_item", **place, id=item)
        assert gone["content"] == "Umbrella"
        await call("destroy_note", page_id=lisbon.id, id=note)
        page = (await call("create_page", title="Porto"))["id"]
        assert (await call("destroy_page", id=page))["title"] == "Porto"
        assert "Water" in (await call("add_reminder", content="+3 days Water"))["content"]

    serve(box, use, "--allow-write", "--allow-destroy")
    assert Page.find_by(title="Porto", fresh=True) is None


@pytest.mark.parametrize(
    ("options", "tools"),
    [
        ({"allow_write": True}, READING | WRITING),
        ({"allow_destroy": True}, READING | DESTROYING),
    ],
)
def test_each_permission_is_given_by_itself(options: dict[str, bool], tools: set[str]) -> None:
    connection = Connection("acme", token="0123456789abcdef")
    server = mcp.create_server(connection, **options)
    assert {tool.name for tool in anyio.run(server.list_tools)} == tools


def test_results_are_bounded(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp, "MAX_TEXT", 5)
    monkeypatch.setattr(mcp, "MAX_RECORDS", 2)
    page = mcp.read_page(Page.get(title="Lisbon").id)
    assert page["truncated"]
    assert len(page["tags"]) == 2
    assert page["notes"][0]["title"] == "Where"
    assert len(mcp.list_pages(limit=99)["pages"]) == 2


def test_a_page_of_somebody_else_is_untrusted(connection: Connection) -> None:
    assert mcp.read_page(Page.where(scope="friends")[0].id)["untrusted"]
    assert "untrusted" not in mcp.read_page(Page.get(title="Lisbon").id)


def test_each_text_of_somebody_else_is_untrusted(connection: Connection) -> None:
    def untrusted(records: list[dict[str, Any]], key: str) -> set[Any]:
        return {each[key] for each in records if each.get("untrusted")}

    theirs = {page.id for page in Page.where(scope="friends")}
    assert untrusted(mcp.list_pages()["pages"], "id") == theirs
    items = mcp.list_open_items(200)["items"]
    assert {each["page"]["id"] for each in items if each.get("untrusted")} <= theirs
    assert {each["page"]["id"] for each in items if not each.get("untrusted")}.isdisjoint(theirs)
    others = {each.id for each in Reminder.all() if each.creator not in (None, User.me())}
    assert untrusted(mcp.list_reminders()["reminders"], "id") == others
    page = Page.where(scope="friends")[0]
    page.notes.create(title="a")
    note = page.reload().notes[0]
    assert mcp.destroy_note(page.id, note.id)["untrusted"]
    assert mcp.destroy_page(page.id)["untrusted"]


def test_all_texts_together_are_bounded(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp, "MAX_TOTAL", 300)
    page = mcp.read_page(Page.get(title="Lisbon").id)
    assert page["truncated"]
    assert sum(map(len, texts_in(page))) == 300


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)
