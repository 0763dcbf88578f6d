"""A plugin for mypy that finds misspelled conditions and orders.

[tool.mypy]
plugins = ["backpack_orm.integrations.mypy"]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from mypy import types  # before all others, or some of them cannot be imported
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import Expression, StrExpr
from mypy.plugin import MethodContext, Plugin

import backpack_orm
from backpack_orm.orm.queries.conditions import check_name
from backpack_orm.orm.queries.orders import order_of
from backpack_orm.orm.records.model import Model

_COLLECTION = "backpack_orm.orm.queries.collections.Collection"
_MODELS: dict[str, type[Model]] = {
    f"{each.__module__}.{each.__name__}": each
    for each in (getattr(backpack_orm, name) for name in backpack_orm.__all__)
    if isinstance(each, type) and issubclass(each, Model) and each is not Model
}
_WITH_CONDITIONS = (
    *("where", "exclude", "get", "find_by", "first", "last", "exists", "count"),
    *("get_or_create", "update_or_create"),
)


class ConditionsPlugin(Plugin):
    """Reports what a search would raise: an attribute, a relation or a lookup that is misspelled.

    It reads the fields from the models themselves, as searches do.
    """

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], types.Type] | None:
        """Return the function that checks the calls of a method; None for most methods."""
        method = fullname.rpartition(".")[2]  # of a class: `Trip.where`, wherever it is defined
        if method in _WITH_CONDITIONS:
            return partial(_checked, find=_conditions, check=_check_condition)
        return partial(_checked, find=_orders, check=order_of) if method == "order_by" else None


def plugin(version: str) -> type[Plugin]:
    """Return the plugin, for mypy."""
    return ConditionsPlugin


def _checked(
    call: MethodContext,
    *,
    find: Callable[[MethodContext], Iterator[tuple[str, Expression]]],
    check: Callable[[type[Model], str], object],
) -> types.Type:
    model = _model_of(call.type)
    if model is not None:
        for name, where in find(call):
            try:
                check(model, name)
            except TypeError as error:
                call.api.fail(str(error), where)
    return call.default_return_type


def _conditions(call: MethodContext) -> Iterator[tuple[str, Expression]]:
    for formal, names, values in zip(call.callee_arg_names, call.arg_names, call.args, strict=True):
        if formal == "lookups":
            for name, value in zip(names, values, strict=True):
                if name is not None:  # else a dictionary is unpacked
                    yield name, value


def _orders(call: MethodContext) -> Iterator[tuple[str, Expression]]:
    for values in call.args:
        for value in values:
            if isinstance(value, StrExpr):
                yield value.value, value


def _check_condition(model: type[Model], name: str) -> None:
    if name not in getattr(model, "_scopes", ()):
        check_name(model, name)


def _model_of(type: types.Type) -> type[Model] | None:
    """Return the model whose records an object, a class or a collection has, if it is known."""
    found = types.get_proper_type(type)
    if isinstance(found, types.CallableType | types.Overloaded) and found.is_type_obj():
        found = types.get_proper_type(found.items[0].ret_type)
    if isinstance(found, types.TypeType):
        found = types.get_proper_type(found.item)
    if isinstance(found, types.TypeVarType):
        found = types.get_proper_type(found.upper_bound)
    if not isinstance(found, types.Instance):
        return None
    for base in found.type.mro:
        if base.fullname == _COLLECTION:
            return _model_of(map_instance_to_supertype(found, base).args[0])
        model = _MODELS.get(base.fullname)
        if model is not None:
            return model
    return None
