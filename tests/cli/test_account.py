"""The commands for reminders, the journal, statuses and calendars, and those of several kinds."""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from sysconfig import get_path
from typing import Any

import pytest

from backpack_orm.cli.prompts import shell_in
from backpack_orm.cli.state import State
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner
from tests.programs import require

# --- reminders --------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [["remind"], ["reminder", "add"]])
def test_a_reminder_in_plain_words_says_the_resulting_time(verb: list[str], run: Runner) -> None:
    found = run(*verb, "tomorrow", "9am", "Call", "the", "hotel", "-o", "json")
    assert (
        "'Call the hotel', on Friday, May 15, 2026, at 09:00 (America/Los_Angeles)."
        in found.summary
    )
    assert found.stderr == ""
    assert found.data["remind_at"] == "2026-05-15T09:00:00"


def test_a_reminder_at_a_time_keeps_its_words(run: Runner) -> None:
    found = run("remind", "--at", "2031-06-01 08:00", "tomorrow", "is", "June", "-o", "json").data
    assert (found["content"], found["remind_at"]) == ("tomorrow is June", "2031-06-01T08:00:00")


def test_others_are_reminded_by_name(run: Runner) -> None:
    found = run("remind", "+30", "Dinner", "--to", "Yuki", "--to", "nora", "-o", "json").data
    assert sorted(found["remindees"]) == ["Nora Whitfield", "Yuki 由紀"]


def test_a_reminder_in_the_past_is_not_lost(run: Runner, home: Path) -> None:
    found = run("remind", "--at", "2020-01-01", "Too", "late")
    assert found.code == 7
    (path,) = home.rglob("unsaved/*.txt")
    assert path.read_text() == "Too late\n"


@pytest.mark.parametrize("time", ["soon", "2031-13-01", "9am"])
def test_an_unreadable_time_is_wrong_usage(time: str, run: Runner) -> None:
    assert run("remind", "--at", time, "x").code == 1


def test_reminders_are_listed_until_a_time(run: Runner) -> None:
    times = [row[1] for row in run("reminder", "list", "--before", "2026-05-20").lines]
    assert times == sorted(times)
    assert times
    assert times[-1] < "2026-05-20"


def test_a_reminder_is_destroyed_by_id_or_exact_text(run: Runner) -> None:
    run("remind", "+45", "Take the bread out")
    assert run("reminder", "delete", "bread", "--yes").code == 2
    found = run("reminder", "delete", "Take the bread out", "-n")
    assert found.stdout.startswith("DELETE /[token]/reminders/")
    id = "".join(re.findall(r"reminders/(\d+)\.xml", found.stdout))
    done = run("reminder", "delete", "Take the bread out", "--yes", "-o", "json")
    assert (done.summary, done.data["id"]) == (f"Destroyed the reminder {id}.", int(id))
    assert "bread" not in run("reminder", "list").stdout


# --- journal, statuses and calendars ----------------------------------------------------------


def test_the_journal_is_listed_newest_first_as_far_as_asked(run: Runner) -> None:
    assert len(run("journal", "list").lines) == 25
    assert len(run("journal", "list", "--limit", "3").lines) == 3
    assert len(run("journal", "list", "--all").lines) >= 250
    assert run("journal", "list", "--limit", "0").code == 1


def test_the_journal_is_limited_to_a_time(run: Runner) -> None:
    found = run(
        "journal", "list", "--since", "2026-05-13", "--until", "2026-05-14", "-o", "json"
    ).data
    assert found
    assert all("2026-05-13" <= entry["created_at"][:10] <= "2026-05-14" for entry in found)


def test_a_journal_entry_is_added(run: Runner) -> None:
    assert run("journal", "add", "Booked", "it", "-o", "json").data["user"] == "Nora Whitfield"
    assert run("journal", "add", "-", input="Second\nline").code == 0
    assert run("journal", "list", "--limit", "1").lines[0][3] == "Second\\nline"


def test_a_status_is_set_and_cleared(run: Runner) -> None:
    run("status", "set", "On", "the", "train")
    assert ["Nora Whitfield", "On the train"] in [row[1:3] for row in run("status", "list").lines]
    assert run("status", "set", "").code == 0
    assert run("status", "set").code == 1


def test_calendars_are_listed_without_their_secret(run: Runner, shared_box: Sandbox) -> None:
    found = run("calendar", "list", "-o", "json")
    assert [row["name"] for row in found.data] == ["Home & away", "Choir 🎶"]
    assert set(found.data[0]) == {"id", "name", "color"}


def test_events_are_listed_in_order(run: Runner) -> None:
    times = [row["occurs_at"] for row in run("calendar", "events", "-o", "json").data]
    assert times == sorted(times)
    choir = run("calendar", "events", "choir", "--since", "2026-05-01", "-o", "json").data
    assert {row["calendar"] for row in choir} == {"Choir 🎶"}


def test_an_event_in_plain_words_says_the_resulting_time(run: Runner) -> None:
    found = run("calendar", "add", "home", "tomorrow", "2pm", "Tea", "--remind", "-o", "json")
    assert found.summary == "Added 'Tea' to 'Home & away', on Friday, May 15, 2026, at 14:00."
    assert found.data["remind"] is True


# --- all pages --------------------------------------------------------------------------------


def test_todos_are_the_open_items_of_all_pages(run: Runner) -> None:
    rows = run("todos", "-o", "json").data
    assert {"Lisbon", "Book club", "The garden"} <= {row["page"] for row in rows}
    assert not any(row["completed"] for row in rows)
    assert {row["page"] for row in run("todos", "--tag", "portugal", "-o", "json").data} == {
        "Lisbon"
    }


def test_a_table_of_todos_shows_what_people_read(run: Runner) -> None:
    head = run("todos", "--page", "Lisbon", "-o", "table").stdout.splitlines()[1].split()
    assert head == ["id", "content", "list", "page"]


def test_today_has_reminders_events_journal_and_items(run: Runner) -> None:
    run("remind", "+60", "Leave")
    run("calendar", "add", "home", "5pm", "Drinks")
    run("journal", "add", "Packed")
    rows = run("today", "-o", "json").data
    found = {(row["type"], row["text"]) for row in rows}
    assert {("reminder", "Leave"), ("event", "Drinks"), ("journal", "Packed")} <= found
    assert ("item", "Walking shoes") in found
    assert not any((row["time"] or "2026-05-14")[:10] > "2026-05-14" for row in rows)


def test_today_counts_from_midnight_of_the_account(run: Runner, home: Path) -> None:
    assert run("today", "-o", "json").code == 0
    (home / "config.toml").write_text('[profiles.default]\ntimezone = "Asia/Tokyo"\n')
    found = run("today", "-o", "table")
    assert found.stderr.endswith("Friday, May 15, 2026\n")


def test_a_search_shows_where_the_term_was_found(run: Runner) -> None:
    (row,) = run("search", "tram", "28", "-o", "json").data
    assert (row["type"], row["page"]) == ("note", "Lisbon")
    assert "**Tram 28**" in row["excerpt"]
    assert run("search", "tram", "--pages").lines == [["40000004", "Lisbon"]]
    assert run("search", "no such words").stdout == ""


def test_a_search_finds_titles(run: Runner) -> None:
    rows = run("search", "Lisbon", "-o", "json").data
    assert "Lisbon" in [row["page"] for row in rows]


# --- requests ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, network: None) -> Any:
    """A sandbox with 300 pages of a list with three items."""
    root = ET.Element("user", id="1", name="Nora Whitfield")
    pages = ET.SubElement(root, "pages")
    for number in range(1, 301):
        page = ET.SubElement(pages, "page", id=str(number), title=f"Page {number}")
        lists = ET.SubElement(page, "lists")
        made = ET.SubElement(lists, "list", id=str(1000 + number), name="")
        items = ET.SubElement(made, "items")
        for item in range(3):
            id = str(10_000 + 3 * number + item)
            done = str(item == 0).lower()
            ET.SubElement(
                items, "item", id=id, completed=done, list_id=made.get("id", "")
            ).text = f"Item {item}"
    path = tmp_path_factory.mktemp("large") / "export.xml"
    path.write_bytes(ET.tostring(root))
    with Sandbox(seed=str(path)) as box:
        yield box


def test_todos_of_300_pages_take_at_most_four_requests(
    large: Sandbox, offline: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPACK_URL", large.url)
    monkeypatch.setenv("BACKPACK_TOKEN", large.token)
    found = offline("todos")
    assert len(found.lines) == 600
    assert large.requests <= 4


@pytest.mark.parametrize(
    ("line", "requests"),
    [
        ("page list", 1),
        ("page show Lisbon", 2),
        ("page show id:40000004", 2),
        ("page list --tag Travel", 3),
        ("tag list", 3),
        ("todos", 3),
        ("add Lisbon Sunscreen", 2),
        ("reminder list", 1),
        ("remind +90 Call", 2),
        ("journal list", 1),
        ("journal add Done", 3),
        ("status list", 1),
        ("calendar list", 1),
        ("search tram --pages", 1),
        ("search tram", 2),
        ("whoami", 1),
        ("api GET statuses.xml", 1),
        ("today", 9),
        ("commands", 0),
        ("config show", 0),
    ],
)
def test_each_command_makes_as_many_requests_as_it_says(
    line: str, requests: int, run: Runner, shared_box: Sandbox
) -> None:
    before = shared_box.requests
    assert run(*line.split()).code == 0
    assert shared_box.requests - before == requests


# --- raw calls --------------------------------------------------------------------------------


def test_a_raw_call_prints_the_response(run: Runner, shared_box: Sandbox) -> None:
    found = run("api", "get", "statuses.xml")
    assert found.stdout.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<statuses')
    data = run("api", "GET", "/statuses.xml", "-o", "json").data
    assert (data["verb"], data["path"]) == ("GET", "/statuses.xml")
    assert data["body"].rstrip() == found.stdout.rstrip()


@pytest.mark.parametrize("path", ["ws/pages/all", "ws/page/40000004/notes/list"])
def test_a_raw_call_of_the_older_dialect_has_the_token_in_its_body(path: str, run: Runner) -> None:
    assert run("api", "POST", path).code == 0
    assert run("api", "POST", path, "--data", "<request><x/></request>").code == 0


@pytest.mark.parametrize("path", ["me.xml", "users.xml", "reminders.xml"])
def test_a_raw_call_has_the_token_in_its_path_where_that_is_documented(
    path: str, run: Runner, shared_box: Sandbox
) -> None:
    found = run("api", "GET", path, "--debug")
    assert f"GET /[token]/{path}: 200" in found.stderr


def test_a_raw_write_asks_first(run: Runner, home: Path) -> None:
    data = "<page><title>Raw</title></page>"
    line = ["api", "POST", "ws/pages/new", "--data", data]
    assert run(*line).code == 1
    assert run(*line, "-n").stdout == f"POST /ws/pages/new\t<request>{data}</request>\n"
    assert "Raw" not in run("page", "list").stdout
    assert 'title="Raw"' in run(*line, "--yes").stdout
    assert "Raw" in run("page", "list").stdout


def test_the_data_of_a_raw_call_is_read_from_a_file(run: Runner, tmp_path: Path) -> None:
    file = tmp_path / "page.xml"
    file.write_text("<page><title>From a file</title></page>")
    assert run("api", "POST", "ws/pages/new", "--data", f"@{file}", "--yes").code == 0


@pytest.mark.parametrize(
    ("path", "data"), [("ws/pages/../x", None), ("http://x y", None), ("ws/pages/new", "<page>")]
)
def test_a_wrong_raw_call_is_not_sent(
    path: str, data: str | None, run: Runner, shared_box: Sandbox
) -> None:
    before = shared_box.requests
    options = ["--data", data] if data else []
    assert run("api", "POST", path, *options, "--yes").code == 1
    assert shared_box.requests == before


def test_a_raw_write_whose_response_is_lost_is_not_sent_again(
    run: Runner, shared_box: Sandbox
) -> None:
    fault = shared_box.faults.drop_after_write(path="ws/pages/new")
    try:
        data = "<page><title>Once</title></page>"
        assert run("api", "POST", "ws/pages/new", "--data", data, "--yes").code == 9
    finally:
        shared_box.faults.clear()
    assert fault.fired == 1
    assert run("page", "list").stdout.count("Once") == 1


# --- the demonstration ------------------------------------------------------------------------


@pytest.mark.network
def test_the_demonstration_needs_no_account_and_leaves_nothing(
    offline: Runner, home: Path, capfd: Any
) -> None:
    before = {*home.rglob("*")}
    assert offline("demo", "page", "list", "-o", "json").code == 0
    assert '"Lisbon"' in capfd.readouterr().out
    assert {*home.rglob("*")} == before


FISH_PROMPT = "function fish_prompt; echo 'nora$ '; end"


@pytest.mark.parametrize(
    ("name", "file", "own", "shown"),
    [
        ("bash", ".bashrc", "PS1='nora$ '", 'echo "$PS1"'),
        ("zsh", ".zshrc", "PROMPT='nora$ '", 'echo "$PROMPT"'),
        ("zsh", "zsh/.zshrc", "PROMPT='nora$ '", 'echo "$PROMPT"'),
        ("fish", ".config/fish/config.fish", FISH_PROMPT, "fish_prompt"),
    ],
)
def test_the_prompt_of_a_shell_says_that_it_is_a_demonstration(
    name: str, file: str, own: str, shown: str, tmp_path: Path
) -> None:
    home, demo = tmp_path / "nora", tmp_path / "demo"
    (home / file).parent.mkdir(parents=True)
    (home / file).write_text(f"{own}\n", "utf-8")
    (home / ".zshenv").write_text('[ -d "$HOME/zsh" ] && ZDOTDIR=$HOME/zsh\n', "utf-8")
    demo.mkdir()
    path = require(name)
    words, environment = shell_in(
        demo, {"HOME": str(home), "PATH": os.environ["PATH"], "SHELL": path, "TERM": "xterm"}
    )
    command = [*words, "-i", "-c", shown]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "(demo) nora$ \n"


def test_a_zsh_that_is_started_in_the_demonstration_is_the_own_one(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path / "nora"), "SHELL": require("zsh")}
    words, environment = shell_in(tmp_path, home)
    command = [*words, "-i", "-c", "env"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "ZDOTDIR" not in done.stdout


@pytest.mark.network
def test_the_demonstration_can_be_stored(offline: Runner, tmp_path: Path, capfd: Any) -> None:
    data = ["--data", str(tmp_path / "demo.db")]
    offline("demo", *data, "page", "new", "Porto")
    assert offline("demo", *data, "page", "show", "Porto").code == 0
    assert offline("demo", *data, "page", "show", "Atlantis").code == 2


@pytest.mark.network
def test_the_demonstration_ignores_the_profile_of_the_environment(
    offline: Runner, monkeypatch: pytest.MonkeyPatch, home: Path, capfd: Any
) -> None:
    (home / "config.toml").write_text('[profiles.work]\naccount = "works"\n')
    monkeypatch.setenv("BACKPACK_PROFILE", "work")
    assert offline("demo", "whoami", "--fields", "name").code == 0
    assert capfd.readouterr().out == "Nora Whitfield\n"


@pytest.mark.network
def test_the_shell_of_the_demonstration_finds_the_program(
    offline: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shell = tmp_path / "shell"
    shell.write_text(f"#!/bin/sh\ncommand -v backpack > '{tmp_path}/found'\n", "utf-8")
    shell.chmod(0o700)
    monkeypatch.setenv("SHELL", str(shell))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(State, "is_interactive", True)
    assert offline("demo").code == 0
    found = (tmp_path / "found").read_text("utf-8").strip()
    assert Path(found).parent == Path(get_path("scripts"))


@pytest.mark.network
def test_the_demonstration_needs_a_command_or_a_terminal(offline: Runner) -> None:
    assert offline("demo").code == 1
