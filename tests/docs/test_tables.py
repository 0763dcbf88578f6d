"""The lists in the documents are complete."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Iterable

import pytest

import backpack_orm
from backpack_orm import BackpackError, Collection, Connection, Model, SaveResult
from backpack_orm.errors import CATALOG
from backpack_orm.sandbox import Faults, Sandbox
from backpack_orm.sandbox.faults import Which
from tests.docs import documents

PUBLIC = [getattr(backpack_orm, name) for name in backpack_orm.__all__]


def is_a(value: object, kind: type) -> bool:
    return inspect.isclass(value) and issubclass(value, kind)


def identifiers(name: str) -> set[str]:
    """Return the identifiers that a document shows as code."""
    text = (documents.ROOT / "docs" / name).read_text("utf-8")
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", text))))


def public(owner: type) -> Iterable[str]:
    return (name for name in vars(owner) if not name.startswith("_"))


def test_the_table_of_errors_is_up_to_date() -> None:
    made = runpy.run_path(str(documents.ROOT / "docs" / "error_table.py"))
    text = (documents.ROOT / "docs" / "errors.md").read_text("utf-8")
    assert made["document"]() == text, "run python docs/error_table.py"
    assert made["table"]() in text


def test_every_error_has_a_row_with_its_code_and_hint() -> None:
    text = (documents.ROOT / "docs" / "errors.md").read_text("utf-8")
    errors = [each for each in PUBLIC if is_a(each, BackpackError)]
    assert len(errors) > 15
    for error in errors:
        (row,) = re.findall(rf"^\| `{error.__name__}` \|.*$", text, re.MULTILINE)
        assert f"| [`{error.code}`](#{error.code}) |" in row
        assert error.hint.replace("<", "&lt;") in row


def test_every_code_has_a_section_with_cause_check_and_cure() -> None:
    text = (documents.ROOT / "docs" / "errors.md").read_text("utf-8")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL))
    kinds = {info.code: kind for kind, info in CATALOG.items()}
    assert set(sections) == set(kinds)
    for code, section in sections.items():
        name = kinds[code].__name__
        assert section.startswith(f"\n| Error | `{name}` |\n")
        rows = re.findall(r"^\| (Cause|Check|Cure) \| .+ \|$", section, re.MULTILINE)
        assert rows == ["Cause", "Check", "Cure"], code


def test_every_attribute_of_an_error_is_described() -> None:
    assert set(BackpackError("no").to_dict()) <= identifiers("errors.md")


def test_every_model_is_described() -> None:
    models = {each.__name__ for each in PUBLIC if is_a(each, Model)}
    assert models - identifiers("index.md") - {"Model", "Match"} == set()


@pytest.mark.parametrize(
    ("function", "document"), [(Connection, "connecting.md"), (Sandbox, "sandbox.md")]
)
def test_every_argument_is_described(function: type, document: str) -> None:
    arguments = set(inspect.signature(function).parameters)
    assert arguments - identifiers(document) - {"account", "token"} == set()


def test_every_public_name_of_the_sandbox_is_described() -> None:
    text = (documents.ROOT / "docs" / "sandbox.md").read_text("utf-8")
    assert [name for name in public(Sandbox) if not re.search(rf"\b{name}\b", text)] == [
        "start",
        "close",
    ]


def test_every_fault_and_its_filters_are_described() -> None:
    described = identifiers("sandbox.md")
    assert set(public(Faults)) - described == {"fault_for"}
    assert set(Which.__annotations__) <= described


def test_every_property_of_a_model_is_described() -> None:
    described = identifiers("writing.md")
    properties = {name for name, value in vars(Model).items() if isinstance(value, property)}
    assert (
        properties - described - {"connection"} - {name for name in properties if name[0] == "_"}
        == set()
    )
    assert {"discard", "reload", "to_dict", "save", "destroy"} <= described
    assert set(inspect.signature(SaveResult).parameters) <= {"created", "updated", "fields"}


def test_every_collection_method_is_shown() -> None:
    pages = [documents.ROOT / "docs" / name for name in ("lazy-loading.md", "finding.md")]
    text = "".join(page.read_text("utf-8") for page in pages)
    for name in ("is_loaded", "create", "reload", *public(Collection)):
        assert re.search(rf"\b{name}\b", text), name


def test_all_errors_share_one_base_class() -> None:
    assert all(is_a(each, BackpackError) for each in PUBLIC if is_a(each, Exception))
