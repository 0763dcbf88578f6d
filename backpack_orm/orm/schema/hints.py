"""Errors that name the right call if a model is called like one of another library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backpack_orm.orm.schema.fields import label_in

REQUIRED: Any = ...
"""Default of an argument that is required, so that its absence is reported with a hint."""

# Names of other libraries, and what does the same here. A call that begins with a dot is only named
# if the class has it; alternatives are separated by bars.
_OF_ALL = {
    "bulk_create": ".create_many([…])",
    "filter": ".where(…)",
    "filter_by": ".where(…)",
    "find_one": ".find_by(…)",
    "find_or_create": ".get_or_create(…)",
    "find_or_create_by": ".get_or_create(…)",
    "first_or_create": ".get_or_create(…)",
    "get_or_none": ".find_by(…)",
    "insert_many": ".create_many([…])",
    "make": ".create(…)",
    "new": ".create(…)",
    "not_": ".exclude(…)",
    "one": ".get(…)",
    "one_or_none": ".find_by(…)",
    "reject": ".exclude(…)",
    "select": ".where(…)",
    "where_not": ".exclude(…)",
}
_OF_CLASSES = _OF_ALL | {
    "DoesNotExist": "backpack_orm.NotFound",
    "MultipleObjectsReturned": "backpack_orm.MultipleFound",
    "add": ".create(…)",
    "all_": ".all()",
    "build": ".create(…)",
    "create_all": ".create_many([…])",
    "delete": ".find(id).destroy()",
    "delete_all": ".all().destroy()",
    "destroy_all": ".all().destroy()",
    "fetch": ".find(id)",
    "fetch_all": ".all()",
    "find_all": ".all()",
    "find_each": ".all()",
    "get_all": ".all()",
    "get_by_id": ".find(id)",
    "get_object_or_404": ".get(…)",
    "includes": ".all(load=True)",
    "iterator": ".all()",
    "limit": ".all()[:n]",
    "list": ".all()",
    "load": ".find(id)",
    "objects": ".all()",
    "order": ".all().order_by(…)",
    "order_by": ".all().order_by(…)",
    "pluck": ".all().to_records()",
    "prefetch_related": ".all(load=True)",
    "query": ".where(…)",
    "retrieve": ".find(id)",
    "select_related": ".all(load=True)",
    "take": ".all()[:n]",
    "update_all": ".all().update(…)",
    "values": ".all().to_records()",
    "values_list": ".all().to_records()",
}
_OF_COLLECTIONS = _OF_ALL | {
    "add": ".create(…)",
    "add_many": ".create_many([…])",
    "all": "the collection itself",
    "append": ".create(…)|.add(…)",
    "build": ".create(…)",
    "clear": ".destroy()",
    "delete": ".destroy()",
    "delete_all": ".destroy()",
    "destroy_all": ".destroy()",
    "empty": "not collection",
    "extend": ".create_many([…])",
    "is_empty": "not collection",
    "iterator": "the collection itself",
    "length": "len(collection)",
    "limit": "collection[:n]",
    "order": ".order_by(…)",
    "pluck": ".to_records()",
    "refresh": ".reload()",
    "remove": ".destroy() of the record",
    "reverse": "collection[::-1]",
    "size": "len(collection)",
    "sort": ".order_by(…)",
    "sort_by": ".order_by(…)",
    "take": "collection[:n]",
    "update_all": ".update(…)",
    "values": ".to_records()",
    "values_list": ".to_records()",
}
_OF_RECORDS = {
    "as_dict": ".to_dict()",
    "changed": ".changes",
    "check": ".complete()",
    "clean": ".save(), which checks all values first",
    "clone": ".duplicate()|.copy_to(…)",
    "copy": ".duplicate()|.copy_to(…)",
    "delete": ".destroy()",
    "dict": ".to_dict()",
    "dirty": ".is_dirty",
    "done": ".completed",
    "dup": ".duplicate()",
    "full_clean": ".save(), which checks all values first",
    "has_changed": ".is_dirty",
    "is_changed": ".is_dirty",
    "is_done": ".completed",
    "is_valid": ".save(), which checks all values first",
    "json": ".to_json()",
    "mark_done": ".complete()",
    "model_dump": ".to_dict()",
    "move": ".move_to(…)",
    "new_record": ".is_new",
    "persisted": "not .is_new",
    "pk": ".id",
    "refresh": ".reload()",
    "refresh_from_db": ".reload()",
    "remove": ".destroy()",
    "set": ".update(…)",
    "uncheck": ".reopen()",
    "undo": ".discard()",
    "update_attributes": ".update(…)",
    "valid": ".save(), which checks all values first",
    "validate": ".save(), which checks all values first",
}
_OF_RESULTS = ("order_by", "to_records")  # on what `all()` returns
_SIGNALS = {"created": "create", "saved": "save", "destroyed": "destroy"}


def class_hint(cls: Any, name: str) -> str:
    """Return a hint at the call that does what a name of another library does, or "".

    >>> from backpack_orm import Page, User
    >>> class_hint(Page, "filter"), class_hint(Page, "find_by_title")
    ('; use Page.where(…)', '; use Page.find_by(title=…)')
    >>> class_hint(User, "created")
    ': the API has no call to create User records'
    """
    if name in _SIGNALS:
        return f": the API has no call to {_SIGNALS[name]} {cls.__name__} records"
    if name == "create_many" and getattr(cls, "_table", None) and cls._table.parent:
        parent = cls._table.parent
        for relation in parent.model._table.relations.values():
            if relation.model is cls._resource and hasattr(relation.collection, name):
                return f"; use {parent.name}.{relation.name}.create_many([…])"
    known = _hint(cls, _OF_CLASSES.get(name, ""), cls.__name__, _OF_RESULTS)
    field = name.removeprefix("find_by_").removeprefix("get_by_")
    if not known and field != name:
        table = getattr(cls, "_table", None)
        if table is not None and field in table.fields:
            return f"; use {cls.__name__}.find_by({field}=…)"
    return known


def collection_hint(cls: type, name: str) -> str:
    """Return a hint at what does the same with a collection, or "".

    >>> from backpack_orm import Collection
    >>> collection_hint(Collection, "filter"), collection_hint(Collection, "size")
    ('; use .where(…)', '; use len(collection)')
    """
    return _hint(cls, _OF_COLLECTIONS.get(name, ""))


def record_hint(cls: type, name: str) -> str:
    """Return a hint at what does the same with a record, or "".

    >>> from backpack_orm import Page
    >>> record_hint(Page, "delete"), record_hint(Page, "mark_done")
    ('; use .destroy()', '')
    """
    return _hint(cls, _OF_RECORDS.get(name, ""))


def _hint(cls: type, instead: str, owner: str = "", of_results: tuple[str, ...] = ()) -> str:
    """Return the hint at the first alternative that the class has."""
    for each in filter(None, instead.split("|")):
        if not each.startswith("."):
            return f"; use {each}"
        calls = [call for call in re.findall(r"\.(\w+)", each) if call not in of_results]
        if all(hasattr(cls, call) for call in calls):
            return f"; use {owner}{each}"
    return ""


def wrong_find(cls: Any, given: Mapping[str, object]) -> TypeError:
    """Return the error for a `find` without an id or with attributes.

    >>> from backpack_orm import Page
    >>> wrong_find(Page, {"title": "Lisbon"})
    TypeError('Page.find() takes an id, not title=; use Page.find_by(title=…)')
    """
    instead = f", not {', '.join(f'{name}=' for name in given)}" if given else ""
    known = [name for name in given if name in cls._table.fields and name != "id"]
    hint = f"; use {cls.__name__}.find_by({known[0]}=…)" if known else ""
    return TypeError(f"{cls.__name__}.find() takes an id{instead}{hint}")


def wrong_create(cls: Any) -> TypeError:
    """Return the error for a `create` with positional arguments.

    >>> from backpack_orm import Page
    >>> wrong_create(Page)
    TypeError('Page.create() takes keyword arguments only; use Page.create(title=…)')
    """
    label = label_in(cls._table.fields)
    hint = f"; use {cls.__name__}.create({label}=…)" if label else ""
    return TypeError(f"{cls.__name__}.create() takes keyword arguments only{hint}")
