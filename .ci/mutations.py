"""Mutations of Python source: small changes that a test should notice."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

_OPPOSITES: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}

Span: TypeAlias = Callable[[ast.expr | ast.stmt], tuple[int, int]]


@dataclass(frozen=True)
class Mutation:
    """A replacement of some bytes of a file."""

    path: Path
    line: int
    kind: str
    start: int
    end: int
    new: str

    def apply(self, content: bytes) -> bytes:
        return content[: self.start] + self.new.encode() + content[self.end :]

    def is_change(self, content: bytes) -> bool:
        """Return whether the changed file compiles, and to something else."""
        try:
            return ast.dump(ast.parse(self.apply(content))) != ast.dump(ast.parse(content))
        except SyntaxError:
            return False

    def diff(self, content: bytes) -> str:
        """Return the changed lines."""
        before, after = (each.decode().splitlines() for each in (content, self.apply(content)))
        return "\n".join(list(difflib.unified_diff(before, after, lineterm="", n=0))[2:])


def mutations(path: Path, content: bytes) -> list[Mutation]:
    """Return all mutations of a module. A few of them do not compile, or change nothing."""
    tree = ast.parse(content)
    starts = [0, *accumulate(len(line) for line in content.splitlines(keepends=True))]

    def span(node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = starts[node.lineno - 1] + node.col_offset
        return start, starts[node.end_lineno - 1] + node.end_col_offset

    def found() -> Iterator[Mutation]:
        skipped = {id(node) for root in _uninteresting(tree) for node in ast.walk(root)}
        for node in ast.walk(tree):
            if id(node) not in skipped:
                for kind, start, end, new in _changes(node, content, span):
                    yield Mutation(path, getattr(node, "lineno", 0), kind, start, end, new)

    return list(found())


def _uninteresting(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what has no behaviour: types, overloads, docstrings; and the texts of messages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from node.decorator_list
            if any(ast.unparse(each).endswith("overload") for each in node.decorator_list):
                yield node
            if node.returns:
                yield node.returns
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.If):
            if "TYPE_CHECKING" in ast.unparse(node.test):
                yield node
        elif isinstance(node, ast.JoinedStr):
            yield node
        elif isinstance(node, ast.Raise):
            yield from ast.iter_child_nodes(node)


def _changes(node: ast.AST, content: bytes, span: Span) -> Iterator[tuple[str, int, int, str]]:
    """Yield kind, start, end and replacement of each change of one node."""

    def between(left: ast.expr, right: ast.expr, old: str, new: str) -> tuple[int, int, str]:
        start, end = span(left)[1], span(right)[0]
        return start, end, content[start:end].decode().replace(old, new, 1)

    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            yield "comparison", *between(left, right, *_OPPOSITES[type(operator)])
        case ast.BoolOp(op=operator, values=[left, right, *_]):
            old, new = ("and", "or") if isinstance(operator, ast.And) else ("or", "and")
            yield f"{old} to {new}", *between(left, right, old, new)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not removed", *span(node), content[slice(*span(operand))].decode()
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            if not isinstance(test, ast.Compare | ast.NamedExpr | ast.UnaryOp):
                yield (
                    "condition negated",
                    *span(test),
                    f"not ({content[slice(*span(test))].decode()})",
                )
        case ast.Constant(value=bool(value)):
            yield "constant", *span(node), str(not value)
        case ast.Constant(value=int(value)):
            yield "constant", *span(node), str(value + 1)
        case ast.stmt() | ast.ExceptHandler():
            yield from _changed_statements(node, span)


def _changed_statements(
    node: ast.stmt | ast.ExceptHandler, span: Span
) -> Iterator[tuple[str, int, int, str]]:
    match node:
        case ast.Return(value=ast.expr()):
            yield "None returned", *span(node), "return None"
        case ast.Raise():
            yield "raise removed", *span(node), "pass"
        case ast.Expr(value=ast.Call()):
            yield "call removed", *span(node), "pass"
        case ast.ExceptHandler(body=[first, *_] as body):
            yield "error swallowed", span(first)[0], span(body[-1])[1], "pass"
