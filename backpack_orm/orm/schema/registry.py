"""The models by name, imported when they are first needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model


class Registry(dict[str, "type[Model]"]):
    """The models by name.

    Models refer to one another by name and do not import one another. The models' package sets
    `load`, which imports the module of a model that is not registered yet.

    >>> registry["Note"].__name__
    'Note'
    """

    load: Callable[[str], object]

    def __missing__(self, name: str) -> type[Model]:
        self.load(name)
        model = self.get(name)
        assert model is not None, f"its module does not define {name}"
        return model


registry = Registry()
