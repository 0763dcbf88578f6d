"""The plugin for pytest, in runs of pytest of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backpack_orm import Calendar, Connection
from backpack_orm.sandbox import Sandbox

pytestmark = pytest.mark.network


@pytest.fixture
def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs a test file in a process of its own.

    Other plugins that are installed take most of the time of a run, so they are not loaded.
    """
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugin = ("-p", "backpack_orm.integrations.pytest", "-p", "no:cacheprovider")

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=source)
        return pytester.runpytest_subprocess(*plugin, *options)

    return run


def test_each_test_has_an_account_of_its_own(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
        import threading
        import unittest
        import pytest
        from backpack_orm import Page
        from backpack_orm.connection import context

        def test_it_is_empty(backpack):
            assert Page.count() == 0
            Page.create(title="Porto")

        def test_it_is_empty_again(backpack, backpack_sandbox):
            assert Page.count() == 0
            assert backpack.url == backpack_sandbox.url

        @pytest.mark.backpack(seed="demo", page_limit=13)
        def test_it_is_the_demo_account(backpack):
            assert Page.get(title="Lisbon").connection is backpack

        @pytest.mark.backpack(seed="demo")
        class TestClass:
            def test_the_mark_of_a_class(self, backpack):
                assert Page.count() == 13

        @pytest.mark.usefixtures("backpack")
        class TestUnittest(unittest.TestCase):
            def test_it(self):
                self.assertEqual(Page.count(), 0)

        def test_threads_use_it(backpack):
            counts = []
            thread = threading.Thread(target=lambda: counts.append(Page.count()))
            thread.start()
            thread.join()
            assert counts == [0]

        def test_nothing_is_left():
            assert context.default() is None
        """
    )
    result.assert_outcomes(passed=7)


@pytest.mark.parametrize(
    ("plugin", "mark", "options"),
    [
        ("pytest_asyncio.plugin", "asyncio", ["-o", "asyncio_default_fixture_loop_scope=function"]),
        ("anyio.pytest_plugin", "anyio", []),
    ],
)
def test_coroutines_use_it(
    plugin: str, mark: str, options: list[str], run: Callable[..., pytest.RunResult]
) -> None:
    result = run(
        f"""
        import asyncio
        import pytest
        from backpack_orm import Page
        from backpack_orm.connection import context

        pytestmark = pytest.mark.{mark}

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        async def test_it(backpack, backpack_requests):
            with backpack_requests(3):
                titles = [asyncio.to_thread(Page.create, title=title) for title in "ab"]
                await asyncio.gather(*titles)
                assert await asyncio.to_thread(Page.count) == 2

        @pytest.mark.backpack(seed="demo")
        async def test_the_mark(backpack_sandbox, backpack):
            assert Page.get(title="Lisbon").connection is backpack

        async def test_nothing_is_left():
            assert context.default() is None
        """,
        "-p",
        plugin,
        *options,
    )
    result.assert_outcomes(passed=3)


def test_unmarked_words_and_unknown_options_are_errors(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
        import pytest

        @pytest.mark.backpack("demo")
        def test_a_position(backpack): ...

        @pytest.mark.backpack(sed="demo")
        def test_a_misspelled_option(backpack): ...
        """
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        ["*takes keywords only, not 'demo'*", "*unexpected keyword argument 'sed'*"]
    )


def test_requests_are_counted(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
        import pytest
        from backpack_orm import Page

        pytestmark = pytest.mark.backpack(seed="demo")

        def test_as_many_as_expected(backpack, backpack_requests):
            with backpack_requests(2):
                list(Page.get(title="Lisbon").notes)
            with backpack_requests(0):
                list(Page.get(title="Lisbon").notes)

        def test_more(backpack, backpack_requests):
            with backpack_requests(1):
                list(Page.get(title="Lisbon").notes)

        def test_fewer(backpack, backpack_requests):
            with backpack_requests(1):
                pass
        """
    )
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*2 requests instead of 1",
            "*POST /ws/pages/all 200",
            "*POST /ws/page/* 200",
            "*0 requests instead of 1",
        ]
    )


def test_faults_are_those_of_the_sandbox_and_have_to_fire(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
        import pytest
        from backpack_orm import OutcomeUnknown, Page

        def test_a_lost_response(backpack, backpack_faults):
            backpack_faults.drop_after_write(path="ws/pages/new", times=1)
            with pytest.raises(OutcomeUnknown):
                Page.create(title="Porto")
            assert Page.count() == 1

        def test_no_request_matches(backpack, backpack_faults):
            packing = Page.create(title="Porto").lists.create(name="Packing")
            backpack_faults.drop_after_write(path="**/items/create", times=1)
            packing.items.create(content="Socks")

        def test_it_need_not_fire(backpack, backpack_faults):
            fault = backpack_faults.html_page(verb="DELETE")
            Page.create(title="Porto")
            assert not fault.fired
            backpack_faults.clear()
        """
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        [
            "<Fault 'drop_after_write path=[*][*]/items/create times=1', fired 0> has affected *",
            "Call backpack_faults.clear() if that is right. The last requests were:",
            "  POST /ws/page/*/lists/*/items/add 200",
        ]
    )


def test_code_that_connects_by_itself_uses_the_sandbox(
    run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPACK_URL", "acme")
    monkeypatch.setenv("BACKPACK_TOKEN", "0123456789abcdef")
    result = run(
        """
        from backpack_orm import NotConnected, Page, connect
        import pytest

        @pytest.mark.backpack(seed="demo")
        def test_the_program(backpack_sandbox):
            assert connect().url == backpack_sandbox.url
            assert len(Page.all()) == 13

        def test_the_next_one():
            with pytest.raises(NotConnected):
                Page.all()
        """
    )
    result.assert_outcomes(passed=2)


def test_its_connection_does_not_wait_for_rate_limits(backpack: Connection) -> None:
    for _ in range(12):
        Calendar.all(fresh=True)  # the service accepts ten in five seconds
    assert backpack.stats.requests == 12
    assert backpack.stats.seconds_waited == 0


def test_pytest_finds_it_and_xdist_runs_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from backpack_orm import Page

        @pytest.mark.parametrize("number", range(4))
        def test_it_is_empty(backpack, number):
            assert Page.count() == 0
            Page.create(title="Porto")
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2").assert_outcomes(passed=4)


RECORDED = """
    from backpack_orm import Calendar, Page, Reminder

    def test_lisbon(backpack_cassette):
        page = Page.get(title="Lisbon")
        page.notes.create(title="Lunch", body="Sardines")
        assert [note.title for note in page.notes][-1] == "Lunch"
        assert [reminder.content for reminder in Reminder.all()]
        assert [calendar.token for calendar in Calendar.all()]
        assert Page.all(load="pages")[0].notes
    """


@pytest.mark.parametrize("bearer", [False, True])
def test_a_cassette_is_recorded_and_replayed_without_the_service(
    run: Callable[..., pytest.RunResult],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    bearer: bool,
) -> None:
    source = RECORDED
    with Sandbox(seed="demo", token="open-sesame-4-me-please") as box:  # unlike those of calendars
        monkeypatch.setenv("BACKPACK_URL", box.url)
        monkeypatch.setenv("BACKPACK_TOKEN", box.token)
        if bearer:
            source += f"""
    import backpack_orm.connection
    connect = backpack_orm.connection.connect
    backpack_orm.connection.connect = lambda: connect({box.url!r}, oauth_token={box.token!r})
    """
        run(source, "--backpack-record").assert_outcomes(passed=1)
        requests = box.requests
        monkeypatch.delenv("BACKPACK_URL")
        monkeypatch.delenv("BACKPACK_TOKEN")
        if not bearer:
            run(source).assert_outcomes(passed=1)
        assert box.requests == requests
        host = box.url.removeprefix("http://")
    (cassette,) = Path(pytester.path, "cassettes", "test_it").iterdir()
    assert cassette.name == "test_lisbon.yaml"
    text = cassette.read_text("utf-8")
    assert box.token not in text
    assert not re.search(r"\b[0-9a-f]{40}\b", text)
    assert host not in text
    assert "recorded.backpackit.com" in text
    assert "Sardines" in text
    assert "User-Agent" not in text


def test_each_case_of_a_parametrized_test_has_a_cassette_of_its_own(
    run: Callable[..., pytest.RunResult],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = """
        import pytest
        from backpack_orm import Page

        @pytest.mark.parametrize("title", ["a b", "a/b", "a_b", "a::b", "A b", "é", "e", "x" * 300])
        def test_it(backpack_cassette, title):
            Page.create(title=title)
        """
    with Sandbox(seed="empty") as box:
        monkeypatch.setenv("BACKPACK_URL", box.url)
        monkeypatch.setenv("BACKPACK_TOKEN", box.token)
        run(source, "--backpack-record").assert_outcomes(passed=8)
    run(source).assert_outcomes(passed=8)
    names = [path.name for path in Path(pytester.path, "cassettes", "test_it").iterdir()]
    assert len({name.casefold() for name in names}) == 8
    assert all(name.startswith("test_it_") and len(name) < 120 for name in names)


def test_a_cassette_has_to_exist(run: Callable[..., pytest.RunResult]) -> None:
    result = run(RECORDED)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*test_lisbon.yaml does not exist: set BACKPACK_URL and BACKPACK_TOKEN, and run pytest *"]
    )


def test_other_requests_than_recorded_fail_and_so_do_fewer(
    run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
        from backpack_orm import Page

        def test_lisbon(backpack_cassette):
            Page.get(title="Lisbon").notes.create(title="Lunch", body="Sardines")
            Page.find(Page.get(title="Lisbon").id).reload()
        """
    with Sandbox(seed="demo") as box:
        monkeypatch.setenv("BACKPACK_URL", box.url)
        monkeypatch.setenv("BACKPACK_TOKEN", box.token)
        run(source, "--backpack-record").assert_outcomes(passed=1)
    result = run(source.replace("Sardines", "Soup"))
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*CannotOverwriteExistingCassetteException*"])
    result = run(source.replace("            Page.find", "            # Page.find"))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*contains 2 requests that the test has not made*"])


def test_loading_the_plugin_imports_nothing_else() -> None:
    script = (
        "import sys, pytest; before = {*sys.modules};"
        "import backpack_orm.integrations.pytest;"
        "print(*sorted({*sys.modules} - before))"
    )
    found = subprocess.check_output([sys.executable, "-I", "-c", script], text=True).split()
    assert {*found} == {
        "backpack_orm",
        "backpack_orm.integrations",
        "backpack_orm.integrations.pytest",
        "backpack_orm.rich_display",
    }


def test_the_plugin_loads_in_five_milliseconds() -> None:
    """The entry point of an unrelated run, in processor time, at best of several."""
    script = (
        "import pytest, time; began = time.process_time();"
        "import backpack_orm.integrations.pytest;"
        "print(time.process_time() - began)"
    )
    command = [sys.executable, "-I", "-c", script]
    assert min(float(subprocess.check_output(command)) for _ in range(5)) <= 0.005
