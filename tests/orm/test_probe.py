"""The test of what a service does with omitted fields leaves no trace and finds the truth."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backpack_orm import (
    ApiError,
    BackpackError,
    Connection,
    Page,
    ProbeResult,
    User,
    probe_partial_updates,
)
from backpack_orm.sandbox import Sandbox

FIELDS = [
    "item.completed",
    "item.content",
    "note.body",
    "note.title",
    "page_item.completed",
    "page_item.content",
]


def pages(connection: Connection) -> list[dict[str, object]]:
    """Everything on all pages."""
    export = User.me(using=connection).export()
    return [page.to_dict() for page in export.pages]


@pytest.mark.parametrize("partial_updates", [False, True])
def test_a_service_that_preserves_omitted_fields(box: Sandbox, partial_updates: bool) -> None:
    connection = Connection(box.url, token=box.token, partial_updates=partial_updates)
    before = pages(connection)
    count = box.requests
    assert probe_partial_updates(connection) == ProbeResult(True, dict.fromkeys(FIELDS, True))
    assert box.requests == count + 18
    assert pages(connection) == before


@pytest.mark.network
@pytest.mark.parametrize(
    ("cleared", "lost", "partial_updates"),
    [
        (["item.content"], ["item.content", "page_item.content"], False),
        (["item.completed"], ["item.completed", "page_item.completed"], True),
        (["note.body"], ["note.body"], True),
        (["note.title"], ["note.title"], True),
        (True, FIELDS, False),
    ],
)
def test_a_service_that_clears_omitted_fields(
    demo: Callable[..., Sandbox], cleared: list[str], lost: list[str], partial_updates: bool
) -> None:
    with demo(clears_omitted=cleared) as box:
        connection = Connection(box.url, token=box.token)
        before = pages(connection)
        result = probe_partial_updates(connection)
        assert result.preserved == {name: name not in lost for name in FIELDS}
        assert result.partial_updates is partial_updates
        assert pages(connection) == before


@pytest.mark.parametrize("after", range(16))
def test_the_page_is_destroyed_whatever_fails(box: Sandbox, after: int) -> None:
    connection = Connection(box.url, token=box.token)
    before = pages(connection)
    box.faults.error_body(500, path="**", after=after + 1, times=1)
    with pytest.raises(ApiError) as caught:
        probe_partial_updates(connection)
    assert "destroyed" not in str(caught.value)
    assert pages(connection) == before


def test_a_page_that_could_not_be_destroyed_is_named(box: Sandbox) -> None:
    connection = Connection(box.url, token=box.token)
    box.faults.error_body(500, path="ws/page/**", after=3)
    with pytest.raises(BackpackError, match=r"Page\(id=\d+, title=.*could not be destroyed"):
        probe_partial_updates(connection)
    box.faults.clear()
    left = Page.all(using=connection)[-1]
    assert "safe to destroy" in left.title
