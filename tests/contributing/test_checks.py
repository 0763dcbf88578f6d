"""The hooks run `make lint`, files conform to .editorconfig, and --offline forbids sockets."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import costs
from tests.conftest import forbid_sockets
from tests.docs.documents import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
BY_PROGRAMS = ("cassettes/", "docs/performance/", "tests/text/cases/")


def recipe(target: str) -> str:
    """Return the commands of a target in the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found
    return found[1]


def hooks() -> dict[str, dict[str, Any]]:
    settings = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    (repository,) = settings["repos"]
    assert repository["repo"] == "local"
    return {hook["id"]: hook for hook in repository["hooks"]}


def files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("the archive of a release has no list of tracked files")
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    return [ROOT / name for name in names if name and not name.startswith(BY_PROGRAMS)]


# --- hooks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["ruff check", "ruff format", "mypy", "lint-imports"])
def test_a_commit_runs_the_tools_of_make_lint(tool: str) -> None:
    assert tool in recipe("lint")
    (hook,) = [hook for hook in hooks().values() if tool in hook["entry"]]
    assert hook["entry"].startswith(".venv/bin/")
    assert "stages" not in hook


def test_every_tool_of_make_lint_has_a_hook() -> None:
    assert len(recipe("lint").splitlines()) == len(hooks()) - 1


def test_a_push_runs_make_check() -> None:
    assert hooks()["check"]["entry"] == "make check"
    assert hooks()["check"]["stages"] == ["pre-push"]


def test_hooks_download_nothing() -> None:
    assert {hook["language"] for hook in hooks().values()} == {"system"}


# --- the server -------------------------------------------------------------------------------

CI = (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize("target", ["site", "test-ci", "package"])
def test_ci_makes_everything_with_the_newest_versions(target: str) -> None:
    assert re.search(rf"\bnewest_make {target}\b", CI)


def test_ci_tests_with_the_lowest_versions() -> None:
    assert re.search(r"\boldest_make lowest\b", CI)


@pytest.mark.parametrize("target", ["test-ci", "test-all"])
def test_all_tests_run_somewhere_with_coverage(target: str) -> None:
    assert re.search(r"\$\(PYTEST\) --cov\b", recipe(target))
    assert " -m " not in recipe(target).splitlines()[0]


def test_an_unknown_part_of_ci_is_refused() -> None:
    done = subprocess.run([ROOT / ".ci" / "run", "sites"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "ci: no part 'sites', only lowest, test, site and package\n"


def test_an_unknown_room_is_refused() -> None:
    done = subprocess.run(
        ["make", "-n", "test", "ONLY=orms"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "tests has no room 'orms', only architecture archive " in done.stderr


# --- the fast tests ---------------------------------------------------------------------------


def test_make_check_excludes_slow_tests_and_forbids_sockets() -> None:
    assert '--offline -m "not network and not browser and not slow"' in recipe("check")


def test_make_test_runs_all_tests_but_the_slow_ones() -> None:
    assert '-m "not slow"' in recipe("test")


def test_slow_functions_take_more_than_the_limit() -> None:
    assert all(seconds >= costs.LIMIT for seconds in costs.slow_functions().values())


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("event", ["socket.connect", "socket.bind"])
def test_an_unmarked_test_that_opens_a_socket_fails_with_advice(event: str, family: int) -> None:
    with socket.socket(family) as opened, pytest.raises(RuntimeError, match="mark `network`"):
        forbid_sockets(event, (opened, ("127.0.0.1", 80)))


def test_a_socket_pair_does_not_count_as_network() -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        forbid_sockets("socket.connect", (opened, "/run/some.socket"))


def test_a_fixture_that_opens_sockets_marks_its_tests(
    request: pytest.FixtureRequest, network: None
) -> None:
    assert request.node.get_closest_marker("network")


def test_other_tests_are_not_marked(request: pytest.FixtureRequest) -> None:
    assert not request.node.get_closest_marker("network")


# --- files ------------------------------------------------------------------------------------


def test_text_files_conform_to_the_editorconfig() -> None:
    wrong = []
    for path in files():
        content = path.read_bytes()
        if b"\0" in content or not content:
            continue
        lines = content.split(b"\n")
        if content[-1:] != b"\n" or b"\r" in content:
            wrong.append(f"{path.relative_to(ROOT)}: its line endings")
        if any(line != line.rstrip(b" \t") for line in lines):
            wrong.append(f"{path.relative_to(ROOT)}: blanks at the end of a line")
        if path.suffix == ".py" and any(line.startswith(b"\t") for line in lines):
            wrong.append(f"{path.relative_to(ROOT)}: tabs")
    assert not wrong
