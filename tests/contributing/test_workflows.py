"""The workflows on GitHub: pinned, limited, with least permissions, and with commands that run."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import environment
from tests.docs.documents import ROOT

GITHUB = ROOT / ".github"
FILES = sorted((GITHUB / "workflows").glob("*.yml"))
SCRIPTS = Path(sys.executable).parent
CI = (ROOT / ".ci" / "run").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
SCHEMAS = {
    "github-workflows": FILES,
    "github-issue-forms": sorted((GITHUB / "ISSUE_TEMPLATE").glob("*_*.yml")),
    "dependabot": [GITHUB / "dependabot.yml"],
    "readthedocs": [ROOT / ".readthedocs.yaml"],
}
# The program check-jsonschema, without a format that no file has and whose grammar takes seconds.
CHECK = """
import sys
sys.modules["rfc3987_syntax"] = None
from check_jsonschema import main
main()
"""
IN_THE_IMAGE = {"chromium", "postgresql"}
"""What ubuntu-24.04 has; it has no package of Chromium at all."""
UNIX = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"}


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


WORKFLOWS = {path.stem: load(path) for path in FILES}
JOBS = {
    (name, job): settings
    for name, workflow in WORKFLOWS.items()
    for job, settings in workflow["jobs"].items()
}
OWN = {key: job for key, job in JOBS.items() if "uses" not in job}
"""Jobs that do not run another workflow."""


class Block(NamedTuple):
    """The command of a step, with its environment, for one row of the matrix."""

    name: str
    command: str
    variables: dict[str, str]


def rows(job: dict[str, Any]) -> Iterator[dict[str, str]]:
    matrix = dict(job.get("strategy", {}).get("matrix", {}))
    included = matrix.pop("include", [])
    yield from (dict(zip(matrix, row, strict=True)) for row in itertools.product(*matrix.values()))
    yield from included


def blocks() -> Iterator[Block]:
    for (workflow, name), job in OWN.items():
        for row in rows(job):
            for step in job["steps"]:
                if "run" in step:
                    label = "-".join([workflow, name, *row.values()])
                    yield Block(label, step["run"], fill(step.get("env", {}), row))


def fill(variables: dict[str, str], row: dict[str, str]) -> dict[str, str]:
    pattern = re.compile(r"\$\{\{ matrix\.(\w+) \}\}")
    return {key: pattern.sub(lambda each: row[each[1]], text) for key, text in variables.items()}


def steps(job: dict[str, Any], word: str) -> list[dict[str, Any]]:
    return [step for step in job["steps"] if word in step.get("uses", "")]


BLOCKS = list(blocks())
COMMANDS = sorted({block.command for block in BLOCKS})


# --- the files --------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_conforms_to_the_schema_of_who_reads_it(schema: str) -> None:
    assert SCHEMAS[schema]
    arguments = [f"--builtin-schema=vendor.{schema}", *map(str, SCHEMAS[schema])]
    subprocess.run([sys.executable, "-c", CHECK, *arguments], check=True)


def test_zizmor_finds_no_weakness() -> None:
    command = [f"{SCRIPTS}/zizmor", "--offline", "--no-progress", "--format=json", str(GITHUB)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [each["desc"] for each in json.loads(found.stdout)] == []


def test_an_action_is_pinned_to_one_commit_whose_version_is_named() -> None:
    text = "".join(path.read_text("utf-8") for path in FILES)
    uses = set(re.findall(r"uses: ((?!\./)\S.*)", text))
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in uses)
    assert len({each.partition("@")[0] for each in uses}) == len(uses)


def test_what_is_pinned_is_raised_by_dependabot() -> None:
    updates = load(GITHUB / "dependabot.yml")["updates"]
    assert {(each["package-ecosystem"], each["directory"]) for each in updates} == {
        ("github-actions", "/"),
        ("pip", "/.ci"),
    }


# --- jobs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_no_permission_and_is_never_doubled(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}
    concurrency = WORKFLOWS[name]["concurrency"]
    assert concurrency["group"].startswith(name)  # of its own, also if another workflow calls it
    assert concurrency["cancel-in-progress"] is (name != "release")


@pytest.mark.parametrize("key", OWN, ids="-".join)
def test_a_job_has_a_time_limit(key: tuple[str, str]) -> None:
    assert 5 <= OWN[key]["timeout-minutes"] <= 180


@pytest.mark.parametrize("key", JOBS, ids="-".join)
def test_a_job_may_read_alone_unless_it_publishes(key: tuple[str, str]) -> None:
    publishes = key == ("release", "publish")
    expected = {"id-token": "write"} if publishes else {"contents": "read"}
    assert JOBS[key]["permissions"] == expected


def test_no_step_after_the_checkout_may_push() -> None:
    checkouts = [each for job in OWN.values() for each in steps(job, "actions/checkout@")]
    assert checkouts
    assert not any(each["with"]["persist-credentials"] for each in checkouts)


def test_each_part_of_ci_is_a_job_of_its_own() -> None:
    (parts,) = OWN["test", "ci"]["strategy"]["matrix"].values()
    known = re.findall(r'\[\[ " (.*) " == ', CI)
    assert [each.split() for each in known] == [parts]


def test_a_job_requires_the_coverage() -> None:
    assert re.search(r"^run_test\(\) {\n(?:    .*\n)*    newest_make test-ci$", CI, re.MULTILINE)
    assert re.search(r"^test-ci:.*\n\t.* --cov\b", MAKEFILE, re.MULTILINE)
    assert environment.settings()["tool"]["coverage"]["report"]["fail_under"] >= 95


def test_each_night_runs_what_takes_too_long_for_a_pull_request() -> None:
    assert OWN["nightly", "make"]["strategy"]["matrix"]["target"] == ["test-all", "bench", "site"]


def test_each_python_since_the_oldest_is_checked() -> None:
    pythons = [row["python"] for row in rows(OWN["test", "check"]) if "ubuntu" in row["system"]]
    oldest = environment.settings()["project"]["requires-python"].removeprefix(">=")
    minors = [int(each.removeprefix("3.")) for each in pythons]
    assert pythons[0] == oldest
    assert minors == list(range(minors[0], minors[-1] + 1))


def test_what_the_tests_need_is_installed_or_in_the_image() -> None:
    needed = set(re.findall(r"missing\+=\((\w[\w-]*)\)", CI))
    needed.update(
        *(each.split() for each in re.findall(r"^for shell in (.*); do$", CI, re.MULTILINE))
    )
    for command in COMMANDS:
        if "apt-get" in command:
            (packages,) = re.findall(r"--no-install-recommends (.*)", command)
            assert set(packages.split()) == needed - IN_THE_IMAGE


def test_windows_runs_the_tests_of_make_check() -> None:
    (here,) = [
        each["run"] for each in OWN["test", "windows"]["steps"] if "pytest" in each.get("run", "")
    ]
    expression = re.search(r'^check:.*\n(?:\t.*\n)*?.*-m ("[^"]*")', MAKEFILE, re.MULTILINE)
    assert expression
    assert here.endswith(f"--offline -m {expression[1]}")


def test_every_module_can_be_imported_on_windows() -> None:
    pattern = re.compile(rb"^import (?:%b)\b" % "|".join(UNIX).encode(), re.MULTILINE)
    wrong = []
    for path in itertools.chain(
        (ROOT / "tests").rglob("*.py"), (ROOT / "backpack_orm").rglob("*.py")
    ):
        text = path.read_bytes()
        if pattern.search(text):
            imports = [each for each in ast.parse(text).body if isinstance(each, ast.Import)]
            names = {alias.name for each in imports for alias in each.names}
            wrong += [str(path.relative_to(ROOT))] if names & UNIX else []
    assert not wrong


# --- a release --------------------------------------------------------------------------------


def test_what_is_published_is_built_by_nothing_but_pinned_tools() -> None:
    job = OWN["release", "build"]
    actions = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert actions == ["actions/checkout", "actions/setup-python", "actions/upload-artifact"]
    assert job["steps"][-2]["run"].startswith("make dist ")
    recipe = dry_run("make dist", {}).stdout
    (installation,) = re.findall(r"^.*pip install.*$", recipe, re.MULTILINE)
    assert (
        "--require-hashes --no-deps --only-binary :all: --requirement .ci/build.txt" in installation
    )
    assert "-m build --quiet --no-isolation" in recipe


def test_nothing_is_published_before_all_else_has_passed() -> None:
    jobs = dict(WORKFLOWS["release"]["jobs"])
    publish = jobs.pop("publish")
    assert set(publish["needs"]) == set(jobs)
    assert publish["if"] == "github.ref_type == 'tag'"  # so starting it by hand is a dry run
    assert publish["environment"] == "release"
    assert not any("run" in step for step in publish["steps"])


@pytest.mark.parametrize(
    ("tag", "heading", "passes"),
    [
        ("v1.2.3", "## [1.2.3] - 2031-03-05", True),
        ("v1.2.4", "## [1.2.3] - 2031-03-05", False),
        ("1.2.3", "## [1.2.3] - 2031-03-05", False),
        ("v1.2.3", "## [Unreleased]", False),
        ("v1.2.3", "## [1x2.3] - 2031-03-05", False),
    ],
)
def test_a_tag_has_to_be_the_version_and_in_the_changelog(
    tag: str, heading: str, passes: bool, tmp_path: Path
) -> None:
    (tmp_path / "backpack_orm").mkdir()
    (tmp_path / "backpack_orm" / "version.py").write_text('"""A."""\n\n__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n")
    (command,) = [each for each in COMMANDS if "GITHUB_REF_NAME" in each]
    variables = {"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag}
    done = subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=variables, check=False)
    assert (done.returncode == 0) is passes


# --- commands ---------------------------------------------------------------------------------


def dry_run(command: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command with a make that only prints its recipes."""
    program = f'make() {{ command make --dry-run --always-make "$@"; }}\n{command}'
    variables = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        ["bash", "-ec", program],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_good_bash(command: str) -> None:
    found = subprocess.run(
        [SCRIPTS / "shellcheck", "--shell=bash", "-"],
        input=command,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


@pytest.mark.parametrize(
    "block",
    [each for each in BLOCKS if each.command.startswith("make ")],
    ids=lambda block: block.name,
)
def test_a_command_makes_what_the_makefile_has(block: Block) -> None:
    assert dry_run(block.command, block.variables).stdout


def test_windows_installs_a_group_that_exists() -> None:
    (command,) = [each for each in COMMANDS if "environment.py" in each]
    assert command.split()[-1] in environment.GROUPS
