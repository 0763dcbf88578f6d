"""Hooks and signals: what they cost while no function is added to them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from textwrap import dedent
from types import FunctionType
from typing import Any

from backpack_orm import Connection, Note, Page
from backpack_orm.connection.sending import Received
from backpack_orm.connection.transport import Transport
from backpack_orm.orm import signals
from backpack_orm.wire.shapes import Response
from tests.benchmarks.measuring import OURS, Row, race
from tests.benchmarks.serving import TOKEN

_SAVES = 100
_SUCCESS = Received(Response(200, b'<response success="true"/>'), None, "", None)
_BARE = "the same code without them"


class _Without(ast.NodeTransformer):
    """Removes all statements that are about hooks and signals."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if "hooks" in ast.unparse(node.test):
            return None
        self.generic_visit(node)
        return node if node.body else None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if ast.unparse(node).startswith("send_") else node


def without(function: Callable[..., Any]) -> Any:
    """Return a function without its statements about hooks and signals."""
    assert isinstance(function, FunctionType)
    tree = _Without().visit(ast.parse(dedent(inspect.getsource(function))))
    code = compile(ast.fix_missing_locations(tree), "<without hooks>", "exec")
    namespace: dict[str, Any] = {}
    exec(code, function.__globals__, namespace)
    return namespace[function.__name__]


class BareTransport(Transport):
    """A transport that knows no hooks."""

    _attempt = without(Transport._attempt)


class BareConnection(Connection):
    """A connection that knows no hooks."""

    call = without(Connection.call)


class BareNote(Note):
    """A note that knows no signals."""

    save = without(Note.save)


def unused() -> Iterator[Row]:
    """Measure saves whose requests are answered at once, so that all the time is the mapper's."""
    bare = note(BareConnection("acme", token=TOKEN, limits=None))
    ours = note(Connection("acme", token=TOKEN, limits=None))
    watched = note(Connection("acme", token=TOKEN, limits=None))
    for hook in (watched.connection.hooks.on_request, watched.connection.hooks.on_response):
        hook(_nothing)
    yield race(
        "Objects",
        f"{_SAVES} saves without the network, no hooks and signals",
        {
            _BARE: lambda: _save(bare),
            OURS: lambda: _save(ours),
            "a function for each": lambda: _save_watched(watched),
        },
        goal=1.05,
    )
    if signals._hooks:
        raise RuntimeError("a function was left, so this measured something else")


def note(connection: Connection) -> Note:
    """Return a note of a connection that receives a success for each request."""
    transport: Any = connection._transport
    model: type[Note] = Note
    if isinstance(connection, BareConnection):
        transport.__class__, model = BareTransport, BareNote
    transport._sender.send = lambda call: _SUCCESS
    found = model._stub(301, Page._stub(7, connection))
    found._merge_values(title="", body="Tram 28")
    return found


def _save(note: Note) -> None:
    for number in range(_SAVES):
        note.title = f"Day {number} & night"
        note.save()


def _save_watched(note: Note) -> None:
    Note.saved(_nothing)
    try:
        _save(note)
    finally:
        signals._hooks.clear()


def _nothing(event: object) -> None:
    """Do nothing with an event."""
