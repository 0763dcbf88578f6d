"""Exit codes, each reached by a real failure, and what is printed then."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm import errors
from backpack_orm.cli import registry
from backpack_orm.cli.commands.archive.opening import explained
from backpack_orm.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from backpack_orm.cli.failures import CommandError, Failure
from backpack_orm.cli.program import program
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner, signalled

IMPATIENT = '[profiles.default]\naccount = "acme"\nmax_wait = 0\n'


@pytest.fixture
def impatient(home: Path) -> None:
    """A profile that waits for nothing."""
    (home / "config.toml").write_text(IMPATIENT)


@pytest.fixture
def faults(shared_box: Sandbox) -> Any:
    yield shared_box.faults
    shared_box.faults.clear()


def test_success_is_0(run: Runner) -> None:
    assert run("page", "list").code == ExitCode.OK


@pytest.mark.parametrize(
    "arguments",
    [
        ["page", "list", "--nonsense"],
        ["page", "nonsense"],
        ["page"],
        ["page", "show"],
        ["page", "list", "-o", "xml"],
        ["page", "new", "\x07"],
        ["--profile", "missing", "page", "list"],
        ["page", "delete", "Lisbon"],
    ],
)
def test_wrong_usage_is_1(arguments: list[str], run: Runner) -> None:
    found = run(*arguments)
    assert found.code == 1
    assert found.stdout == ""
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("page", ["Atlantis", "1", "id:1", "title:1984"])
def test_a_missing_page_is_2(page: str, run: Runner) -> None:
    assert run("page", "show", page).code == 2


def test_no_account_and_a_wrong_token_are_3(
    offline: Runner, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPACK_TOKEN", "0123456789abcdef")
    wrong = run("page", "list")
    assert wrong.code == 3
    assert "Hint: Run `backpack login` again" in wrong.stderr
    monkeypatch.delenv("BACKPACK_TOKEN")
    assert offline("page", "list").code == 3
    monkeypatch.delenv("BACKPACK_URL")
    absent = offline("page", "list")
    assert absent.code == 3
    assert "not logged in" in absent.stderr
    assert "Hint: Run `backpack login`, or set BACKPACK_URL and BACKPACK_TOKEN." in absent.stderr


def test_what_is_not_allowed_is_4(run: Runner, faults: Any, home: Path) -> None:
    faults.status(403, times=1)
    assert run("page", "new", "One too many").code == 4
    (home / "config.toml").write_text("[profiles.default]\nread_only = true\n")
    found = run("page", "new", "Porto")
    assert found.code == 4
    assert "use another one, or change `read_only`" in found.stderr


def test_the_rate_limit_is_5(run: Runner, faults: Any, impatient: None) -> None:
    faults.status(503, retry_after=90, times=1)
    assert run("page", "list").code == 5


def test_a_network_failure_is_6(
    offline: Runner, impatient: None, monkeypatch: pytest.MonkeyPatch, network: None
) -> None:
    monkeypatch.setenv("BACKPACK_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("BACKPACK_TOKEN", "0123456789abcdef")
    found = offline("page", "list", "-o", "json")
    assert found.code == 6
    assert found.error["retryable"] is True


@pytest.mark.parametrize("fault", ["error_body 500", "html_page", "status 418"])
def test_a_failure_of_the_service_is_7(fault: str, run: Runner, faults: Any) -> None:
    faults.add(fault)
    assert run("page", "list").code == 7


def test_an_ambiguous_name_is_8(run: Runner) -> None:
    found = run("page", "show", "Re", "-o", "json")
    assert found.code == 8
    assert [each["text"] for each in found.error["candidates"]][:2] == ["Recipes", "Record shelf"]


def test_an_unknown_outcome_is_9(run: Runner, faults: Any) -> None:
    faults.drop_after_write(times=1)
    found = run("page", "new", "Evora", "-o", "json")
    assert found.code == 9
    assert found.error["code"] == "outcome_unknown"
    assert found.error["hint"] == "Check whether it was done before you repeat the command."
    assert "Evora" in run("page", "list").stdout


def test_damage_is_10() -> None:
    assert exit_code_of(errors.DamagedArchive("a file is missing")) == 10


@pytest.mark.parametrize("error", [click.Abort(), KeyboardInterrupt(), EOFError()])
def test_an_interruption_is_130(error: BaseException) -> None:
    assert Failure.of(error).exit_code == 130


@pytest.mark.parametrize("options", [[], ["-o", "json"]])
def test_ctrl_c_ends_with_130_and_no_traceback(
    options: list[str], shared_box: Sandbox, home: Path
) -> None:
    found = signalled(signal.SIGINT, ["page", "list", *options], shared_box, "**")
    assert found.returncode == 130
    if options:
        assert json.loads(found.stderr)["code"] == "interrupted"
    else:
        assert found.stderr == "Error: interrupted\n"


_INTERRUPTED = """
import signal, time
from backpack_orm import cli
from backpack_orm.cli.program import program

class HalfMade:
    def __del__(self):
        {destructor}

def invoke(context):
    left = HalfMade()
    {body}

program.invoke = invoke
cli.main()
"""


@pytest.mark.parametrize(
    ("destructor", "body"),
    [
        ("raise AttributeError('fp')", "signal.raise_signal(signal.SIGINT)"),
        ("signal.raise_signal(signal.SIGINT)", "del left; time.sleep(60)"),
    ],
    ids=["destructor fails afterwards", "signal arrives in the destructor"],
)
def test_ctrl_c_and_destructors_print_nothing_and_lose_nothing(
    destructor: str, body: str, home: Path
) -> None:
    """As a response of `http.client` fails whose construction is interrupted."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _INTERRUPTED.format(destructor=destructor, body=body),
            "commands",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Error: interrupted\n")


def test_every_error_of_the_library_has_an_exit_code() -> None:
    found = {cls.__name__: exit_code_of(cls("wrong")) for cls in errors.CATALOG}
    expected = {
        "BackpackError": 7,
        "NotConnected": 3,
        "TransportError": 6,
        "Timeout": 6,
        "OutcomeUnknown": 9,
        "UnexpectedRedirect": 6,
        "InvalidResponse": 7,
        "InvalidExport": 1,
        "ApiError": 7,
        "AuthenticationError": 3,
        "Forbidden": 4,
        "NotFound": 2,
        "MultipleFound": 8,
        "Rejected": 7,
        "RateLimited": 5,
        "ServerError": 7,
        "ValidationError": 1,
        "ReadOnly": 4,
        "NotSaved": 7,
        "Destroyed": 2,
        "StaleRecord": 7,
        "ArchiveError": 1,
        "DamagedArchive": 10,
        "NotInArchive": 2,
    }
    assert found.items() >= expected.items()
    assert set(found.values()) <= set(ExitCode)


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_the_numbers_of_the_codes_never_change() -> None:
    assert {each.name: each.value for each in ExitCode} == {
        "OK": 0,
        "USAGE": 1,
        "NOT_FOUND": 2,
        "AUTHENTICATION": 3,
        "FORBIDDEN": 4,
        "RATE_LIMIT": 5,
        "NETWORK": 6,
        "API_ERROR": 7,
        "AMBIGUOUS": 8,
        "OUTCOME_UNKNOWN": 9,
        "INCOMPLETE": 10,
        "INTERRUPTED": 130,
    }


# --- the form of errors -----------------------------------------------------------------------


def test_an_error_for_programs_is_one_document_on_standard_error(run: Runner) -> None:
    found = run("page", "show", "Lisbn", "-o", "json")
    assert found.stdout == ""
    assert json.loads(found.stderr) == {
        "ok": False,
        "error": "no page is called 'Lisbn'",
        "code": "not_found",
        "hint": "Did you mean 'Lisbon'?",
        "retryable": False,
    }


@pytest.mark.parametrize("arguments", [["page", "list", "--nope"], ["nope"]])
def test_wrong_usage_is_a_document_too(arguments: list[str], run: Runner) -> None:
    found = run(*arguments, "-o", "json")
    assert found.error["code"] == "usage"


def test_the_profile_selects_the_form_of_errors(run: Runner, home: Path) -> None:
    (home / "config.toml").write_text('[profiles.default]\noutput = "json"\n')
    assert run("page", "show", "Atlantis").error["code"] == "not_found"


def test_an_error_for_people_has_a_hint(run: Runner) -> None:
    assert run("page", "show", "Lisbn").stderr == (
        "Error: no page is called 'Lisbn'\nHint: Did you mean 'Lisbon'?\n"
    )


def test_the_help_of_an_error_is_printed_once() -> None:
    failure = Failure.of(errors.NotFound("no such page"))
    assert [line.partition(" ")[0] for line in failure.lines()] == ["Error:", "Hint:", "Help:"]
    assert "notes" not in failure.to_dict()


def test_what_an_archive_advises_is_printed_once_in_terms_of_the_command_line() -> None:
    error = errors.ArchiveError("no space is left")
    error.add_note("backup is valid: call sync() again to go on")
    with pytest.raises(errors.ArchiveError) as caught, explained():
        raise error
    advice = "backup is valid: run `backpack archive sync` again to go on"
    failure = Failure.of(caught.value)
    assert failure.lines()[:2] == ["Error: no space is left", advice]
    assert "sync() again" not in "".join(failure.lines())


def test_candidates_are_listed_for_people(run: Runner) -> None:
    assert run("page", "show", "re").stderr.splitlines()[:3] == [
        "Error: 3 pages match 're'",
        "  40000088  Recipes",
        "  40000094  Record shelf",
    ]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command with a mistake in it."""

    def fail(*arguments: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(program, "invoke", fail)


def test_a_mistake_shows_no_traceback_without_debug(broken: None, offline: Runner) -> None:
    found = offline("commands")
    assert found.code == 1
    assert found.stderr == (
        "Error: unexpected error, RuntimeError: a mistake\n"
        "Hint: Run it again with --debug, and report what it prints.\n"
    )


def test_a_mistake_shows_a_traceback_with_debug(broken: None, offline: Runner) -> None:
    found = offline("--debug", "commands")
    assert found.stderr.startswith("Traceback (most recent call last):")
    assert found.stderr.endswith("and report what it prints.\n")


def test_debug_logs_requests_without_the_token(run: Runner, shared_box: Sandbox) -> None:
    found = run("reminder", "list", "--debug")
    assert "GET /[token]/reminders.xml: 200" in found.stderr
    assert shared_box.token not in found.stderr


def test_an_error_of_the_operating_system_names_the_file(home: Path, run: Runner) -> None:
    found = run("api", "POST", "ws/pages/all", "--data", "@missing.xml")
    assert (found.code, found.stderr) == (1, "Error: missing.xml: No such file or directory\n")


def test_a_command_error_has_the_code_of_its_exit_code() -> None:
    for code in (ExitCode.USAGE, ExitCode.NOT_FOUND, ExitCode.AMBIGUOUS, ExitCode.INCOMPLETE):
        failure = Failure.of(CommandError("wrong", code))
        assert failure.code == code.name.lower()


WORDS = [name for name in registry.COMMANDS if name not in ("demo", "sandbox", "login")]
OPTIONS = ["-o", "json", "--ids", "--fields", "-q", "--yes", "-n", "--page", "--tag", "--at", "--"]


@given(
    st.lists(
        st.sampled_from([*WORDS, *OPTIONS, "list", "show", "add", "set"]) | st.text(), max_size=6
    )
)
def test_no_arguments_end_with_a_traceback(arguments: list[str]) -> None:
    found = CliRunner().invoke(
        program,
        arguments,
        env={"BACKPACK_CONFIG": "/nonexistent/config.toml", "BACKPACK_PROFILE": None},
        catch_exceptions=False,
    )
    assert found.exit_code in set(ExitCode)
    assert "Traceback" not in found.output
    assert "unexpected error," not in found.output


@pytest.mark.parametrize("words", [["commands"], ["page", "show"], ["no such command"]])
def test_debugging_ends_with_the_run(words: list[str], offline: Runner) -> None:
    logger = logging.getLogger("backpack_orm")
    before = logger.level, list(logger.handlers)
    offline("--debug", *words)
    assert (logger.level, logger.handlers) == before
