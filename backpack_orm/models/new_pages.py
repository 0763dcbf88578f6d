"""The pages of an account, as `create_many` creates them: by title first, then what is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from backpack_orm.connection import Connection

if TYPE_CHECKING:
    from backpack_orm.models.page import Page

P = TypeVar("P", bound="Page")


class NewPages(Generic[P]):
    """The pages of an account, where new ones are created.

    Args:
        model: The class of the pages.
        connection: The account.
    """

    def __init__(self, model: type[P], connection: Connection) -> None:
        self._model = model
        self._connection = connection
        self._read: list[P] = []

    def _present(self, *, fresh: bool = False) -> list[P]:
        self._read = list(self._model.all(using=self._connection, fresh=fresh))
        return self._read

    def _object(self, id: int) -> P:
        return next(page for page in self._read if page._saved_id == id)

    def _draft(self, values: Mapping[str, Any]) -> P:
        if "using" in values:
            raise TypeError("leave using= out: pass it to create_many()")
        return self._model._draft({**values, "using": self._connection})

    def _create(self, attributes: Mapping[str, Any]) -> P:
        page = self._model(title=attributes["title"], using=self._connection)
        page.save()
        return page

    def _complete(self, record: P, values: Mapping[str, Any]) -> None:
        left = {name: value for name, value in values.items() if name != "title"}
        if left:
            record.update(**left)
