"""Frames that are ready for a chart."""

from __future__ import annotations

import pandas
import pytest

from backpack_orm import Collection, Connection, Export, Item, JournalEntry, Page
from backpack_orm.display import journal_timeline, open_items

pytestmark = pytest.mark.network


def test_a_timeline_counts_the_entries_of_each_user_and_period(connection: Connection) -> None:
    entries = JournalEntry.all()
    timeline = journal_timeline(entries)
    assert isinstance(timeline.index, pandas.PeriodIndex)
    assert timeline.index.freqstr == "W-SUN"
    assert len(timeline) == timeline.index[-1].ordinal - timeline.index[0].ordinal + 1
    assert set(timeline.columns) == {entry.user.name for entry in entries}
    assert timeline.sum().to_dict() == {
        name: sum(entry.user.name == name for entry in entries) for name in timeline.columns
    }


def test_periods_without_an_entry_are_zero(connection: Connection) -> None:
    minutes = journal_timeline(JournalEntry.all(), "min")
    assert (minutes.sum(axis=1) == 0).any()


def test_a_timeline_of_no_entries_is_empty(connection: Connection) -> None:
    assert journal_timeline(JournalEntry.all().where(body="nothing like it")).empty


def test_open_items_are_counted_by_list_and_the_longest_are_first(connection: Connection) -> None:
    counts = open_items(Item.all())
    assert counts.to_dict("index")["Lisbon", "Not to be missed"] == {"open": 3, "completed": 1}
    assert counts.open.is_monotonic_decreasing
    assert counts.to_numpy().sum() == len(Item.all())


def test_lists_of_one_name_are_counted_apart() -> None:
    source = """<pages><page id="71" title="Lisbon"><lists>
        <list id="1" name="Packing"><items><item id="5" completed="false">Map</item></items></list>
        <list id="2" name="Packing"><items><item id="6" completed="true">Pen</item></items></list>
    </lists></page></pages>"""
    (page,) = Export.read(source.encode()).pages
    items = Collection(Item, [item for each in page.lists for item in each.items])
    assert open_items(items).to_dict("list") == {"open": [1, 0], "completed": [0, 1]}


def test_the_items_of_one_list_are_one_row(connection: Connection) -> None:
    counts = open_items(Page.get(title="Lisbon").lists[0].items)
    assert list(counts.index) == [("Lisbon", "Packing")]
