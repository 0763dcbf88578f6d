"""Signatures of constructors and of `create`, for help texts and completion of arguments."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import Parameter, Signature
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model


def add_signatures(cls: type[Model]) -> None:
    """Give the constructor, `create` and `update` of a new model the signatures of its table.

    Type checkers know the same from the declarations. All still take any keyword argument, so that
    a misspelled one is reported with the right one.

    >>> from inspect import signature
    >>> from backpack_orm import Note
    >>> list(signature(Note).parameters) == list(signature(Note.create).parameters)
    True
    """
    model: Any = cls
    model.__signature__ = Signature(list(_parameters(cls)))
    if "create" not in vars(cls):  # else it has a signature of its own
        own = _copy_of(model.create.__func__, cls)
        own.__signature__ = Signature(
            [Parameter("cls", Parameter.POSITIONAL_ONLY), *_parameters(cls)],
            return_annotation=cls.__name__,
        )
        model.create = classmethod(own)
    known = {*cls._table.fields, *cls._table.relations}
    model.update = _copy_of(model.update, cls)
    model.update.__signature__ = Signature(
        [
            Parameter("self", Parameter.POSITIONAL_ONLY),
            *(each.replace(default=...) for each in _parameters(cls) if each.name in known),
        ],
        return_annotation="SaveResult",
    )


def _copy_of(shared: Any, cls: type[Model]) -> Any:
    """Return a function that does the same, as one of a class."""
    own: Any = FunctionType(shared.__code__, shared.__globals__, closure=shared.__closure__)
    own.__doc__, own.__qualname__ = shared.__doc__, f"{cls.__name__}.{shared.__name__}"
    own.__kwdefaults__, own.__module__ = shared.__kwdefaults__, shared.__module__
    return own


def _parameters(cls: type[Model]) -> Iterator[Parameter]:
    """Yield the arguments of the constructor: the parent, then the fields that can be set."""
    table = cls._table
    if table.parent is not None:
        yield _keyword(table.parent.name, f"{table.parent.target} | int")
    for name, field in table.fields.items():
        if not field.is_read_only:
            default = Parameter.empty if field.is_required else field.default
            yield _keyword(name, str(cls.__annotations__[name]), default)
    for name, relation in table.relations.items():
        if relation.key is not None:
            entries = str(cls.__annotations__[name]).partition("[")[2].replace(", ", " | ")
            yield _keyword(name, f"Iterable[{entries}", ())
    yield _keyword("using", "Connection | None", None)


def _keyword(name: str, annotation: str, default: Any = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
