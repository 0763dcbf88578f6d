"""Tab completion in IPython after a chain such as `page.notes["`, without a request."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core import completer as ipython_completer
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import backpack_orm
from backpack_orm import (
    Connection,
    Page,
    Reminder,
    User,
    load_ipython_extension,
    unload_ipython_extension,
)
from backpack_orm.integrations.ipython import load_where_it_runs
from backpack_orm.sandbox import Sandbox
from tests.ipython_shell import new_shell

Press = Callable[..., list[str]]
UNUSUAL = ['say "hi"', "it's", "C:\\temp", "Ελλάδα", "naïve 雪国", "two\nlines", "{braces} [and] #"]


@pytest.fixture
def page(connection: Connection) -> Page:
    """A loaded page."""
    return Page.find(Page.all()[0].id)


@pytest.fixture
def listed(connection: Connection) -> Page:
    """A page from a list response, of which only the title is loaded."""
    return Page.all()[1]


@pytest.fixture(params=[True, False], ids=["jedi", "no jedi"])
def shell(request: pytest.FixtureRequest, page: Page, listed: Page) -> InteractiveShell:
    """A separate IPython shell with the extension loaded."""
    shell = new_shell()
    shell.Completer.use_jedi = request.param
    load_ipython_extension(shell)
    trips = Page.all(load=True)
    shell.user_ns.update(page=page, listed=listed, pages=Page.all(), trips=trips, Page=Page)
    return shell


@pytest.fixture
def press(shell: InteractiveShell, box: Sandbox) -> Press:
    """Return a function that completes a line without making a request."""

    def press(line: str, after: str = "") -> list[str]:
        before = box.requests
        with provisionalcompleter():
            found = list(shell.Completer.completions(line + after, len(line)))
        assert box.requests == before
        return [line[: one.start] + one.text for one in found]

    return press


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize("quote", ["'", '"'])
def test_keys_are_completed_after_a_chain(press: Press, quote: str) -> None:
    assert press(f"page.notes[{quote}") == [f"page.notes[{quote}Where we sleep"]
    assert press(f"page.notes[{quote}Whe") == [f"page.notes[{quote}Where we sleep"]
    assert press(f"page.notes[{quote}Where we sl") == [f"page.notes[{quote}Where we sleep"]
    assert press(f"page.tags[ {quote}L") == [f"page.tags[ {quote}Long weekends"]


def test_an_empty_key_is_completed_with_quotes(press: Press) -> None:
    assert press("page.notes[") == ["page.notes['Where we sleep'"]


def test_chains_can_be_as_deep_as_the_loaded_data(press: Press) -> None:
    for chain in (
        "trips['Lisbon'].lists[\"Packing\"].items",
        "trips[0].lists[-2].items",
        "page.lists['Packing'].items",
        "page . lists [ 'Packing' ] . items",
        "page.notes[0].page.lists['Packing'].items",
        "page.lists['Packing'].items['Sun hat'].list.items",
    ):
        assert press(f"{chain}['Sun") == [f"{chain}['Sun hat"], chain


def test_a_variable_can_be_the_key_in_a_chain(press: Press, shell: InteractiveShell) -> None:
    shell.user_ns.update(name="Packing", number=0)
    assert press("page.lists[name].items['Sun") == ["page.lists[name].items['Sun hat"]
    assert press("trips[number].notes['Wh") == ["trips[number].notes['Where we sleep"]


@pytest.mark.parametrize(
    "start",
    [
        "",
        "    ",
        "x = ",
        "print(",
        "print(page.title, ",
        "if not ",
        "for note in ",
        "return ",
        "[note.title for note in ",
        "{'a': page, 'b': ",
        "x[page.id]; ",
        "%time ",
        "1 + ",
        "first line\nsecond(",
        "await ",
    ],
)
def test_a_chain_can_be_anywhere_in_the_code(press: Press, start: str) -> None:
    assert press(f'{start}page.notes["Wh') == [f'{start}page.notes["Where we sleep']
    assert press(f'{start}trips["Lisbon"].notes["Wh') == [
        f'{start}trips["Lisbon"].notes["Where we sleep'
    ]


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("title", UNUSUAL)
def test_unusual_titles_are_completed_as_python_literals(
    press: Press, page: Page, title: str, quote: str
) -> None:
    page.notes[0].title = title
    for begun in ("", title[:1]):
        (line,) = press(f"page.notes[{quote}{begun}")
        assert eval(f"{line}{quote}]", {"page": page}) is page.notes[0]
    (line,) = press("page.notes[")
    assert eval(f"{line}]", {"page": page}) is page.notes[0]


def test_unusual_titles_can_be_keys_in_a_chain(press: Press, page: Page) -> None:
    for title in UNUSUAL:
        page.lists[0].name = title
        line = f"page.lists[{title!r}].items['Sun"
        assert press(line) == [f"{line} hat"]


def test_a_changed_title_is_completed_with_its_new_value(press: Press, page: Page) -> None:
    page.lists["Packing"].items["Sun hat"].content = "Sun glasses"
    assert press("page.lists['Packing'].items['Sun") == ["page.lists['Packing'].items['Sun glasses"]


def test_keys_are_closed_if_ipython_is_configured_to(press: Press, shell: InteractiveShell) -> None:
    shell.Completer.auto_close_dict_keys = True
    assert press('page.notes["Wh') == ['page.notes["Where we sleep"]']
    assert press("page.notes[") == ["page.notes['Where we sleep']"]
    assert press('page.notes["Wh', after='"') == ['page.notes["Where we sleep]']
    assert press('page.notes["Wh', after=' "]') == ['page.notes["Where we sleep']
    assert press("page.notes[", after="]") == ["page.notes['Where we sleep'"]


# --- attributes -------------------------------------------------------------------------------


def test_attributes_are_completed_as_listed_by_dir(press: Press, page: Page) -> None:
    assert set(press("page.notes.")) == {f"page.notes.{name}" for name in dir(page.notes)}
    assert press("page.notes.rel") == ["page.notes.reload"]
    assert press("trips[0].destr") == ["trips[0].destroy"]
    assert press("page.lists['Packing'].items[0].comp") == [
        "page.lists['Packing'].items[0].complete",
        "page.lists['Packing'].items[0].completed",
    ]


def test_attributes_of_a_collection_that_is_not_loaded_are_completed(
    press: Press, listed: Page
) -> None:
    assert press("listed.notes.rel") == ["listed.notes.reload"]
    assert not listed.notes.is_loaded


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Page.all()[0].", "notes"),
        ("Page.all(load=True)['Lisbon'].", "duplicate"),
        ("Page.find(page.id).notes.", "create_many"),
        ("Page.find_by(title='Lisbon').lists['Packing'].items[0].", "complete"),
        ("Page.all().", "order_by"),
        ("pages.where(title='Lisbon').first().", "tags"),
        ("Page.all()[0].notes[0].page.", "lists"),
        ("Reminder.all()[0].creator.", "bookmarks"),
    ],
)
def test_what_a_call_returns_is_completed_without_the_call(
    press: Press, shell: InteractiveShell, line: str, name: str
) -> None:
    shell.user_ns["Reminder"] = Reminder
    assert f"{line}{name}" in press(line)
    assert f"{line}{name}" in press(f"{line}{name[:-1]}")


def test_after_a_call_the_names_are_those_of_the_object(press: Press) -> None:
    assert set(press("Page.all()[0].")) == {f"Page.all()[0].{name}" for name in dir(Page.all()[0])}


# --- what is not loaded -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        'listed.notes["',
        "listed.notes['Re",
        'listed.lists[0].items["',
        'listed.lists["Next"].items["',
        'pages[1].notes["',
        'pages["Book club"].notes["',
        "listed.notes[0].",
        "listed.notes['Reading'].",
        "listed.description.",
        "listed.description['",
        "listed.tags['",
        "page.notes[0].messages['",
    ],
)
def test_completion_does_not_load_anything(
    press: Press, listed: Page, shell: InteractiveShell, line: str
) -> None:
    found = press(line)
    magics = {"%backpack", "%%note"}  # which IPython offers as it offers its own
    unload_ipython_extension(shell)
    without = press(line)
    load_ipython_extension(shell)
    assert [each for each in found if each.removeprefix(line) not in magics] == without
    assert not listed.notes.is_loaded


def test_titles_that_are_not_loaded_are_ignored(
    press: Press, page: Page, shell: InteractiveShell
) -> None:
    page.notes[0]._unset("title")
    assert press("page.notes['Wh") == []
    assert press("page.notes['Where we sleep'].relo") == []


def test_a_related_record_that_is_not_loaded_is_not_requested(
    shell: InteractiveShell, box: Sandbox
) -> None:
    reminder = Reminder.all()[0]
    shell.user_ns.update(reminder=reminder, new=Reminder(content="Call"), page=Page(title="Porto"))
    before = box.requests
    assert completions(shell, "reminder.creator.bookm") == ["bookmarks"]
    assert completions(shell, "new.creator.") == completions(shell, "page.notes['") == []
    reminder._invalidate("creator")
    assert completions(shell, "reminder.creator.bookm") == []
    assert box.requests == before


@pytest.mark.parametrize("line", ["tag.pages['", "user.status.", "page.connection.", "page.id."])
def test_properties_are_not_read(
    shell: InteractiveShell, box: Sandbox, page: Page, line: str
) -> None:
    shell.user_ns.update(tag=page.tags[0], user=User.all()[0])
    before = box.requests
    assert completions(shell, line) == []
    assert box.requests == before


def test_completion_does_not_modify_objects(press: Press, listed: Page) -> None:
    assert press("listed.notes.rel")
    assert listed._slot("notes", None) is None


# --- other objects ----------------------------------------------------------------------------


class Counting:
    """A foreign object that records every access."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            self.done.append(name)
        return self

    def __getitem__(self, key: object) -> Any:
        self.done.append(repr(key))
        return self

    def __call__(self) -> Any:
        self.done.append("()")
        return self

    @property  # type: ignore[misc]  # that of object can be set
    def __class__(self) -> type:
        self.done.append("class")
        return Page


def completions(shell: InteractiveShell, line: str) -> list[str]:
    """Return the completions of the extension, without those of IPython."""
    (matcher,) = shell.Completer.custom_matchers
    context = ipython_completer.CompletionContext(
        token="", full_text=line, cursor_position=len(line), cursor_line=0, limit=None
    )
    return [completion.text for completion in matcher(context)["completions"]]


NOT_EVALUATED = [
    "other.notes['",
    "other['a'].notes['",
    "other.notes.",
    "page[other].notes['",
    "pages[other].notes['",
    "page.notes[other].",
    "other().notes['",
    "(page.notes if other() else page)['",
    "(it := other()).notes['",
    "(page := other()).notes['",
    "[other() for _ in pages][0].notes['",
    "page.find(other()).notes['",
    "trips[other()].notes['",
    "trips[other.x].notes['",
    "trips[0:other()].notes['",
    "f'{other()}'.notes['",
    "page.__class__.",
    "page.__dict__['",
    "page._record['",
]


def test_completion_evaluates_only_look_ups_in_our_own_objects(
    shell: InteractiveShell, box: Sandbox
) -> None:
    other = Counting()
    shell.user_ns["other"] = other
    before = box.requests
    for line in NOT_EVALUATED:
        assert completions(shell, line) == [], line
        assert other.done == [], line
        assert box.requests == before, line
        assert "it" not in shell.user_ns and isinstance(shell.user_ns["page"], Page), line


OTHER_CODE = [
    "",
    " ",
    ".",
    "[",
    "['",
    "page",
    "page.",
    "pages['",
    "page..notes['",
    "page.notes]['",
    "page.notes['Where'",
    "page.notes['Where we sleep']",
    "page.notes[0",
    "page.notes[pa",
    "page.notes[b'Wh",
    "page.notes[('Wh",
    "page.notes['''Wh",
    "page.notes['Wh\\",
    "page.notes['Wh\\x",
    "page.notes.re ",
    "page.notes.1",
    "page.notes[0][0]['",
    "page.notes['",
    "'page.notes[\"",
    "# page.notes['",
    "'''page.notes['",
    "1.notes['",
    "missing.notes['",
    "page.missing['",
    "page.title['",
    "page.notes[9].",
    "page.notes[-9].",
    "page.notes['missing'].",
    "page.notes[None].",
    "page.belongings['",
    "page.belongings['Note'].",
    "page.notes\0['",
    "\ud800page.notes['",
    "page['\ud800'].notes['",
    "page['''\ud800\r'''].notes['",
    "page[f\"{'\0'}\"].notes['",
    "a](page.notes)(page.notes['",
    "$?!page.notes['Wh ?",
]


def test_other_code_has_no_completions(shell: InteractiveShell, box: Sandbox, page: Page) -> None:
    page.notes[0]._unset("title")
    before = box.requests
    assert {line: found for line in OTHER_CODE if (found := completions(shell, line))} == {}
    assert box.requests == before


def test_long_and_deeply_nested_code_is_parsed(shell: InteractiveShell) -> None:
    for code in (
        f"page[{'0 + ' * 5_000}0].",
        f"page[{'(' * 300}0{')' * 300}].",
        f"page{'.notes[0].page' * 50}.missing",
        f"f({'page, ' * 5_000}page).",
        "page.notes[" * 300,
    ):
        assert completions(shell, f"{code}notes['Wh") == []
    for code in ("(" * 50 + "page", "page, " * 5_000 + "page", "page" + ".notes[0].page" * 50):
        assert completions(shell, f"{code}.notes['Wh") == ["Where we sleep"]


def test_completions_of_ipython_are_unchanged(press: Press, shell: InteractiveShell) -> None:
    lines = ["pages['", "pages.", "table['k", "table['deep']['", "sys.ver", "impo", "%tim", "pag"]
    shell.user_ns.update(table={"key": 1, "deep": {"inner": 2}}, sys=sys)
    loaded = [press(line) for line in lines]
    unload_ipython_extension(shell)
    assert loaded == [press(line) for line in lines]
    assert "pages['Lisbon" in loaded[0] and loaded[2] == ["table['key"]


def test_an_embedded_shell_completes_local_and_module_variables(shell: InteractiveShell) -> None:
    embedded = InteractiveShell(
        user_ns={"mine": shell.user_ns["page"]},
        user_module=SimpleNamespace(__dict__=None, __name__="module", page=shell.user_ns["page"]),
    )
    load_ipython_extension(embedded)
    assert completions(embedded, "mine.notes['Wh") == ["Where we sleep"]
    assert completions(embedded, "page.notes['Wh") == ["Where we sleep"]


# --- loading ----------------------------------------------------------------------------------


def identifiers(shell: InteractiveShell) -> list[str]:
    return [matcher.matcher_identifier for matcher in shell.Completer.custom_matchers]


def test_loading_the_extension_twice_has_no_effect(shell: InteractiveShell) -> None:
    load_ipython_extension(shell)
    assert identifiers(shell) == ["backpack_orm"]


def test_unloading_leaves_other_matchers(press: Press, shell: InteractiveShell) -> None:
    def theirs(text: str) -> list[str]:
        return []

    shell.Completer.custom_matchers.append(theirs)
    unload_ipython_extension(shell)
    unload_ipython_extension(shell)
    assert shell.Completer.custom_matchers == [theirs]
    assert "page.notes['Where we sleep" not in press("page.notes['Wh")


def test_the_magics_load_and_unload(shell: InteractiveShell) -> None:
    for _ in range(2):
        shell.run_line_magic("unload_ext", "backpack_orm")
        shell.run_line_magic("load_ext", "backpack_orm")
        assert identifiers(shell) == ["backpack_orm"]
        shell.run_line_magic("unload_ext", "backpack_orm")
        assert identifiers(shell) == []


SESSION = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
def loaded():
    return [matcher.matcher_identifier for matcher in shell.Completer.custom_matchers]
"""


@pytest.mark.parametrize("first", ["import backpack_orm", "%load_ext backpack_orm"])
def test_an_import_in_a_running_shell_loads_the_extension(first: str) -> None:
    code = f"""
shell.run_cell({first!r}).raise_error()
assert loaded() == ["backpack_orm"]
shell.run_cell("%load_ext backpack_orm").raise_error()
assert loaded() == ["backpack_orm"]
shell.run_cell("%unload_ext backpack_orm").raise_error()
assert loaded() == []
shell.run_cell("import backpack_orm").raise_error()
assert loaded() == []
shell.run_cell("%reload_ext backpack_orm").raise_error()
assert loaded() == ["backpack_orm"]
"""
    subprocess.run([sys.executable, "-c", SESSION + code], check=True, timeout=60)


def test_an_import_outside_of_a_running_shell_loads_nothing() -> None:
    code = "import IPython, backpack_orm; assert IPython.get_ipython() is None"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_outdated_ipython_does_not_break_the_import(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    unload_ipython_extension(shell)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.delattr(ipython_completer, "context_matcher")
    monkeypatch.delitem(sys.modules, "backpack_orm.display.completion")
    monkeypatch.delattr("backpack_orm.display.completion")
    load_where_it_runs()
    assert identifiers(shell) == []
    with pytest.raises(ImportError):
        load_ipython_extension(shell)


def test_a_star_import_excludes_the_extension_hooks() -> None:
    assert not {"load_ipython_extension", "unload_ipython_extension"} & set(backpack_orm.__all__)
