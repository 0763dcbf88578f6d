"""The MCP server, started as a program and used by the client of the SDK."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.from_thread
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.server.mcpserver.exceptions import ToolError

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


@pytest.mark.parametrize("content", ["x" * 150, 'é"\n' * 50, ""])
@pytest.mark.parametrize("total", [20_000, mcp.MAX_TOTAL])
def test_the_json_of_a_result_is_bounded(
    monkeypatch: pytest.MonkeyPatch, content: str, total: int
) -> None:
    monkeypatch.setattr(mcp, "MAX_TOTAL", total)
    item = {"id": 40_000_000, "content": content, "completed": False, "list_id": 1, "comments": []}
    lists = [{"id": 1, "name": "Packing", "items": [dict(item)] * 200}] * 18
    found = mcp._bounded({"id": 7, "title": "Many", "lists": lists})
    size = len(json.dumps(found, indent=2, ensure_ascii=False))
    assert total / 2 < size <= total
    assert found["truncated"]
    assert found["lists"][0]["items"][0] == item


def test_an_error_says_when_to_try_again(box: Sandbox, connection: Connection) -> None:
    connection.clear_cache()
    box.faults.status(503, retry_after=90)
    with pytest.raises(ToolError) as error, Connection(box.url, token=box.token, max_wait=0) as one:
        anyio.run(mcp._with(one, mcp.list_pages))
    assert json.loads(str(error.value))["retry_after"] == 90


def test_titles_of_others_are_untrusted_in_the_list_of_resources(connection: Connection) -> None:
    theirs = {f"backpack://pages/{page.id}" for page in Page.where(scope="friends")}
    listed = anyio.run(mcp.create_server(connection).list_resources)
    marked = {str(each.uri) for each in listed if (each.meta or {}).get("untrusted")}
    assert marked == theirs
    assert all("untrusted" in str(each.description) for each in listed if str(each.uri) in theirs)


def test_a_call_that_is_cancelled_makes_no_further_request(
    box: Sandbox, connection: Connection
) -> None:
    ids = [page.id for page in Page.all()]
    mcp.create_server(connection)
    scopes: list[anyio.CancelScope] = []

    def read_all() -> dict[str, Any]:
        """Read pages, one after the other."""
        titles = [Page.find(id, fresh=True).title for id in ids[:2]]
        anyio.from_thread.run(cancel)
        return {"pages": [*titles, *(Page.find(id, fresh=True).title for id in ids[2:])]}

    async def cancel() -> None:
        scopes[0].cancel()
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.05)  # until the call knows it

    async def main() -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await mcp._with(connection, read_all)()
        assert scope.cancelled_caught

    before = box.requests
    anyio.run(main)
    assert box.requests - before == 2 < len(ids)
    assert mcp.list_pages()["pages"], "later calls make requests"


def test_a_slow_call_delays_no_other(box: Sandbox, connection: Connection) -> None:
    server = mcp.create_server(connection)
    User.me()
    box.faults.latency(1, path="ws/pages/search")
    ended: list[str] = []

    async def call(name: str, **arguments: Any) -> None:
        await server.call_tool(name, arguments)
        ended.append(name)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: call("search", term="tram"))
            await anyio.sleep(0.1)
            group.start_soon(lambda: call("list_pages"))

    anyio.run(main)
    assert ended == ["list_pages", "search"]


@pytest.mark.parametrize("name", ["create_page", "add_note", "add_item", "add_reminder"])
def test_tools_that_write_say_that_they_do_so_at_once(name: str) -> None:
    connection = Connection("acme", token="0123456789abcdef")
    tools = anyio.run(mcp.create_server(connection, allow_write=True).list_tools)
    (tool,) = (tool for tool in tools if tool.name == name)
    assert "at once" in str(tool.description)
