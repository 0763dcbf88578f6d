"""The metaclass of models: it turns declarations and annotations into slots."""

from __future__ import annotations

import sys
from abc import ABCMeta
from collections.abc import Iterator, Mapping
from functools import cached_property
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, TypeVar

from backpack_orm.errors import ReadOnly, did_you_mean
from backpack_orm.orm.schema.fields import Field, Parent, Relation, Table
from backpack_orm.orm.schema.hints import class_hint
from backpack_orm.orm.signals import hook_of

if TYPE_CHECKING:
    from backpack_orm.connection.hooks import Hook
    from backpack_orm.orm.signals.events import CreatedEvent, DestroyedEvent, SavedEvent

M = TypeVar("M")


class ModelType(ABCMeta):
    """The class of all model classes.

    A class with declarations becomes a resource: each field and relation is a slot. A subclass of
    a resource gets a slot for each attribute that it annotates, so that a misspelled attribute
    still raises. Defaults are stored apart, so that loading does not have to set them. If a mixin
    or a cached property adds a `__dict__`, assigning an undeclared attribute raises.
    """

    _declared: Mapping[str, Field | Relation | Parent]
    _defaults: Mapping[str, Any]
    _own: tuple[str, ...]
    _table: Table

    def __new__(
        mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> ModelType:
        declared = {
            key: namespace.pop(key)
            for key, value in list(namespace.items())
            if isinstance(value, Field | Relation | Parent)
        }
        is_resource = any(isinstance(value, Field) for value in declared.values())
        if is_resource:
            namespace["_declared"] = declared
            namespace["__slots__"] = tuple(
                key for key, value in declared.items() if not isinstance(value, Parent)
            )
        else:
            _check_names(name, bases, namespace)
            if "__slots__" not in namespace:
                _add_own_attributes(name, bases, namespace)
        if "__init__" in namespace:
            namespace.setdefault("__signature__", None)  # that of the model is not its own
        try:
            cls = super().__new__(mcls, name, bases, namespace, **options)
        except TypeError as error:
            if "lay-out conflict" not in str(error):
                raise
            raise TypeError(
                f"{name} cannot combine {' and '.join(base.__name__ for base in bases)}: "
                "at most one base may have slots. Remove __slots__ from the mixin, "
                "or set it to ()"
            ) from None
        relations = {key: value for key, value in declared.items() if isinstance(value, Relation)}
        if relations and not is_resource:
            cls._table = _narrowed(cls, relations)
        check = _set_declared if cls.__dictoffset__ else None
        if is_resource and not hasattr(cls, "save"):
            check = _set_own
        if check and getattr_static(cls, "__setattr__") is object.__setattr__:
            cls.__setattr__ = check  # type: ignore[method-assign,assignment]
        return cls

    if not TYPE_CHECKING:  # else every misspelled call would be taken for an Any

        def __getattr__(cls, name: str) -> Any:
            """Raise for an unknown attribute of the class, with a hint at the right call."""
            raise AttributeError(
                f"type object {cls.__name__!r} has no attribute {name!r}{class_hint(cls, name)}"
            )

    @property
    def created(cls: type[M]) -> Hook[CreatedEvent[M]]:
        """The functions that are called once a record of the class or a subclass was created.

        >>> titles = []
        >>> function = Page.created(lambda event: titles.append(event.record.title))
        >>> page = Page.create(title="Porto")
        >>> titles, Page.created.remove(function)
        (['Porto'], None)
        """
        return _signal(cls, "created", "create")

    @property
    def saved(cls: type[M]) -> Hook[SavedEvent[M]]:
        """The functions that are called once a record was created or updated.

        >>> fields = []
        >>> function = Page.saved(lambda event: fields.append(event.fields))
        >>> result = Page.find_by(title="Lisbon").update(title="Lisboa", tags=["Travel"])
        >>> fields, Page.saved.remove(function)
        ([('title', 'tags')], None)
        """
        return _signal(cls, "saved", "save")

    @property
    def destroyed(cls: type[M]) -> Hook[DestroyedEvent[M]]:
        """The functions that are called once a record was destroyed.

        >>> ids = []
        >>> function = Page.destroyed(lambda event: ids.append(event.record.id))
        >>> page = Page.find_by(title="Lisbon")
        >>> gone = page.destroy()
        >>> ids == [page.id], Page.destroyed.remove(function)
        (True, None)
        """
        return _signal(cls, "destroyed", "destroy")

    @property
    def _blank(cls) -> type:
        """The class of an object while its attributes are set from a record.

        For a class that checks assignments, as those with a `__dict__` and those that the API
        cannot change do, this is a twin with the same layout and without the check, which makes
        loading fifteen times as fast. Otherwise it is the class itself.
        """
        blank: type | None = cls.__dict__.get("_unchecked")
        if blank is None:
            blank = cls
            if getattr_static(cls, "__setattr__") is not object.__setattr__:
                blank = _unchecked_twin(cls)
            cls._unchecked = blank
        return blank


def _signal(cls: Any, name: str, method: str) -> Hook[Any]:
    """Return the functions that are called with a signal.

    Raises:
        AttributeError: No record of the class can send it.
    """
    if hasattr(cls, "_table") and not hasattr(cls, method):
        raise AttributeError
    return hook_of(name, cls)


class _NoHook:
    """Base that hides the unchecked twin from a user's `__init_subclass__`."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Do nothing."""


def _unchecked_twin(cls: type) -> type:
    slots = [name for name in cls.__dict__.get("__slots__", ()) if name != "__dict__"]
    added = [
        name
        for name, offset in (("__dict__", "__dictoffset__"), ("__weakref__", "__weakrefoffset__"))
        if getattr(cls, offset) and not getattr(cls.__base__, offset)
    ]
    namespace = {"__slots__": (*slots, *added), "__setattr__": object.__setattr__}
    base = cls.__base__
    assert base is not None
    return type.__new__(ModelType, cls.__name__, (_NoHook, base), namespace)


def _check_names(name: str, bases: tuple[type, ...], namespace: Mapping[str, Any]) -> None:
    """Raise if a subclass of a resource declares what the resource has already.

    Its objects would have the attribute of the subclass, which is neither loaded nor saved. A mere
    annotation of a field is for type checkers and declares nothing.
    """
    resource = next((base for base in bases if hasattr(base, "_table")), None)
    if resource is None:
        return
    for mixin in dict.fromkeys(each for base in bases for each in base.__mro__):
        if not isinstance(mixin, ModelType) and not issubclass(resource, mixin):
            _check_declared(mixin.__name__, resource, vars(mixin))
    _check_declared(name, resource, namespace)


def _check_declared(name: str, resource: Any, namespace: Mapping[str, Any]) -> None:
    table, slots = resource._table, namespace.get("__slots__", ())
    slots = [slots] if isinstance(slots, str) else [*slots]
    parent = () if table.parent is None else (table.parent.name, f"{table.parent.name}_id")
    fields = {*table.fields, *table.relations, *parent}
    signals = {"created", "saved", "destroyed"}
    for key in (*namespace, *slots, *_annotated(namespace)):
        is_value = key in namespace or key in slots
        if is_value and key in fields:
            kind = "attribute of its records"
        elif key in signals:
            kind = "signal"
        elif is_value and key not in resource._own and _hides_a_member(resource, key, namespace):
            kind = "method or property"
        else:
            continue
        raise TypeError(
            f"{name}.{key} would hide the {kind} of {resource.__name__} with this name: "
            "choose another name"
        )


def _hides_a_member(resource: type, key: str, namespace: Mapping[str, Any]) -> bool:
    """Return whether a plain value has the name of a public method or property."""
    return (
        not key.startswith("_")
        and hasattr(getattr_static(resource, key, None), "__get__")
        and not hasattr(namespace.get(key), "__get__")
    )


def _add_own_attributes(name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
    """Make slots of the attributes that a subclass annotates, and store their defaults apart."""
    of_models = set(dir(next(base for base in bases if isinstance(base, ModelType))))
    inherited = {key for base in bases for cls in base.__mro__ for key in vars(cls)}
    own = {key: True for key in _annotated(namespace) if key not in inherited}
    again = {key for base in bases for key in getattr(base, "_own", ()) if _is_slot(base, key)}
    defaults = {key: namespace.pop(key) for key in (*own, *again) if key in namespace}
    names = list(own)
    for base in bases:
        if isinstance(base, ModelType):
            names += base._own
            defaults = {**base._defaults, **defaults}
            continue
        for mixin in base.__mro__:
            annotated = [key for key in _annotated(vars(mixin)) if key not in of_models]
            names += annotated
            if not base.__dictoffset__:
                own |= dict.fromkeys(annotated, True)
                defaults |= {key: vars(mixin)[key] for key in annotated if key in vars(mixin)}
    for key, default in defaults.items():
        if isinstance(default, list | dict | set):
            raise TypeError(
                f"{name}.{key} has a {type(default).__name__} as its default, which all objects "
                "would share: leave the default out, or use a cached_property"
            )
    has_cached = any(isinstance(value, cached_property) for value in namespace.values())
    has_dict = any(base.__dictoffset__ for base in bases)
    namespace["_own"] = tuple(dict.fromkeys(names))
    namespace["_defaults"] = defaults
    namespace["__slots__"] = (*own, *(["__dict__"] if has_cached and not has_dict else []))


def _is_slot(cls: type, name: str) -> bool:
    return hasattr(getattr_static(cls, name, None), "__set__")


def _annotated(namespace: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that the namespace of a class annotates, except class variables."""
    for key, annotation in _annotations_in(namespace).items():
        if "ClassVar" not in str(annotation).partition("[")[0]:
            yield key


def _annotations_in(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the annotations in the namespace of a class, which may not exist yet."""
    found: Mapping[str, Any] | None = namespace.get("__annotations__")
    if found is None and sys.version_info >= (3, 14):  # which evaluates them when they are read
        import annotationlib

        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        if annotate is not None:
            text = annotationlib.Format.STRING
            return annotationlib.call_annotate_function(annotate, text)
    return found or {}


def _narrowed(cls: ModelType, relations: Mapping[str, Relation]) -> Table:
    """Return the table of a subclass that narrows relations."""
    table = dict(cls._table.relations)
    for name, relation in relations.items():
        known = table.get(name)
        if known is None or relation.narrowed is None:
            raise TypeError(
                f"{cls.__name__}.{name} cannot be declared{did_you_mean(name, table)}: only the "
                "relations of the resource can be narrowed"
            )
        if not issubclass(relation.narrowed, known.model):
            raise TypeError(
                f"{cls.__name__}.{name} takes a subclass of {known.model.__name__}, "
                f"not {relation.narrowed.__name__}"
            )
        table[name] = known._replace(narrowed=relation.narrowed)
    return cls._table._replace(relations=table)


def _set_own(self: Any, name: str, value: object) -> None:
    """Set an attribute of a record that the API cannot change, unless it is one of the service's.

    Raises:
        ReadOnly: It is a field or a relation.
    """
    cls = type(self)
    if name in cls._table.fields or name in cls._table.relations:
        raise ReadOnly(
            f"{cls.__name__}.{name} is read-only: the API has no call that changes "
            f"{cls._resource.__name__} records"
        )
    (_set_declared if cls.__dictoffset__ else object.__setattr__)(self, name, value)


def _set_declared(self: Any, name: str, value: object) -> None:
    """Set a declared attribute, and raise for any other, as slots do."""
    cls = type(self)
    if not _is_slot(cls, name) and name not in cls._own:
        names = [*cls._table.fields, *cls._table.relations]
        raise AttributeError(
            f"{cls.__name__!r} object has no attribute {name!r}{did_you_mean(name, names)}; "
            "annotate it in the class to declare an attribute of your own"
        )
    object.__setattr__(self, name, value)
