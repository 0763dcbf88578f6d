"""A whole account, made through the mapper, exported, and loaded into another sandbox."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from backpack_orm import Connection, Export, Model, Page, Reminder, Separator, User, using
from backpack_orm.sandbox import Sandbox

PAGES = 60
START = datetime(2031, 3, 1, 9, 0, tzinfo=UTC)
TEXTS = (
    "",
    "R & D <b>",
    " The Green Mile ",
    "one\n\n    two\n",
    "\n  indented\n  alike\n",
    "&rarr; &amp; &#8211;",
    "كلمات 🎶 “q”",
    "ends in a return\r\n",
    "tab\there",
)
# What the API can only show: galleries, files, writeboards, comments, widgets not known yet, and
# items of a page itself.
SEED = """\
<user id="17" name="Ana Sousa"><pages><page title="Old" id="71" email_address="ab12@x.example">
<description>h1. From before</description>
<items><item completed="false" id="511">Key<message id="7">Which?</message></item></items>
<belongings>
<belonging id="901"><position>1</position><widget type="Gallery" id="601"/></belonging>
<belonging id="902"><position>2</position><widget type="Asset" id="608"/></belonging>
<belonging id="903"><position>3</position><widget type="WriteboardLink" id="9"/></belonging>
<belonging id="904"><position>4</position><widget type="Poll" id="12"/></belonging>
<belonging id="905"><position>5</position><widget type="Note" id="301"/></belonging></belongings>
<notes><note title="Hm" id="301" created_at="2007-05-14 16:39:02">So<message id="8">No</message>
</note></notes><galleries><gallery name="Porto" id="601"><images><image gallery_id="601"
file_name="a.jpg" id="602" description="A &amp; B"/></images></gallery></galleries>
<attachments><attachment file_name="plan.pdf" id="608"/></attachments></page></pages>
<reminders><reminder remind_at="2007-04-01 09:00:00" id="91">Long ago</reminder></reminders></user>
"""


def fill(box: Sandbox) -> None:
    """Put everything that the API can make onto sixty pages."""
    dice = random.Random(60)
    pages = list(Page.all())
    while len(pages) < PAGES:
        page = Page.create(title=dice.choice(TEXTS) or f"Page {len(pages)}")
        fill_page(page, dice)
        if dice.random() < 0.3:
            page.link(dice.choice(pages))
        if dice.random() < 0.2:
            box.deliver_email(page.id, subject=dice.choice(TEXTS), body=dice.choice(TEXTS))
        if page.belongings and dice.random() < 0.5:
            order = list(page.belongings)
            dice.shuffle(order)
            page.reorder(order)
        pages.append(page)
    pages[5].duplicate().record.destroy()
    for hour in range(5):
        at = datetime(2031, 6, 1, hour, 5)
        Reminder.create(content=f"Write & send {hour}", remind_at=at, remindees=[User.me()])


def fill_page(page: Page, dice: random.Random) -> None:
    for _ in range(dice.randrange(3)):
        page.notes.create(title=dice.choice(TEXTS), body=dice.choice(TEXTS))
    for _ in range(dice.randrange(3)):
        made = page.lists.create(name=dice.choice(TEXTS))
        for _ in range(dice.randrange(4)):
            text, done = dice.choice(TEXTS).rstrip() or "Socks", dice.random() < 0.3
            item = made.items.create(content=text, completed=done)
            if dice.random() < 0.3:
                item.move_to_top()
    if dice.random() < 0.4:
        Separator.create(page=page, name=dice.choice(TEXTS))
    if dice.random() < 0.4:
        page.tags = dice.sample(["Travel", "Long Scores", "R&D", "café"], 2)
        page.save()
    if dice.random() < 0.3:
        page.description = dice.choice(TEXTS)
        page.save()


def values_of(records: Iterable[Model]) -> list[dict[str, Any]]:
    """Everything but which pages a page links to, which the export of a user omits."""
    every = [record.to_dict() for record in records]
    for each in every:
        each.pop("linked_pages", None)
    return every


def read_all() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All pages and reminders as plain values."""
    pages = Page.all(load="pages")
    for page in pages:
        list(page.emails)
    return values_of(pages), values_of(Reminder.all())


def exported(connection: Connection) -> bytes:
    """The bytes of one's export."""
    return connection.call(User._export, (User.me().id,), read=lambda response: response.content)


def test_it_is_the_same_field_by_field_and_byte_by_byte(tmp_path: Path) -> None:
    seed, saved = tmp_path / "seed.xml", tmp_path / "export.xml"
    seed.write_text(SEED, "utf-8")
    steps = count()
    with (
        Sandbox(
            seed=str(seed),
            token="the-first-of-two-tokens",
            clock=lambda: START + timedelta(seconds=37 * next(steps)),
        ) as box,
        Connection(box.url, token=box.token, limits=None) as connection,
        using(connection),
    ):
        fill(box)
        before, export = read_all(), User.me().export()
        saved.write_bytes(exported(connection))
    assert len(before[0]) == PAGES

    with (
        Sandbox(
            seed=str(saved),
            token="the-second-of-two-tokens",
            clock=lambda: START + timedelta(days=1),
        ) as box,
        Connection(box.url, token=box.token, limits=None) as connection,
        using(connection),
    ):
        assert read_all() == before
        again = User.me().export()
        assert values_of(again.pages) == values_of(export.pages)
        assert values_of(again.reminders) == values_of(export.reminders)
        assert exported(connection) == saved.read_bytes()

    offline = Export.read(saved)
    for read, live in zip(values_of(offline.pages), values_of(export.pages), strict=True):
        assert {name: read[name] for name in live} == live
        assert read.keys() - live.keys() <= {"emails", "linked_pages"}, "a file has no more"
    assert offline.pages[0].notes[0].messages[0].body == "No"
    assert offline.pages[0].items[0].messages[0].body == "Which?"
