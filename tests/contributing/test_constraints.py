"""The versions that CI and `make environment` install, who installs them, and the audit of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import audit
import constraints
import environment

SYSTEMS = {"linux": "posix", "darwin": "posix", "win32": "nt"}
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
PINS = environment.CONSTRAINTS.read_text("utf-8").splitlines()[2:]


def markers(python: str, system: str) -> dict[str, str]:
    return {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "os_name": SYSTEMS[system],
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


def pins_for(where: dict[str, str]) -> dict[str, str]:
    """Return versions by name for one Python and system."""
    pins: dict[str, str] = {}
    for line in PINS:
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(where):
            (version,) = pin.specifier
            assert pin.name not in pins, f"{pin.name} has two versions for {where}"
            pins[pin.name] = version.version
    return pins


def requirements() -> list[Requirement]:
    settings = environment.settings()
    tables = [
        settings["project"]["dependencies"],
        *settings["project"]["optional-dependencies"].values(),
        *settings["dependency-groups"].values(),
    ]
    texts = [each for table in tables for each in table if isinstance(each, str)]
    return [each for each in map(Requirement, texts) if each.name != "backpack_orm"]


# --- the files --------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_each_requirement_has_one_version_that_it_permits(python: str, system: str) -> None:
    where = markers(python, system)
    pins = pins_for(where)
    wrong = [
        f"{each}: {pins.get(canonicalize_name(each.name))}"
        for each in requirements()
        if (each.marker is None or each.marker.evaluate(where))
        and not each.specifier.contains(pins.get(canonicalize_name(each.name), "0"))
    ]
    assert not wrong, "run `make constraints`"


@pytest.mark.parametrize(
    "path", [environment.CONSTRAINTS, constraints.BUILD], ids=lambda path: path.name
)
def test_no_file_names_a_server_or_a_folder(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "/" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


def test_what_builds_a_release_has_the_same_versions_and_hashes() -> None:
    text = constraints.BUILD.read_text("utf-8").replace("\\\n", "")
    rows = [line.split(" --hash=sha256:") for line in text.splitlines() if line[0] != "#"]
    assert {row[0].split(" ;")[0].strip() for row in rows} <= {pin.split(" ;")[0] for pin in PINS}
    assert all(len(row) > 1 for row in rows)
    assert "setuptools" in text  # the backend itself, since the job builds without isolation


# --- who installs them ------------------------------------------------------------------------


def commands(monkeypatch: pytest.MonkeyPatch, group: str) -> list[str]:
    """Return the commands that install a group."""
    run: list[str] = []
    monkeypatch.setattr(environment, "run", lambda command: run.append(" ".join(command)))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    monkeypatch.setattr(subprocess, "check_output", lambda *_, **__: "")
    environment.install(Path("somewhere"), group)
    return run


@pytest.mark.parametrize("group", [*environment.GROUPS, "audit"])
def test_a_group_is_installed_with_the_constraints(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all("--constraint=" in command for command in commands(monkeypatch, group))


def test_the_lowest_versions_are_not_constrained_but_their_installer_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installer, packages = commands(monkeypatch, "lowest")
    assert "--constraint=" in installer
    assert "--constraint=" not in packages
    assert "--resolution=lowest-direct" in packages


def test_a_renewal_does_not_depend_on_what_it_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("--constraint=" in each for each in commands(monkeypatch, "constraints"))


@pytest.fixture
def installations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """Options of each installation, whose files are broken unless it does not use the cache."""
    calls: list[tuple[str, ...]] = []

    def inspect(_: Path) -> dict[str, Any] | None:
        if not calls:
            return None
        broken = [] if "--no-cache" in calls[-1] else ["six.py"]
        return {"python": environment.identity(), "packages": [], "broken": broken}

    monkeypatch.setattr(environment, "inspect", inspect)
    monkeypatch.setattr(environment, "make", lambda folder: folder.mkdir(exist_ok=True))
    monkeypatch.setattr(environment, "install", lambda *arguments: calls.append(arguments[2:]))
    return calls


def test_broken_files_in_the_cache_of_uv_are_downloaded_again(
    installations: list[tuple[str, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.main(tmp_path / "venv", "dev")
    assert installations == [(), ("--no-cache",)]
    assert "files in uv's cache are damaged" in capsys.readouterr().out
    assert environment.read_stamp(tmp_path / "venv")["group"] == "dev"


def test_what_is_still_broken_is_named(
    installations: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"python": [], "packages": ["six"], "broken": ["six.py"]}
    monkeypatch.setattr(environment, "inspect", lambda _: found)
    with pytest.raises(environment.SetupError, match=r"just created: six\.py$"):
        environment.main(tmp_path / "venv", "dev")
    assert len(installations) == 2


def test_new_constraints_renew_an_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = environment.needs()
    (tmp_path / "constraints.txt").write_text("attrs==1.0\n")
    monkeypatch.setattr(environment, "CONSTRAINTS", tmp_path / "constraints.txt")
    assert environment.needs() != before


@pytest.mark.parametrize(
    ("configured", "options"),
    [
        ("", ""),
        ("global.timeout='60'", ""),
        ("global.index-url='https://one.test/'", "--default-index https://one.test/"),
        (
            "global.find-links='/one'\n:env:.find-links='/two'\ninstall.find-links='/three'",
            "--find-links /two",
        ),
        (r"install.find-links='\n/one\n/two'", "--find-links /one --find-links /two"),
        (
            "global.extra-index-url='https://one.test/?a=b'",
            "--index https://one.test/?a=b --index-strategy unsafe-best-match",
        ),
    ],
)
def test_indexes_of_pip_are_those_of_uv(configured: str, options: str) -> None:
    assert environment.options_for_uv(configured) == options.split()


# --- the audit --------------------------------------------------------------------------------

ADVISORY = {"id": "PYSEC-2031-7", "fix_versions": ["2.1", "3.0"]}


def package(name: str, *advisories: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "2.0", "vulns": list(advisories)}


def test_an_advisory_of_what_users_install_stops_a_release() -> None:
    result = audit.judge([package("lxml", ADVISORY), package("moto")], {"lxml"})
    assert result == (["lxml 2.0: PYSEC-2031-7, fixed in 2.1, 3.0"], [])


def test_an_advisory_of_what_only_developers_install_is_reported() -> None:
    result = audit.judge([package("lxml"), package("moto", ADVISORY)], {"lxml"})
    assert result == ([], ["moto 2.0: PYSEC-2031-7, fixed in 2.1, 3.0"])


def test_an_advisory_without_a_fix_says_so() -> None:
    result = audit.judge([package("lxml", ADVISORY | {"fix_versions": []})], {"lxml"})
    assert result.stops == ["lxml 2.0: PYSEC-2031-7, fixed in no version yet"]


@pytest.mark.parametrize("packages", [[], [{"name": "lxml", "skip_reason": "not found"}]])
def test_what_was_not_checked_stops_a_release(packages: list[dict[str, Any]]) -> None:
    result = audit.judge(packages, {"lxml"})
    assert result.stops == ["what the advisory service does not know: lxml"]
