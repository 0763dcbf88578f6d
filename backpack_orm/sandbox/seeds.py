"""How an account begins: with one user and nothing else, or with what a person keeps in it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import product

from sqlalchemy.orm import Session

from .accounts import add_user
from .storage import (
    Attachment,
    Email,
    Friend,
    Gallery,
    Image,
    Item,
    List,
    Note,
    Page,
    Reminder,
    Separator,
    Tag,
    User,
    W,
    WriteboardLink,
)

COMPOSERS = """
Bach Beethoven Brahms Britten Chopin Clara-Schumann Debussy Dvořák Fauré Grieg
Haydn Janáček Liszt Mendelssohn Mozart Prokofiev Ravel Schubert Sibelius Szymanowski
"""
FORMS = """
cello-suite piano-concerto string-quartet songs mass
symphony nocturnes violin-sonata overture late-piano-pieces
"""


class _Planter:
    """Fills an account for its owner, as if over the last weeks."""

    def __init__(self, session: Session, owner: User, now: datetime) -> None:
        self._session, self._owner, self._now = session, owner, now
        self._account = owner.account
        self._tags: dict[str, Tag] = {}

    def page(self, title: str, *, tags: Iterable[str] = (), owner: User | None = None) -> Page:
        page = self._account.new(Page, title=title, owner=owner or self._owner)
        self._session.add(page)
        page.tag([self._tag(name) for name in tags])
        return page

    def note(self, page: Page, title: str, body: str, *, days_ago: int = 0) -> None:
        self._put(page, Note, title, days_ago, body=body)

    def email(self, page: Page, subject: str, body: str, *, days_ago: int = 0) -> None:
        self._put(page, Email, subject, days_ago, body=body)

    def list(self, page: Page, name: str, open: Iterable[str], done: Iterable[str] = ()) -> None:
        grown = self._put(page, List, name)
        for content, completed in [*((c, False) for c in open), *((c, True) for c in done)]:
            grown.items.append(
                self._account.new(Item, content=content, completed=completed, updated_at=self._now)
            )

    def separator(self, page: Page, name: str) -> None:
        self._put(page, Separator, name)

    def attachment(self, page: Page, file_name: str) -> None:
        self._put(page, Attachment, file_name)

    def writeboard(self, page: Page, name: str) -> None:
        self._put(page, WriteboardLink, name)

    def gallery(self, page: Page, name: str, images: dict[str, str]) -> None:
        gallery = self._put(page, Gallery, name)
        for file_name, description in images.items():
            gallery.images.append(
                self._account.new(Image, file_name=file_name, description=description)
            )

    def reminder(self, content: str, wait: timedelta, *remindees: User) -> None:
        self._session.add(
            self._account.new(
                Reminder,
                creator=self._owner,
                content=content,
                remind_at=self._now + wait,
                remindees=list(remindees) or [self._owner],
            )
        )

    def _put(self, page: Page, kind: type[W], name: str, days_ago: int = 0, **values: object) -> W:
        then = self._now - timedelta(days=days_ago, hours=days_ago % 7)
        return page.add(kind, name, then, at=len(page.widgets), **values)

    def _tag(self, name: str) -> Tag:
        if name not in self._tags:
            self._tags[name] = self._account.new(Tag, name=name)
        return self._tags[name]


def plant_demo(session: Session, owner: User, now: datetime) -> None:
    """The pages of Nora Whitfield, who plans more than she can do, and her reminders."""
    account = owner.account
    owner.name, owner.email_address = "Nora Whitfield", f"nora@{account.name}.example"
    owner.time_zone = "Pacific Time (US & Canada)"
    tomas = add_user(
        session, account, "Tomás Leite", token=secrets.token_hex(20), now=now, time_zone="Lisbon"
    )
    yuki = add_user(
        session, account, "Yuki 由紀", token=secrets.token_hex(20), now=now, time_zone="Tokyo"
    )
    plant = _Planter(session, owner, now)

    lisbon = plant.page("Lisbon", tags=["Travel", "Long weekends", "Portugal"])
    lisbon.description = "Ten days in *May*. Slow trains, no museums before noon."
    plant.note(
        lisbon,
        "Where we sleep",
        "Rua da Bica 41, third floor – the key is with the baker.\n\n"
        "* Tram 28 stops at the corner\n* No lift!\n* Breakfast: _pastéis_ & coffee",
        days_ago=12,
    )
    plant.list(
        lisbon,
        "Packing",
        ["Walking shoes", "Sun hat", "Phrase book", "Adapter (type F)", "Film for the Olympus"],
        ["Passports", "Train tickets", "Rain jacket"],
    )
    plant.list(
        lisbon,
        "Not to be missed",
        ["Feira da Ladra (Tuesday & Saturday)", "Ferry to Cacilhas at dusk", "Tile museum"],
        ["Book a table at the tasca in Alfama"],
    )
    plant.separator(lisbon, "On the way")
    plant.note(
        lisbon, "", "Seat 61, coach 7. Window side going down, sea on the right.", days_ago=6
    )
    plant.gallery(
        lisbon,
        "Last time",
        {"miradouro.jpg": "The view from Graça", "tiles-04.jpg": "", "tram.jpg": "28, of course"},
    )
    plant.attachment(lisbon, "itinerary.pdf")
    plant.attachment(lisbon, "seguro de viagem – cópia.pdf")
    plant.writeboard(lisbon, "Postcard texts")
    plant.email(
        lisbon,
        "Your reservation",
        "Dear Nora,\n\nyour table for four is kept until 20:30.\n\nAté breve,\nDona Célia\n",
        days_ago=4,
    )
    plant.email(lisbon, "Re: Your reservation", "Five, if there is room. Thank you!", days_ago=3)

    books = plant.page("Book club", tags=["Reading", "Friends & family"])
    plant.note(
        books,
        "How we do it",
        'h2. The rules\n\n# Whoever hosts, chooses\n# Nobody has to finish\n# "Notes":#notes count',
        days_ago=40,
    )
    plant.list(
        books,
        "Next",
        [
            "The Door — Magda Szabó",
            "Мастер и Маргарита",
            "雪国 (Snow Country)",
            "Ο Καπετάν Μιχάλης",
        ],
        ["The Summer Book", "Stoner"],
    )
    plant.separator(books, "Evenings so far")
    plant.note(books, "March at Yuki's", "Soup, two novels, one quarrel 📚🍲", days_ago=21)

    garden = plant.page("The garden", tags=["Home", "Outdoors"])
    plant.list(garden, "Sow now", ["Broad beans", "Sweet peas", "Rocket"], ["Garlic"])
    plant.list(garden, "Before the frost", ["Lift the dahlias", "Wrap the fig"])
    plant.note(
        garden, "Where things are", "Bed 1 < Bed 2 < Bed 3, counted from the gate", days_ago=30
    )
    plant.gallery(garden, "", {"apple-blossom.png": "Week one"})

    groceries = plant.page("Groceries & such", tags=["Home"])
    plant.list(groceries, "", ["Olive oil", "Lemons", "Bread"], ["Rice", "Salt"])

    recipes = plant.page("Recipes", tags=["Home", "Slow food"])
    plant.note(
        recipes,
        "Caldo verde",
        "Potatoes, onion, garlic; then kale cut as fine as hair.\n\n> Serve at once.",
        days_ago=17,
    )
    plant.note(
        recipes, "Crème brûlée", "6 yolks, ½ l cream, 90 g sugar – 160 °C, 40 min", days_ago=9
    )
    recipes.linked = [groceries, garden]

    shelf = plant.page("Record shelf", tags=["Music", "Long Scores"])
    works = product(COMPOSERS.split(), FORMS.split())
    records = [": ".join(work).replace("-", " ") for work in works]
    plant.list(shelf, "To hear again", records[::4] + records[1::4] + records[2::4], records[3::4])

    plant.page("Someday")

    kitchen = plant.page("Kitchen renovation", tags=["Home", "Money"])
    kitchen.friends = [
        Friend(email_address=tomas.email_address),
        Friend(email_address="builder@example.com"),
    ]
    plant.list(kitchen, "Decide", ["Gas or induction?", "Shelves: oak, ash or none"], ["Colour"])
    plant.note(kitchen, "Quotes", "|_. Who |_. Price |\n| Almeida | 7,900 |\n| Brandt | 9,250 |")
    plant.attachment(kitchen, "plan-v3.dwg")
    plant.separator(kitchen, "Paid already")
    plant.list(kitchen, "Invoices", [], ["Demolition", "Plumber, first visit"])

    words = plant.page("Words: كلمات ומילים", tags=["Languages", "שפות"])
    plant.note(words, "שלום", "‏מילה אחת בכל יום: סבלנות.", days_ago=2)
    plant.note(words, "كلمة اليوم", "الصبر مفتاح الفرج", days_ago=1)
    plant.list(words, "日本語", ["木漏れ日 – light through leaves", "積ん読 📖"], ["侘寂"])

    running = plant.page("Running log", tags=["Health"])
    for week, kilometres in enumerate((21, 18, 25, 9, 30, 27), 1):
        plant.note(running, f"Week {week}", f"{kilometres} km", days_ago=7 * (7 - week))

    parcels = plant.page("Parcels")
    plant.email(
        parcels, "Shipped: 1 × typewriter ribbon", "It will be with you on Friday.", days_ago=5
    )
    plant.email(parcels, "", "     See attached.\n", days_ago=2)
    plant.writeboard(parcels, "Complaint, second draft")

    letters = plant.page("Unsent letters", tags=["Writing"])
    letters.description = "Begun here, finished on paper."
    plant.separator(letters, "To the council")
    plant.separator(letters, "To Tomás")

    choir = plant.page("Choir in autumn 🎶", tags=["Music"], owner=yuki)
    choir.friends = [Friend(email_address=owner.email_address)]
    plant.list(choir, "Rehearsals", ["First Monday", "Third Monday"])

    plant.page("Yuki's own", owner=yuki)

    plant.reminder("Renew the library card", timedelta(days=-3))
    plant.reminder("Water the neighbours' tomatoes", timedelta(hours=-5), owner, tomas)
    plant.reminder("Call the baker about the key", timedelta(hours=4))
    plant.reminder("Dentist – bring the old X-ray", timedelta(days=2, minutes=30))
    plant.reminder("Train to Lisbon leaves at 7:12 🚂", timedelta(days=20), owner, tomas, yuki)
    plant.reminder("Sign the builder's contract", timedelta(days=6), tomas)


def _nothing(session: Session, owner: User, now: datetime) -> None:
    """Leave the account as it was opened."""


SEEDS: dict[str, Callable[[Session, User, datetime], None]] = {
    "demo": plant_demo,
    "empty": _nothing,
}
