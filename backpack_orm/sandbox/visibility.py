"""The conditions under which a user sees a page, with parameters for the user.

Statements with these conditions are built once, when their module is imported: building a statement
takes longer than executing it.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    exists,
    or_,
    select,
    union,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from .models import BigInt, Friend, Page
from .tokens import Caller

ACCOUNT: BindParameter[int] = bindparam("my_account")
_ME: BindParameter[int] = bindparam("my_key")
_ADDRESS: BindParameter[str] = bindparam("my_address")

IS_SHARED_WITH_ME: ColumnElement[bool] = Friend.email_address == _ADDRESS
"""The condition that a friend of a page is the user."""


class _NotIndexed(FunctionElement[int]):
    """A column, which keeps SQLite from finding all pages of the account by its index.

    PostgreSQL decides by its statistics, which a changed column would hide.
    """

    inherit_cache = True
    type = BigInt


@compiles(_NotIndexed)
def _as_column(element: _NotIndexed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_NotIndexed, "sqlite")
def _as_operand(element: _NotIndexed, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


def _is_visible(page: type[Page], account_key: ColumnElement[int]) -> ColumnElement[bool]:
    is_shared = exists().where(Friend.page_key == page.key, IS_SHARED_WITH_ME)
    return and_(account_key == ACCOUNT, or_(page.owner_key == _ME, is_shared))


VISIBLE = _is_visible(Page, cast("ColumnElement[int]", Page.account_key))
"""The condition that a page, found by its id, is visible: the user's own, or shared with them."""


def visible(page: type[Page]) -> ColumnElement[bool]:
    """Return the condition that a page is visible, for pages that are found by their key."""
    return _is_visible(page, _NotIndexed(page.account_key))


IS_MINE: ColumnElement[bool] = Page.owner_key == _ME
"""The condition that the user owns a page."""


def shared(column: Any) -> Select[Any]:
    """Return the statement that selects a column of the pages that are shared with the user."""
    friends = select(column).join(Friend, Friend.page_key == Page.key)
    return friends.where(Page.account_key == ACCOUNT, IS_SHARED_WITH_ME)


VISIBLE_KEYS: CompoundSelect[int] = union(select(Page.key).where(IS_MINE), shared(Page.key))
"""The keys of all visible pages. Other pages of the account are not looked at."""


def parameters_of(caller: Caller) -> dict[str, object]:
    """Return the parameters of these conditions."""
    return {
        "my_account": caller.account_key,
        "my_key": caller.key,
        "my_address": caller.email_address.casefold(),
    }
