"""Resources: models of records of the API, registered by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, dataclass_transform

from backpack_orm.orm.declarations import AssignableSlot, assigns_many, belongs_to, field, has_one
from backpack_orm.orm.schema.fields import Field, Parent, Relation, Table
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.orm.schema.registry import registry
from backpack_orm.orm.schema.signatures import add_signatures

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")


@dataclass_transform(
    kw_only_default=True,
    eq_default=False,
    field_specifiers=(field, has_one, assigns_many, belongs_to),
)
def resource(cls: type[M]) -> type[M]:
    """Register a class of declarations as the model of a resource.

    Its slots are made by the metaclass, see `backpack_orm.orm.schema.model_type`.
    """
    cls._resource = cls
    cls._table = _table(cls)
    for name, relation in cls._table.relations.items():
        if relation.key is not None:
            setattr(cls, name, AssignableSlot(vars(cls)[name], name))
    if "_record_type" not in vars(cls):
        cls._record_type = cls.__name__
    if "_full" not in vars(cls):
        cls._full = Projection(model=cls)
    parent = cls._table.parent
    if parent is not None:
        setattr(cls, parent.name, _parent_property(parent))
    if hasattr(cls, "create"):
        add_signatures(cls)
    registry[cls.__name__] = cls
    return cls


def _table(cls: type[Model]) -> Table:
    fields: dict[str, Field] = {}
    relations: dict[str, Relation] = {}
    positions: dict[str, int] = {}
    parent: Parent | None = None
    for name, declaration in cls._declared.items():
        if isinstance(declaration, Parent):
            parent = declaration._replace(name=name)
            continue
        if isinstance(declaration, Relation):
            relations[name] = declaration._replace(name=name)
        else:
            fields[name] = declaration.named(name, str(cls.__annotations__[name]))
            if declaration.is_write_only:
                continue
        positions[name] = len(positions)
    if parent is not None and parent.is_included:
        positions[parent.name] = len(positions)
    return Table(fields, relations, parent, positions)


def _parent_property(parent: Parent) -> property:
    def read(self: Model) -> Model:
        return self._parent

    def write(self: Model, value: Model | int) -> None:
        self._set_parent(value)

    return property(read, write, doc=f"The {parent.target} of this record. Makes no request.")
