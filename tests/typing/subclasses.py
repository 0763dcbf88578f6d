"""Types of model subclasses; checked by mypy and pyright and never run."""

from __future__ import annotations

from functools import cached_property
from typing import assert_type

from backpack_orm import (
    Attachment,
    Collection,
    CopyResult,
    Embeds,
    HasItems,
    HasMany,
    Item,
    List,
    Note,
    Page,
    SavedEvent,
    SaveResult,
)
from backpack_orm.connection.hooks import Hook


class TripNote(Note):
    def headline(self) -> str:
        return self.title.upper()


class Chore(Item):
    is_mine: bool = False

    def save(self, *, check: bool = False) -> SaveResult:
        self.content = self.content.strip()
        return super().save(check=check)


class Chores(List):
    items = HasItems(Chore)


class Trip(Page):
    rating: int = 0
    notes = HasMany(TripNote)
    lists = HasMany(Chores)
    attachments = Embeds(Attachment)

    @cached_property
    def words(self) -> list[str]:
        return self.title.split()


class CityTrip(Trip):
    district: str


def finding() -> None:
    assert_type(Trip.all(), Collection[Trip])
    assert_type(Trip.all()[0], Trip)
    assert_type(Trip.find(7), Trip)
    assert_type(Trip.find_by(title="T"), Trip | None)
    assert_type(Trip.where(title="T"), Collection[Trip])
    assert_type(Trip.create(title="T"), Trip)
    assert_type(Trip.get(title="T"), Trip)
    assert_type(Trip.saved, Hook[SavedEvent[Trip]])
    assert_type(Trip.first(), Trip | None)
    assert_type(Trip.last(title="T"), Trip | None)
    assert_type(Trip.where(title="T").first(), Trip | None)
    assert_type(Trip.get_or_create(title="T"), tuple[Trip, bool])
    assert_type(CityTrip.update_or_create(title="T"), tuple[CityTrip, bool])
    assert_type(CityTrip.find(7), CityTrip)
    assert_type(CityTrip.find(7).reload(), CityTrip)
    assert_type(CityTrip.find(7).duplicate(), CopyResult[CityTrip])
    assert_type(CityTrip.find(7).duplicate().record, CityTrip)


def relations(trip: CityTrip, page: Page) -> None:
    assert_type(trip.notes[0], TripNote)
    assert_type(trip.notes[0].headline(), str)
    assert_type(trip.notes.create(title="T"), TripNote)
    assert_type(trip.notes.get(title="T"), TripNote)
    assert_type(trip.notes.get_or_create(title="T"), tuple[TripNote, bool])
    assert_type(trip.lists["Packing"].items[0], Chore)
    assert_type(trip.lists["Packing"].items[0].is_mine, bool)
    assert_type(trip.words, list[str])
    assert_type(trip.district, str)
    assert_type(page.notes[0], Note)
    assert_type(page.lists[0].items[0], Item)
    takes_pages(Trip.all())


def takes_pages(pages: Collection[Page]) -> None:
    assert_type(pages[0], Page)


def mistakes(trip: Trip) -> None:
    Trip(title="T")
    Trip.create(titel="T")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    trip.notes.create(titel="T")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Trip(titel="T")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    trip.titel  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018
    trip.notes = []  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    HasMany(int)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
