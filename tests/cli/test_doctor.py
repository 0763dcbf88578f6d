"""`doctor`: what it checks, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from backpack_orm import Connection, Page
from backpack_orm.cli import checking, probing
from backpack_orm.cli.checking import REQUIREMENT
from backpack_orm.cli.program import program
from backpack_orm.cli.state import State
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Run, Runner
from tests.conftest import NOW


def results(found: Run) -> dict[str, str]:
    return {each["check"]: each["result"] for each in found.data}


def details(found: Run) -> dict[str, str]:
    return {each["check"]: each["detail"] for each in found.data}


@pytest.fixture
def at(run: Runner, shared_box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run `doctor` with a clock that differs from that of the service."""

    def at(difference: timedelta, format: str = "json") -> Run:
        state = State(now=lambda: NOW + difference)
        result = CliRunner().invoke(program, ["doctor", "-o", format], obj=state)
        return Run(result.exit_code, result.stdout, result.stderr)

    return at


def test_all_is_well_on_a_service_of_this_machine(at: Callable[..., Run]) -> None:
    found = at(timedelta())
    assert found.code == 0
    assert results(found) == {
        "versions": "ok",
        "configuration": "ok",
        "account": "ok",
        "network": "ok",
        "TLS": "skipped",
        "clock": "ok",
        "token": "ok",
        "zone": "ok",
        "limits": "ok",
    }
    assert json.loads(found.stdout)["summary"] == "all is well"
    told = details(found)
    assert told["account"].endswith("the token is from: BACKPACK_TOKEN")
    assert told["token"] == "Nora Whitfield <nora@acme.example>, an administrator"
    assert told["zone"].startswith("Pacific Time (US & Canada); there it is 20")
    assert "100 requests in 5 seconds" in told["limits"]


@pytest.mark.parametrize(
    ("difference", "told"),
    [(timedelta(hours=2), "seconds ahead of the service"), (-timedelta(hours=2), "behind")],
)
def test_a_wrong_clock_is_a_warning(
    difference: timedelta, told: str, at: Callable[..., Run]
) -> None:
    found = at(difference)
    assert found.code == 0
    assert results(found)["clock"] == "warning"
    assert told in details(found)["clock"]
    assert json.loads(found.stdout)["summary"] == "look at: clock"


def test_a_profile_with_a_zone_of_its_own_is_named(run: Runner, home: Path) -> None:
    (home / "config.toml").write_text("[profiles.default]\ntimezone = 'Europe/Lisbon'\n")
    assert details(run("doctor", "-o", "json"))["zone"].endswith(
        "by `timezone` of the profile: Europe/Lisbon"
    )


def test_a_terminal_shows_what_to_do(at: Callable[..., Run]) -> None:
    shown = at(timedelta(hours=2), "table").stdout
    assert "versions" in shown
    assert "Set the clock" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("configuration", "environment", "check", "code"),
    [
        ("profiles = [", {}, "configuration", 1),
        ("[profiles.a]\ntoken = 'x'", {}, "configuration", 1),
        ("", {}, "account", 3),
        ("", {"BACKPACK_URL": "acme"}, "account", 3),
        ("", {"BACKPACK_URL": "a b", "BACKPACK_TOKEN": "x"}, "account", 1),
        ("", {"BACKPACK_URL": "http://127.0.0.1:9", "BACKPACK_TOKEN": "x"}, "network", 6),
    ],
)
def test_the_first_failure_ends_the_checks_and_is_the_exit_code(
    configuration: str,
    environment: dict[str, str],
    check: str,
    code: int,
    offline: Runner,
    home: Path,
    network: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (home / "config.toml").write_text(configuration)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = offline("doctor", "-o", "json")
    assert found.code == code
    assert list(results(found).items())[-1] == (check, "failed")
    lines = offline("doctor").lines
    assert lines[-1][:2] == [check, "failed"]


def test_a_wrong_token_is_named_and_not_shown(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_TOKEN", "wrong-canary")
    found = run("doctor", "-o", "json")
    assert found.code == 3
    assert results(found)["token"] == "failed"
    assert "wrong-canary" not in found.stdout + found.stderr


def test_the_certificate_is_checked(
    offline: Runner, network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(seed="empty", tls=True) as box:
        monkeypatch.setenv("BACKPACK_URL", box.url)
        monkeypatch.setenv("BACKPACK_TOKEN", box.token)
        unknown = offline("doctor", "-o", "json")
        assert unknown.code == 6
        assert "is not valid: " in details(unknown)["network"]
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", box.ca_bundle)
        known = offline("doctor", "-o", "json")
        assert known.code == 0
        assert details(known)["TLS"].startswith("TLSv1.3; the certificate is valid until ")


def test_certificates_in_a_folder_are_read(
    network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with Sandbox(seed="empty", tls=True) as box:
        found = checking._tls(box.url)
    assert (found.result, found.exit_code.name) == ("failed", "NETWORK")
    assert "certificate verify failed" in found.detail


# --- the probe ----------------------------------------------------------------------------------


def pages(box: Sandbox) -> list[str]:
    with Connection(box.url, token=box.token) as connection:
        return [page.title for page in Page.all(using=connection, fresh=True)]


def test_the_probe_reports_what_the_service_does_and_leaves_nothing(
    run: Runner, shared_box: Sandbox
) -> None:
    before = pages(shared_box), run("reminder", "list").stdout
    found = run("doctor", "--probe", "--yes")
    assert found.code == 0, found.stderr
    report: dict[str, Any] = json.loads(found.stdout)
    assert {each["behaviour"]: each["observed"] for each in report["behaviours"]} == (
        probing.EXPECTED
    )
    assert all(each["is_as_expected"] for each in report["behaviours"])
    assert shared_box.url not in found.stdout
    assert shared_box.token not in found.stdout
    assert (pages(shared_box), run("reminder", "list").stdout) == before
    assert run("doctor", "--probe", "--yes", "-o", "json").data.keys() == report.keys()


def test_the_probe_notices_a_service_that_clears_omitted_fields(
    offline: Runner, network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(seed="empty", clears_omitted=True) as box:
        monkeypatch.setenv("BACKPACK_URL", box.url)
        monkeypatch.setenv("BACKPACK_TOKEN", box.token)
        found = offline("doctor", "--probe", "--yes")
    (partial,) = [
        each
        for each in json.loads(found.stdout)["behaviours"]
        if each["behaviour"] == "partial_updates"
    ]
    assert partial["observed"] == "not kept"
    assert partial["detail"]["item.content"] is False
    assert "please report what is above" in found.stderr


def test_the_probe_asks_first(run: Runner, shared_box: Sandbox) -> None:
    before = pages(shared_box)
    found = run("doctor", "--probe")
    assert found.code == 1
    assert "Create scratch pages and a reminder in the past in " in found.stderr
    assert pages(shared_box) == before


def test_a_probe_that_fails_removes_its_page_or_names_it(run: Runner, shared_box: Sandbox) -> None:
    before = pages(shared_box)
    shared_box.faults.status(403, path="/ws/page/*/lists/add", times=99)
    try:
        found = run("doctor", "--probe", "--yes")
    finally:
        shared_box.faults.clear()
    assert found.code == 4
    assert pages(shared_box) == before
    shared_box.faults.status(500, path="/ws/page/*/destroy", times=99)
    try:
        found = run("doctor", "--probe", "--yes")
    finally:
        shared_box.faults.clear()
    assert found.code in (7, 9)
    assert "could not be destroyed" in found.stderr or "is left" in found.stderr


# --- extras ------------------------------------------------------------------------------------


def test_no_requirement_of_an_extra_is_overlooked() -> None:
    lines = [line for line in metadata.requires("backpack_orm") or () if "extra" in line]
    understood = {(each["of"], each["name"]) for line in lines if (each := REQUIREMENT.match(line))}
    parsed = map(Requirement, lines)
    extra = re.compile(r'extra == "(.+)"')
    assert understood == {(extra.findall(str(each.marker))[0], each.name) for each in parsed}


@pytest.mark.parametrize(
    ("package", "version", "missing"),
    [
        ("alembic", None, "postgresql, pytest, sandbox, tls"),
        ("pandas", "2.2.2", "pandas"),
        ("pandas", "10.0", "none"),
    ],
)
def test_an_extra_is_installed_if_all_packages_that_it_needs_are(
    package: str, version: str | None, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = metadata.version

    def version_of(name: str) -> str:
        if name != package:
            return installed(name)
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", version_of)
    extras, not_installed = checking.extras().split("; not installed: ")
    assert not_installed == missing
    assert "flask" in extras
    assert not set(missing.split(", ")) & set(extras.split(", "))


def test_extras_are_unknown_without_the_metadata_of_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    assert checking.extras().startswith("extras: unknown")
