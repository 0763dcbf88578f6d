"""Each block of Python in the documents that is not a session is a complete program."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import documents
from tests.prepared import Prepared

PROGRAMS = [
    pytest.param(document, number, id=f"{documents.name(document)}-{number}")
    for document in documents.DOCUMENTS
    for number in range(len(documents.programs(document)))
]
_STORED = ('"backup"', '"backpack.xml"')
"""What a program on a page leaves for the programs after it."""


@pytest.fixture(scope="module")
def prepared() -> Iterator[Prepared]:
    """A process that runs the programs which contain tests."""
    with Prepared(
        "pytest", "vcr", "django.test", "flask", "backpack_orm.sandbox.http_server"
    ) as one:
        yield one


@pytest.fixture(scope="module")
def prepared_for_the_quickstart() -> Iterator[Prepared]:
    with Prepared("backpack_orm.models", "backpack_orm.archive", options=["-X", "dev"]) as one:
        yield one


@pytest.mark.network
@pytest.mark.parametrize(("document", "number"), PROGRAMS)
def test_a_program_is_complete(
    document: Path, number: int, folder: Path, prepared: Prepared
) -> None:
    *before, text = documents.programs(document)[: number + 1]
    for earlier in before:
        if any(name in earlier and name in text for name in _STORED):
            run(earlier, folder, prepared)
    run(text, folder, prepared)


def run(text: str, folder: Path, prepared: Prepared) -> None:
    """Run a program as a file of its own, or with pytest if it has tests."""
    name = documents.file_name(text) or "program.py"
    if "def test_" not in text:
        (folder / name).write_text(text, "utf-8")
        runpy.run_path(str(folder / name), run_name="__main__")
        return
    (folder / "test_program.py").write_text(text, "utf-8")
    plugins = ["-p", "backpack_orm.integrations.pytest", "-p", "no:cacheprovider"]
    command = ["-m", "pytest", "-q", *plugins, "test_program.py"]
    if "from django" in text:
        command = ["-m", "django", "test", "test_program"]
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # others take most of the time
        "DJANGO_SETTINGS_MODULE": "settings",
    }
    for options in (["--backpack-record"], []) if "backpack_cassette" in text else ([],):
        code, output = prepared.run([*command, *options], folder, environment)
        assert code == 0, output


def test_every_program_is_tested() -> None:
    """A block is a program, a session, which runs with its page, or the cell of a notebook."""
    blocks = [
        (document, text)
        for document in documents.DOCUMENTS
        for language, text in documents.fences(document)
        if language == "python"
    ]
    sessions = [text for _, text in blocks if text.startswith((">>> ", "@"))]
    assert len(PROGRAMS) > 50
    assert len(sessions) + len(PROGRAMS) == len(blocks), "a block mixes a program with a session"


WRONG = "6f1b2159" * 5


@pytest.mark.network
@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://127.0.0.1:1/"])
@pytest.mark.parametrize("number", range(len(documents.programs(documents.ROOT / "docs/start.md"))))
def test_no_program_of_the_quickstart_shows_the_token_if_the_address_is_wrong(
    number: int, address: str, tmp_path: Path, prepared_for_the_quickstart: Prepared
) -> None:
    text = documents.programs(documents.ROOT / "docs" / "start.md")[number]
    program = tmp_path / "program.py"
    program.write_text(text, "utf-8")
    environment = {**os.environ, "BACKPACK_URL": address, "BACKPACK_TOKEN": WRONG}
    code, output = prepared_for_the_quickstart.run([program.name], tmp_path, environment)
    assert WRONG not in output
    if "User.me()" in text:
        assert "TransportError" in output
        assert code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]
