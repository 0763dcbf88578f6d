"""Environments with little in them: cron, services, other encodings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner

Bare = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def bare(shared_box: Sandbox, tmp_path: Path) -> Bare:
    """Run the program as cron does: without HOME and TERM, in the C locale, and without input."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "backpack_orm", *arguments],
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "LC_ALL": "C",
                "BACKPACK_URL": shared_box.url,
                "BACKPACK_TOKEN": shared_box.token,
                "BACKPACK_CONFIG": str(tmp_path / "config.toml"),
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
                **environment,
            },
            cwd=tmp_path,
            capture_output=True,
            timeout=120,
            preexec_fn=lambda: os.close(0),
        )

    return run


def test_a_backup_from_cron_is_made_and_monitored(bare: Bare, tmp_path: Path) -> None:
    archive = str(tmp_path / "backup")
    done = bare("archive", "sync", "-q", "--archive", archive)
    assert (done.returncode, done.stderr) == (0, b"")
    status = bare("archive", "status", "--max-age", "36h", "-o", "json", BACKPACK_ARCHIVE=archive)
    assert status.returncode == 0
    assert json.loads(status.stdout)["data"]["is_fresh"] is True


def test_without_a_home_directory_everything_else_works(bare: Bare) -> None:
    for words in ("page list", "todos", "doctor", "config path", "--help", "completion bash"):
        done = bare(*words.split(), BACKPACK_CONFIG="", XDG_CACHE_HOME="")
        assert done.returncode == 0, (words, done.stderr)
        assert done.stdout
        assert b"Traceback" not in done.stderr


def test_a_home_that_cannot_be_written_is_no_obstacle(bare: Bare) -> None:
    done = bare("page", "list", HOME="/proc/nowhere", XDG_CACHE_HOME="", BACKPACK_CONFIG="")
    assert (done.returncode, done.stderr) == (0, b"")


def test_in_the_c_locale_texts_are_complete(bare: Bare) -> None:
    lines = bare("page", "list").stdout.decode("utf-8").splitlines()  # PEP 538 and 540
    assert any("Choir in autumn 🎶" in line for line in lines)


def test_questions_are_refused_without_input(bare: Bare) -> None:
    for words in ("page delete Lisbon", "login acme", "note add Lisbon"):
        done = bare(*words.split())
        assert done.returncode == 1
        assert b"Error: " in done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_other_encodings_lose_no_text(encoding: str, bare: Bare) -> None:
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    plain = bare("page", "list", **environment)
    assert plain.returncode == 0
    assert "Choir in autumn \\U0001f3b6" in plain.stdout.decode(encoding)
    document = json.loads(bare("page", "list", "-o", "json", **environment).stdout.decode(encoding))
    assert "Choir in autumn 🎶" in [page["title"] for page in document["data"]]
    table = bare("page", "show", "Words", "-o", "table", **environment)
    assert table.returncode == 0
    assert table.stdout.decode(encoding)


def test_an_error_in_another_encoding_is_readable(bare: Bare) -> None:
    done = bare("page", "show", "Ünknown 🎶", PYTHONIOENCODING="cp1252", LC_ALL="C.UTF-8")
    assert done.returncode == 2
    assert "Ünknown \\U0001f3b6" in done.stderr.decode("cp1252")


def test_input_in_another_encoding_is_refused_or_understood(
    bare: Bare, run: Runner, tmp_path: Path
) -> None:
    text = tmp_path / "text"
    text.write_bytes("Café".encode("cp1252"))
    shell = f'"{sys.executable}" -m backpack_orm note add Lisbon - < text'
    for encoding, code in (("cp1252", 0), ("utf-8", 1)):
        done = subprocess.run(
            ["sh", "-c", shell],
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": os.getcwd()},
            cwd=tmp_path,
            capture_output=True,
        )
        assert done.returncode == code, done.stderr
    assert b"standard input is not utf-8" in done.stderr
