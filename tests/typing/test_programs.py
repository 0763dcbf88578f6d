"""Type checkers accept the programs of the documents, and know the arguments of every model."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Model
from backpack_orm.orm.copying.children import Children
from backpack_orm.orm.writing.saving import Savable
from tests.docs import documents
from tests.typing.checkers import CHECKERS, errors_in

MODELS: list[Any] = [
    each
    for each in (getattr(backpack_orm, name) for name in backpack_orm.__all__)
    if isinstance(each, type) and issubclass(each, Savable)
]
_COLLECTED = {
    relation.target
    for each in (getattr(backpack_orm, name) for name in backpack_orm.__all__)
    if isinstance(each, type) and issubclass(each, Model) and each is not Model
    for relation in each._table.relations.values()
    if relation.collection is not None and issubclass(relation.collection, Children)
}
_HEAD = """\
from __future__ import annotations
from collections.abc import Iterable
from datetime import datetime
from typing import assert_type
from backpack_orm import BulkResult, Collection, Connection, SaveResult, {}
from backpack_orm.orm.copying.children import Children
""".format(", ".join(sorted({"Calendar", "User", *(each.__name__ for each in MODELS)})))
_ERROR = "  # an error"


def expected(model: Any) -> dict[str, Parameter]:
    """Return the arguments of a constructor as the table of the model requires them."""
    table = model._table
    found: dict[str, tuple[str, Any]] = {}
    if table.parent is not None:
        found[table.parent.name] = (f"{table.parent.target} | int", Parameter.empty)
    for name, field in table.fields.items():
        if not field.is_read_only:
            default = Parameter.empty if field.is_required else field.default
            found[name] = (model.__annotations__[name], default)
    for name, relation in table.relations.items():
        if relation.key is not None:
            entries = {"tags": "Tag | str", "remindees": "User | int"}[name]
            found[name] = (f"Iterable[{entries}]", ())
    found["using"] = ("Connection | None", None)
    return {
        name: Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in found.items()
    }


@pytest.mark.parametrize("model", MODELS)
def test_a_signature_has_the_fields_of_the_table(model: Any) -> None:
    assert dict(signature(model).parameters) == expected(model)
    if model.__name__ != "JournalEntry":  # its user may be left out
        assert dict(signature(model.create).parameters) == expected(model)


def test_a_constructor_of_a_subclass_has_the_signature_that_it_declares() -> None:
    class Rated(backpack_orm.Page):
        rating: int = 0

    class Titled(backpack_orm.Page):
        def __init__(self, title: str) -> None:
            super().__init__(title=title)

    assert signature(Rated) == signature(backpack_orm.Page)
    assert list(signature(Titled).parameters) == ["title"]


def _settable(model: Any) -> list[str]:
    """Return the fields and relations that `update` of a model takes."""
    return list(signature(model.update).parameters)[1:]


@pytest.mark.parametrize("model", MODELS)
def test_update_takes_the_fields_that_the_constructor_takes_and_requires_none(model: Any) -> None:
    parent = model._table.parent
    left_out = {"using", parent.name if parent else ""}
    assert _settable(model) == [name for name in expected(model) if name not in left_out]
    assert all(each.default is ... for each in [*signature(model.update).parameters.values()][1:])


def calls_of(model: Any) -> Iterator[str]:
    """Yield lines that call a model rightly, and, marked, lines that do not."""
    name, arguments = model.__name__, expected(model)
    declared = ", ".join(f"{each}: {found.annotation}" for each, found in arguments.items())
    yield f"class My{name}({name}):"
    yield "    own: int = 0"
    yield f"def call_{name.lower()}({declared}, wrong: Iterable[object],"
    yield f"        many: Children[{name}], mine: Children[My{name}], {name.lower()}_: {name},"
    yield f"        found: Collection[{name}], own: Collection[My{name}]) -> None:"
    calls: list[tuple[str, str, list[str]]] = [
        (f"{name}", name, list(arguments)),
        (f"{name}.create", name, list(arguments)),
        (f"My{name}", f"My{name}", list(arguments)),
        (f"My{name}.create", f"My{name}", list(arguments)),
    ]
    settable = {each: each for each in arguments if each in _settable(model)}
    for call, type in (
        (f"{name.lower()}_.update", "SaveResult"),
        ("found.update", f"BulkResult[{name}, SaveResult]"),
        ("own.update", f"BulkResult[My{name}, SaveResult]"),
    ):
        yield f"    assert_type({call}({written(settable)}), {type})"
        yield f"    {call}()"
        for each in settable:
            yield f"    {call}({each}={each})"
            yield f"    {call}({each}='wrong', {each}x={each}){_ERROR}"
        yield f"    {call}(id=1){_ERROR}"
    yield "    found.update(on_error='continue', progress=True)"
    yield f"    found.update(on_error='ignore'){_ERROR}"
    if name in _COLLECTED:
        parent = model._table.parent.name
        fields = [each for each in arguments if each not in (parent, "using")]
        calls += [("many.create", name, fields), ("mine.create", f"My{name}", fields)]
    for call, type, names in calls:
        full = {each: each for each in names}
        yield f"    assert_type({call}({written(full)}), {type})"
        for each in names:
            yield f"    {call}({written(full | {each: 'wrong'})}){_ERROR}"
            misspelled = {(f"{key}x" if key == each else key): key for key in names}
            yield f"    {call}({written(misspelled)}){_ERROR}"
            rest = {key: key for key in names if key != each}
            is_optional = arguments[each].default is not Parameter.empty
            if name == "JournalEntry" and call.endswith("Entry.create") and each == "user":
                is_optional = True  # the owner of the token
            if not is_optional:
                yield f"    {call}({written(rest)}){_ERROR}"
            else:
                yield f"    {call}({written(rest)})"
        for other in (
            "id",
            "own",
            *({model._table.parent.name} - set(names) if model._table.parent else ()),
        ):
            yield f"    {call}({written(full)}, {other}=1){_ERROR}"


def written(arguments: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_misspelled_or_wrong_argument_is_an_error_for_type_checkers(
    checker: str, tmp_path: Path
) -> None:
    lines = [*_HEAD.splitlines(), *(line for model in MODELS for line in calls_of(model))]
    found = errors_in("\n".join(lines), checker, tmp_path)
    marked = {number for number, line in enumerate(lines, 1) if line.endswith(_ERROR)}
    assert len(marked) > 300
    assert {
        lines[number - 1]: error for number, error in found.items() if number not in marked
    } == {}
    assert [lines[number - 1] for number in sorted(marked - found.keys())] == []


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_program_of_the_readme_passes_the_type_checkers(checker: str, tmp_path: Path) -> None:
    readme = documents.ROOT / "README.md"
    programs = [text for language, text in documents.fences(readme) if language == "python"]
    assert programs
    for program in programs:
        assert errors_in(program, checker, tmp_path) == {}
        typo = program.replace(".create(title=", ".create(titel=")
        assert typo != program
        assert errors_in(typo, checker, tmp_path)
