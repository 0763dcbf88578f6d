"""Progress of conversions, and what Ctrl-C leaves at any moment of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.archive import Snapshot
from backpack_orm.archive.conversions.output import LISTING

CONVERSIONS: dict[str, Callable[..., object]] = {
    "markdown": Snapshot.to_markdown,
    "html": Snapshot.to_html,
    "csv": Snapshot.to_csv,
    "jsonl": Snapshot.to_jsonl,
    "parquet": Snapshot.to_parquet,
    "sqlite": Snapshot.to_sqlite,
    "ics": Snapshot.to_ics,
    "files": Snapshot.to_file_list,
}


def state(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {
        each.relative_to(path).as_posix(): each.read_bytes()
        for each in path.rglob("*")
        if each.is_file()
    }


@pytest.mark.parametrize("name", CONVERSIONS)
def test_progress_ends_with_the_total(snapshot: Snapshot, tmp_path: Path, name: str) -> None:
    seen: list[tuple[str, int, int]] = []
    CONVERSIONS[name](snapshot, tmp_path / "out", progress=lambda *step: seen.append(step))
    if name == "ics":
        assert [done for _, done, _ in seen] == list(range(len(seen)))
    else:
        total = len(snapshot.pages)
        pages = [step for step in seen if step[0] == "converting pages"]
        assert pages == [("converting pages", done, total) for done in range(total + 1)]
    assert seen[-1][1] == seen[-1][2]


def test_progress_of_a_frame(snapshot: Snapshot) -> None:
    seen: list[Any] = []
    snapshot.frame("items", progress=lambda *step: seen.append(step))
    assert seen[-1] == ("converting pages", len(snapshot.pages), len(snapshot.pages))


@pytest.mark.parametrize("after", [0, 3, 12])
@pytest.mark.parametrize("name", CONVERSIONS)
def test_ctrl_c_leaves_what_the_next_conversion_completes(
    snapshot: Snapshot, tmp_path: Path, name: str, after: int
) -> None:
    convert, out = CONVERSIONS[name], tmp_path / "out"
    convert(snapshot, out)
    complete = state(out)

    def interrupt(what: str, done: int, total: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        convert(snapshot, out, progress=interrupt)
    assert "convert again" in caught.value.__notes__[0]
    left = state(out)
    left.pop(LISTING, None)
    assert left == {name: content for name, content in complete.items() if name != LISTING}
    assert not [path for path in tmp_path.rglob("*part*") if path.is_file()]
    convert(snapshot, out)
    assert state(out) == complete
