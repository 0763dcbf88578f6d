"""`make mutants` changes one thing at a time, and knows which tests notice it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import mutants
from mutations import Mutation, mutations

PLACE = Path("module.py")


def changed(source: str) -> set[str]:
    """Return the sources that one mutation each makes of a source."""
    content = source.encode()
    found = mutations(PLACE, content)
    return {each.apply(content).decode() for each in found if each.is_change(content)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {"a <= b"}),
        ("(a) == (b)", {"(a) != (b)"}),
        ("a is None", {"a is not None"}),
        ("a not in b", {"a in b"}),
        ("a and b", {"a or b"}),
        ("x = not a", {"x = a"}),
        ("x = (1, True)", {"x = (2, True)", "x = (1, False)"}),
        ("x = 'é' if a else b", {"x = 'é' if not (a) else b"}),
        ("if a:\n    b()", {"if not (a):\n    b()", "if a:\n    pass"}),
        ("while a:\n    x = b", {"while not (a):\n    x = b"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("raise E('no', 5)", {"pass"}),
        (
            "try:\n    x = a\nexcept E:\n    x = b\n    raise",
            {
                "try:\n    x = a\nexcept E:\n    pass",
                "try:\n    x = a\nexcept E:\n    x = b\n    pass",
            },
        ),
    ],
)
def test_each_kind_of_mutation(source: str, expected: set[str]) -> None:
    assert changed(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""Text."""',
        "x: Literal[1] = y",
        "def f(a: Literal[1]) -> Literal[2]: ...",
        "@overload\ndef f(a=1): ...",
        "@setting(1)\ndef f(): ...",
        "if TYPE_CHECKING:\n    from a import b",
        "x = f'{a:>5}'",
        "return_value = None",
        "def f():\n    return None",
        "try:\n    x = a\nexcept E:\n    pass",
    ],
)
def test_what_has_no_behaviour_is_not_changed(source: str) -> None:
    assert changed(source) == set()


def test_a_mutation_is_shown_as_a_difference() -> None:
    (mutation,) = mutations(PLACE, b"x = y\nz = (\n    a < b\n)\n")
    assert (mutation.line, mutation.kind) == (3, "comparison")
    shown = mutation.diff(b"x = y\nz = (\n    a < b\n)\n").splitlines()
    assert shown[1:] == ["-    a < b", "+    a <= b"]


def test_the_same_seed_chooses_the_same_in_all_rooms_alike() -> None:
    def chosen(seed: int) -> list[tuple[str, Mutation]]:
        return [*mutants.sampled(mutants.ROOT, ["wire", "text"], 5, seed)]

    assert [room for room, _ in chosen(1)] == ["wire"] * 3 + ["text"] * 2
    assert chosen(1) == chosen(1) != chosen(2)


def test_functions_are_found_in_the_output_of_pytest() -> None:
    output = "FAILED tests/a.py::test_b[x - y] - assert 1\nERROR tests/c.py - E\n1 failed\n"
    assert mutants.failures(output) == ["tests/a.py::test_b", "tests/c.py"]
    assert mutants.function("tests/a.py::T::test_b[1] (setup)") == "tests/a.py::T::test_b"


def test_an_unknown_room_says_which_exist() -> None:
    with pytest.raises(SystemExit, match=r"there is no room 'wirr'; there are archive, .*, wire$"):
        mutants.main("wirr", 1, 1, 1, "")


def test_survivors_are_distinguished_from_mutants_that_a_test_kills(tmp_path: Path) -> None:
    source = b"def larger(a, b):\n    return a if a > b else b\n"
    (tmp_path / "module.py").write_bytes(source)
    (tmp_path / "tests" / "x").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    (tmp_path / "tests" / "x" / "test_module.py").write_text(
        "from module import larger\n\n"
        "def test_nothing():\n    larger(1, 2)\n\n"
        "def test_larger():\n    assert larger(1, 2) == 2\n\n"
        "def test_that_fails():\n    assert not larger(1, 2)\n"
    )
    place = "tests/x/test_module.py"
    lines = {2: {f"{place}::test_nothing"}}
    failing = {f"{place}::test_that_fails"}
    results = [
        mutants.tried(tmp_path, "x", each, lines, failing, "") for each in mutations(PLACE, source)
    ]
    assert {each.mutation.kind: each.killer for each in results} == {
        "None returned": f"{place}::test_larger",
        "comparison": None,
    }
    assert (tmp_path / "module.py").read_bytes() == source


def test_coverage_knows_the_tests_of_lines_that_run_in_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in os.environ if each.startswith("COV")]:
        monkeypatch.delenv(name)  # by which this run measures its own processes
    plugin = tmp_path / "backpack_orm" / "integrations" / "pytest.py"  # which an entry point names
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    (tmp_path / "backpack_orm" / "__init__.py").touch()
    (tmp_path / "backpack_orm" / "wire.py").write_text(
        "def here():\n    return 1\n\ndef there():\n    return 2\n"
    )
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_wire.py").write_text(
        "import subprocess, sys\nfrom backpack_orm.wire import here\n\n"
        "def test_here():\n    assert here() == 2\n\n"
        "def test_there():\n"
        "    program = 'from backpack_orm.wire import there; there()'\n"
        "    subprocess.run([sys.executable, '-c', program], check=True)\n"
    )
    found = mutants.measured(tmp_path, tmp_path / "cache", "", 1)
    here, there = "tests/test_wire.py::test_here", "tests/test_wire.py::test_there"
    lines, failing = mutants.executed(found, Path("backpack_orm/wire.py"))
    assert (lines[2], lines[5], failing) == ({here}, {there}, {here})
