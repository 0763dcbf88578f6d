"""How an account begins: empty, with what a person keeps in it, or as an export has it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle, product
from pathlib import Path

from sqlalchemy.orm import Session

from .accounts import add_user
from .exported import plant_export
from .models import Friend, Page, User
from .planting import Planter

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


def plant_demo(
    session: Session, owner: User, now: datetime, token_factory: Callable[[], str]
) -> None:
    """The pages of Nora Whitfield, who plans more than she can do, and her reminders."""
    account = owner.account
    owner.name, owner.email_address = "Nora Whitfield", f"nora@{account.name}.example"
    owner.time_zone = "Pacific Time (US & Canada)"
    tomas = add_user(session, account, "Tomás Leite", now=now, time_zone="Lisbon")
    yuki = add_user(session, account, "Yuki 由紀", now=now, time_zone="Tokyo")
    plant = Planter(session, owner, now, token_factory)

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

    for marked in (lisbon, plant.tag("Home"), choir, shelf, plant.tag("Long Scores")):
        plant.bookmark(marked)
    plant.bookmark(kitchen, by=tomas)
    plant.status(owner, "Packing & unpacking", timedelta(minutes=20))
    plant.status(tomas, "No train before noon 🚂", timedelta(hours=7))
    plant.status(yuki, "練習中 – rehearsing", timedelta(days=1))
    _plant_journal(plant, [owner, tomas, owner, yuki, tomas])
    _plant_calendars(plant)
    _plant_older_mails(plant, parcels)


def _plant_journal(plant: Planter, people: list[User]) -> None:
    """250 entries, the oldest first, one every five hours."""
    chores = [" ".join(words) for words in product(VERBS.split(), THINGS.split("\n"))]
    for number, (user, chore) in enumerate(zip(cycle(people), chores), 1):
        ago = timedelta(hours=5) * (len(chores) - number) + timedelta(minutes=10)
        plant.journal_entry(user, f"{chore}, no. {number}", ago)


def _plant_older_mails(plant: Planter, parcels: Page) -> None:
    """Mails about parcels, below those that are there, the oldest first."""
    for days_ago, subject, body in (
        (31, "Your order", "1 × typewriter ribbon, black & red\n\nThank you, Nora!"),
        (24, "Re: Your order", "> black & red\n\nBlack only, sorry – is that all right?"),
        (20, "Customs: a question", "What is “a box of letters” worth?"),
        (9, "包裹", "小包が届きました 📦"),
    ):
        plant.email(parcels, subject, body, days_ago=days_ago, aside=True)


def _plant_calendars(plant: Planter) -> None:
    home = plant.calendar("Home & away", "c2452d")
    plant.event(home, "Yuki's birthday", "-40")
    plant.event(
        home, "Chimney sweep", "-2 08:00", remind=True, reminded_at=plant.moment("-2 07:30")
    )
    plant.event(home, "Dentist", "+2 17:00", "+2 17:45", remind=True, message="Bring the X-ray.")
    plant.event(home, "Lisbon", "+20", "+29", message="Rua da Bica 41 – third floor")
    plant.event(home, "Almeida & Brandt: the contract", "+6 15:30")
    choir = plant.calendar("Choir 🎶", "3185c5")
    for week in range(12):
        day = f"{7 * week - 21:+}"
        plant.event(choir, f"Rehearsal {week + 1}", f"{day} 18:00", f"{day} 20:30")
    plant.event(choir, "Concert: Fauré, Requiem", "+70 19:00", remind=True, message="Dark clothes")


def _nothing(
    session: Session, owner: User, now: datetime, token_factory: Callable[[], str]
) -> None:
    """Leave the account as it was opened."""


Seed = Callable[[Session, User, datetime, Callable[[], str]], None]
"""Fills an account: gets its owner, the time, and what returns tokens for calendars."""

SEEDS: dict[str, Seed] = {"demo": plant_demo, "empty": _nothing}


def seed_named(name: str) -> Seed:
    """A seed by its name, or one that is read from a file; raises ValueError for any other."""
    if name in SEEDS:
        return SEEDS[name]
    if name.endswith(".xml") or Path(name).is_file():
        return partial(plant_export, Path(name))
    raise ValueError(f"unknown seed {name!r}: there are {', '.join(SEEDS)}, and exports in files")
