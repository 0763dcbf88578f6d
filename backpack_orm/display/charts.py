"""Frames of pandas that are ready for a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

    from backpack_orm.models.item import Item
    from backpack_orm.models.journal_entry import JournalEntry
    from backpack_orm.orm.queries.collections import Collection


def journal_timeline(entries: Collection[JournalEntry], period: str = "W") -> pandas.DataFrame:
    """Return how many entries each user has written in each period.

    The index has every period from the first entry to the last, also those without an entry; there
    is a column for each user. `journal_timeline(entries).plot.bar(stacked=True)` draws it. Makes no
    request, except for those that load the entries if they are not.

    Args:
        entries: Journal entries, such as `JournalEntry.all()`.
        period: Length of a period, as pandas names it: `D`, `W`, `M`, `Q` or `Y`.

    Raises:
        ImportError: pandas is not installed.
        ValueError: pandas knows no such period.

    >>> timeline = journal_timeline(JournalEntry.all(), "D")
    >>> int(timeline.to_numpy().sum()) == len(JournalEntry.all())
    True
    """
    frame = entries.to_frame()
    import pandas  # to_frame() has said how to install it

    # Periods have no time zone: a day is one in the zone of the times.
    frame["period"] = frame.created_at.dt.tz_localize(None).dt.to_period(period)
    counts = frame.groupby(["period", "user_name"]).size().unstack(fill_value=0)
    if counts.empty:
        return counts
    whole = pandas.period_range(counts.index.min(), counts.index.max(), name="period")
    return counts.reindex(whole, fill_value=0)


def open_items(items: Collection[Item]) -> pandas.DataFrame:
    """Return how many items of each list are open and completed, the longest open lists first.

    The index has the title of the page and the name of the list.
    `open_items(items).plot.barh(stacked=True)` draws it. Makes no request, except for those that
    load the items if they are not.

    Args:
        items: Items, such as `Item.all()`.

    Raises:
        ImportError: pandas is not installed.

    >>> open_items(Item.all()).loc[("Lisbon", "Packing")].to_dict()
    {'open': 5, 'completed': 3}
    """
    frame = items.to_frame()
    lists = frame.groupby(["page_title", "list_id", "list_name"], dropna=False)
    completed = lists.completed.sum().rename("completed")
    counts = (lists.size() - completed).rename("open").to_frame().join(completed)
    return counts.droplevel("list_id").sort_values("open", ascending=False, kind="stable")
