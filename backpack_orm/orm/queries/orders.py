"""Orders of records: the keys by which `order_by` sorts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from backpack_orm.errors import short_repr
from backpack_orm.orm.queries.lookups import folded
from backpack_orm.orm.queries.paths import field_named, path_of

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")


class Order(NamedTuple):
    """One argument of `order_by`.

    Attributes:
        value: Returns the value by which a record is ordered, or None.
        is_reversed: Whether the largest value is first.
    """

    value: Callable[[Any], Any]
    is_reversed: bool = False

    def sort(self, records: Iterable[M]) -> list[M]:
        """Return records in this order, those without a value last."""
        keys = [(self._key(record), record) for record in records]
        known = [pair for pair in keys if pair[0] is not None]
        known.sort(key=itemgetter(0), reverse=self.is_reversed)
        return [record for _, record in known] + [each for key, each in keys if key is None]

    def _key(self, record: Model) -> Any:
        value = self.value(record)
        return (folded(value), value) if isinstance(value, str) else value


def order_of(model: type[Model], key: object) -> Order:
    """Return the order of an argument of `order_by`.

    Args:
        model: The model.
        key: A function that returns the value of a record; or the name of a field, or of a field
            of a parent, such as `page__title`, with `-` before it to reverse the order.

    Raises:
        TypeError: The attribute is misspelled, not a field, or one of several related records.

    >>> from backpack_orm import Note, Page
    >>> order_of(Note, "-page__title").value(Note(page=Page(title="LISBON")))
    'LISBON'
    """
    if callable(key):
        return Order(key)
    if not isinstance(key, str):
        raise TypeError(f"order_by takes attributes and functions, not {short_repr(key)}")
    name = key.removeprefix("-")
    path, rest = path_of(model, name.split("__"))
    if rest and not path.is_single:
        raise TypeError(
            f"{model.__name__} cannot be ordered by {key!r}, which leads to several records: "
            "pass a function"
        )
    owner, wanted = (path.model, "__".join(rest)) if rest else (model, name)
    field = field_named(owner, wanted, f"ordered by {key!r}: pass a function").name

    def value(record: Model) -> Any:
        return next((getattr(each, field) for each in path.records(record)), None)

    return Order(value, is_reversed=key != name)
