"""The contents of new accounts: none, demonstration data, or an export."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle, product
from pathlib import Path

from sqlalchemy.orm import Session

from .accounts import add_user
from .addresses import host_of
from .exported import import_export
from .models import Friend, Page, User
from .seed_builder import SeedBuilder

COMPOSERS = """
Bach Beethoven Brahms Britten Chopin Clara-Schumann Debussy Dvořák Fauré Grieg
Haydn Janáček Liszt Mendelssohn Mozart Prokofiev Ravel Schubert Sibelius Szymanowski
"""
FORMS = """
cello-suite piano-concerto string-quartet songs mass
symphony nocturnes violin-sonata overture late-piano-pieces
"""
VERBS = "Mended Painted Found Cleaned Measured Sold Carried Counted Oiled Photographed"
THINGS = """\
the garden gate
two chairs
Grandmother's clock
the boat’s rudder
a box of letters
seven buttons
the kitchen door
an umbrella
the church organ
my bicycle
the skylight
a typewriter
the cellar stairs
old & new shelves
the accordion
a crate of apples
the letter box
three lamps
the piano stool
a globe
the well
both kites
the weather vane
a violin bow
the fence"""


def seed_demo(
    session: Session, owner: User, now: datetime, token_factory: Callable[[], str]
) -> None:
    """Create the pages and reminders of Nora Whitfield, who plans more than she can do."""
    account = owner.account
    owner.name, owner.email_address = "Nora Whitfield", f"nora@{host_of(account)}"
    owner.time_zone = "Pacific Time (US & Canada)"
    tomas = add_user(session, account, "Tomás Leite", now=now, time_zone="Lisbon")
    yuki = add_user(session, account, "Yuki 由紀", now=now, time_zone="Tokyo")
    add = SeedBuilder(session, owner, now, token_factory)

    lisbon = add.page("Lisbon", tags=["Travel", "Long weekends", "Portugal"])
    lisbon.description = "Ten days in *May*. Slow trains, no museums before noon."
    add.note(
        lisbon,
        "Where we sleep",
        "Rua da Bica 41, third floor – the key is with the baker.\n\n"
        "* Tram 28 stops at the corner\n* No lift!\n* Breakfast: _pastéis_ & coffee",
        days_ago=12,
    )
    add.list(
        lisbon,
        "Packing",
        ["Walking shoes", "Sun hat", "Phrase book", "Adapter (type F)", "Film for the Olympus"],
        ["Passports", "Train tickets", "Rain jacket"],
    )
    add.list(
        lisbon,
        "Not to be missed",
        ["Feira da Ladra (Tuesday & Saturday)", "Ferry to Cacilhas at dusk", "Tile museum"],
        ["Book a table at the tasca in Alfama"],
    )
    add.separator(lisbon, "On the way")
    add.note(lisbon, "", "Seat 61, coach 7. Window side going down, sea on the right.", days_ago=6)
    add.gallery(
        lisbon,
        "Last time",
        {"miradouro.jpg": "The view from Graça", "tiles-04.jpg": "", "tram.jpg": "28, of course"},
    )
    add.attachment(lisbon, "itinerary.pdf")
    add.attachment(lisbon, "seguro de viagem – cópia.pdf")
    add.writeboard(lisbon, "Postcard texts")
    add.email(
        lisbon,
        "Your reservation",
        "Dear Nora,\n\nyour table for four is kept until 20:30.\n\nAté breve,\nDona Célia\n",
        days_ago=4,
    )
    add.email(lisbon, "Re: Your reservation", "Five, if there is room. Thank you!", days_ago=3)

    books = add.page("Book club", tags=["Reading", "Friends & family"])
    add.note(
        books,
        "How we do it",
        'h2. The rules\n\n# Whoever hosts, chooses\n# Nobody has to finish\n# "Notes":#notes count',
        days_ago=40,
    )
    add.list(
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
    add.separator(books, "Evenings so far")
    add.note(books, "March at Yuki's", "Soup, two novels, one quarrel 📚🍲", days_ago=21)

    garden = add.page("The garden", tags=["Home", "Outdoors"])
    add.list(garden, "Sow now", ["Broad beans", "Sweet peas", "Rocket"], ["Garlic"])
    add.list(garden, "Before the frost", ["Lift the dahlias", "Wrap the fig"])
    add.note(
        garden, "Where things are", "Bed 1 < Bed 2 < Bed 3, counted from the gate", days_ago=30
    )
    add.gallery(garden, "", {"apple-blossom.png": "Week one"})

    groceries = add.page("Groceries & such", tags=["Home"])
    add.list(groceries, "", ["Olive oil", "Lemons", "Bread"], ["Rice", "Salt"])

    recipes = add.page("Recipes", tags=["Home", "Slow food"])
    add.note(
        recipes,
        "Caldo verde",
        "Potatoes, onion, garlic; then kale cut as fine as hair.\n\n> Serve at once.",
        days_ago=17,
    )
    add.note(recipes, "Crème brûlée", "6 yolks, ½ l cream, 90 g sugar – 160 °C, 40 min", days_ago=9)
    recipes.linked = [groceries, garden]

    shelf = add.page("Record shelf", tags=["Music", "Long Scores"])
    works = product(COMPOSERS.split(), FORMS.split())
    records = [": ".join(work).replace("-", " ") for work in works]
    add.list(shelf, "To hear again", records[::4] + records[1::4] + records[2::4], records[3::4])

    add.page("Someday")

    kitchen = add.page("Kitchen renovation", tags=["Home", "Money"])
    kitchen.friends = [
        Friend(email_address=tomas.email_address),
        Friend(email_address="builder@example.com"),
    ]
    add.list(kitchen, "Decide", ["Gas or induction?", "Shelves: oak, ash or none"], ["Colour"])
    add.note(kitchen, "Quotes", "|_. Who |_. Price |\n| Almeida | 7,900 |\n| Brandt | 9,250 |")
    add.attachment(kitchen, "plan-v3.dwg")
    add.separator(kitchen, "Paid already")
    add.list(kitchen, "Invoices", [], ["Demolition", "Plumber, first visit"])

    words = add.page("Words: كلمات ומילים", tags=["Languages", "שפות"])
    add.note(words, "שלום", "‏מילה אחת בכל יום: סבלנות.", days_ago=2)
    add.note(words, "كلمة اليوم", "الصبر مفتاح الفرج", days_ago=1)
    add.list(words, "日本語", ["木漏れ日 – light through leaves", "積ん読 📖"], ["侘寂"])

    running = add.page("Running log", tags=["Health"])
    for week, kilometres in enumerate((21, 18, 25, 9, 30, 27), 1):
        add.note(running, f"Week {week}", f"{kilometres} km", days_ago=7 * (7 - week))

    parcels = add.page("Parcels")
    add.email(
        parcels, "Shipped: 1 × typewriter ribbon", "It will be with you on Friday.", days_ago=5
    )
    add.email(parcels, "", "     See attached.\n", days_ago=2)
    add.writeboard(parcels, "Complaint, second draft")

    letters = add.page("Unsent letters", tags=["Writing"])
    letters.description = "Begun here, finished on paper."
    add.separator(letters, "To the council")
    add.separator(letters, "To Tomás")

    choir = add.page("Choir in autumn 🎶", tags=["Music"], owner=yuki)
    choir.friends = [Friend(email_address=owner.email_address)]
    add.list(choir, "Rehearsals", ["First Monday", "Third Monday"])

    add.page("Yuki's own", owner=yuki)

    add.reminder("Renew the library card", timedelta(days=-3))
    add.reminder("Water the neighbours' tomatoes", timedelta(hours=-5), owner, tomas)
    add.reminder("Call the baker about the key", timedelta(hours=4))
    add.reminder("Dentist – bring the old X-ray", timedelta(days=2, minutes=30))
    add.reminder("Train to Lisbon leaves at 7:12 🚂", timedelta(days=20), owner, tomas, yuki)
    add.reminder("Sign the builder's contract", timedelta(days=6), tomas)

    for marked in (lisbon, add.tag("Home"), choir, shelf, add.tag("Long Scores")):
        add.bookmark(marked)
    add.bookmark(kitchen, by=tomas)
    add.status(owner, "Packing & unpacking", timedelta(minutes=20))
    add.status(tomas, "No train before noon 🚂", timedelta(hours=7))
    add.status(yuki, "練習中 – rehearsing", timedelta(days=1))
    _add_journal(add, [owner, tomas, owner, yuki, tomas])
    _add_calendars(add)
    _add_older_mails(add, parcels)


def _add_journal(add: SeedBuilder, people: list[User]) -> None:
    """Add 250 journal entries, one every five hours."""
    chores = [" ".join(words) for words in product(VERBS.split(), THINGS.split("\n"))]
    for number, (user, chore) in enumerate(zip(cycle(people), chores), 1):
        ago = timedelta(hours=5) * (len(chores) - number) + timedelta(minutes=10)
        add.journal_entry(user, f"{chore}, no. {number}", ago)


def _add_older_mails(add: SeedBuilder, parcels: Page) -> None:
    """Add older e-mails below the existing ones."""
    for days_ago, subject, body in (
        (31, "Your order", "1 × typewriter ribbon, black & red\n\nThank you, Nora!"),
        (24, "Re: Your order", "> black & red\n\nBlack only, sorry – is that all right?"),
        (20, "Customs: a question", "What is “a box of letters” worth?"),
        (9, "包裹", "小包が届きました 📦"),
    ):
        add.email(parcels, subject, body, days_ago=days_ago, separate_id=True)


def _add_calendars(add: SeedBuilder) -> None:
    home = add.calendar("Home & away", "c2452d")
    add.event(home, "Yuki's birthday", "-40")
    add.event(home, "Chimney sweep", "-2 08:00", remind=True, reminded_at=add.moment("-2 07:30"))
    add.event(home, "Dentist", "+2 17:00", "+2 17:45", remind=True, message="Bring the X-ray.")
    add.event(home, "Lisbon", "+20", "+29", message="Rua da Bica 41 – third floor")
    add.event(home, "Almeida & Brandt: the contract", "+6 15:30")
    choir = add.calendar("Choir 🎶", "3185c5")
    for week in range(12):
        day = f"{7 * week - 21:+}"
        add.event(choir, f"Rehearsal {week + 1}", f"{day} 18:00", f"{day} 20:30")
    add.event(choir, "Concert: Fauré, Requiem", "+70 19:00", remind=True, message="Dark clothes")


def _seed_nothing(
    session: Session, owner: User, now: datetime, token_factory: Callable[[], str]
) -> None:
    """Leave the account empty."""


Seed = Callable[[Session, User, datetime, Callable[[], str]], None]
"""Fills an account; takes its owner, the time, and a factory of tokens for calendars."""

SEEDS: dict[str, Seed] = {"demo": seed_demo, "empty": _seed_nothing}


def seed_named(name: str) -> Seed:
    """Return a seed by its name or file; raise ValueError for an unknown name."""
    if name in SEEDS:
        return SEEDS[name]
    if name.endswith(".xml") or Path(name).is_file():
        return partial(import_export, Path(name))
    raise ValueError(f"unknown seed {name!r}: use {', '.join(SEEDS)} or the path of an export")
