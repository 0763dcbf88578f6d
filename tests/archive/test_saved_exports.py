"""Exports that were saved years ago become snapshots."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import (
    ArchiveError,
    Connection,
    InvalidExport,
    NotInArchive,
    Page,
    User,
    ValidationError,
)
from backpack_orm.archive import Archive

SPRING = b"""<?xml version="1.0" encoding="UTF-8"?>
<user id="4" name="Ana" account="acme"><pages><page title="Lisbon" id="71">
<belongings><belonging id="9"><position>1</position><widget type="Note" id="301"/></belonging>
</belongings><tags><tag name="Travel" id="5"/></tags>
<lists><list name="Packing" id="401"><items><item completed="false" id="501" list_id="401">Socks
</item></items></list></lists>
<notes><note title="Bed" id="301" created_at="2009-03-01 10:00:00">Baixa<message id="8"
 created_at="2009-03-02 10:00:00">Fine</message></note></notes></page></pages>
<reminders><reminder remind_at="2009-04-02 09:05:00" id="81">Call</reminder></reminders></user>
"""
AUTUMN = SPRING.replace(b"Baixa", b"Alfama").replace(
    b"</pages>", b"<page title='Porto' id='72'/></pages>"
)
OLD = b"""<backpack username="Ana"><pages><page title="Lisbon" id="71" email_address="x@y">
<items><incomplete><item id="7">Key</item></incomplete></items><linked_pages>
<page id="72" title="Porto"/></linked_pages></page><page title="Porto" id="72"/></pages>
<reminders/></backpack>"""


LIST = b"<pages><page title='Lisbon' id='71'/></pages>"


def test_old_exports_become_dated_snapshots(archive: Archive, tmp_path: Path) -> None:
    for name, content, moment in (("a", SPRING, "2009-03-14"), ("b", AUTUMN, "2009-10-03")):
        file = tmp_path / f"{name}.xml"
        file.write_bytes(content)
        archive.add_export(file, taken_at=moment, timezone="Europe/Lisbon", host="acme.test")
    assert [each.taken_at.date() for each in archive.snapshots] == [
        date(2009, 3, 14),
        date(2009, 10, 3),
    ]
    assert archive.pages["Lisbon"].notes[0].body == "Alfama"
    assert archive.at("2009-06-01").notes[0].body == "Baixa"
    assert archive.verify()


def test_everything_in_an_export_can_be_read(archive: Archive) -> None:
    result = archive.add_export(SPRING, taken_at="2009-03-14")
    assert result.requests == 0
    assert result.added == {"page": 1, "note": 1, "list": 1, "item": 1, "reminder": 1, "message": 1}
    page = archive.pages["Lisbon"]
    assert page.lists[0].items[0].content == "Socks\n"
    assert page.notes[0].messages[0].body == "Fine"
    assert [tag.name for tag in archive.tags] == ["Travel"]
    assert archive.reminders[0].remind_at == datetime(2009, 4, 2, 9, 5)
    assert archive.reminders[0].content == "Call"
    assert list(page.emails) == []


def test_an_export_of_the_older_call_has_links_between_pages(archive: Archive) -> None:
    archive.add_export(OLD, taken_at="2007-01-01")
    page = archive.pages["Lisbon"]
    assert [each.title for each in page.linked_pages] == ["Porto"]
    assert [each.content for each in page.items] == ["Key"]
    assert "linked pages" not in {gap.what for gap in archive.newest.gaps}


def gaps(archive: Archive) -> dict[str, str]:
    return {gap.what: gap.reason for gap in archive.newest.gaps}


def test_an_export_has_the_gaps_of_a_sync_besides_its_own(
    archive: Archive, connection: Connection, tmp_path: Path
) -> None:
    synced = {gap.what for gap in archive.sync(connection).gaps}
    old = Archive(tmp_path / "old")
    old.add_export(User.me().export()._content, taken_at="2009-03-14")
    assert synced <= gaps(old).keys()
    assert gaps(old)["files"] == "the API does not serve files: 7 are known by name only"
    assert gaps(old)["writeboards"].endswith("2 are known by id only")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            SPRING.replace(b'"Note" id="301"', b'"Note" id="302"'),
            "notes, lists or files of page 71",
        ),
        (SPRING.replace(b'"Note" id="301"', b'"Email" id="9"'), "emails of page 71"),
        (SPRING.replace(b"Baixa", b"Baixa &amp;rarr; Alfama"), "typed entities"),
    ],
    ids=["note", "email", "entity"],
)
def test_what_an_export_leaves_out_of_a_page_is_a_gap(
    archive: Archive, content: bytes, what: str
) -> None:
    archive.add_export(SPRING, taken_at="2009-03-13")
    assert what not in gaps(archive)
    archive.add_export(content, taken_at="2009-03-14")
    assert what in gaps(archive)


@pytest.mark.parametrize("content", [SPRING[: SPRING.index(b"<reminders")] + b"</user>", LIST])
def test_reminders_are_a_gap_of_an_export_that_has_no_list_of_them(
    archive: Archive, content: bytes
) -> None:
    archive.add_export(content, taken_at="2009-03-14")
    with pytest.raises(NotInArchive) as gap:
        len(archive.reminders)
    assert str(gap.value).endswith("reminders: this export has no list of reminders")
    assert archive.verify()


def test_an_empty_list_of_reminders_is_no_gap(archive: Archive) -> None:
    archive.add_export(OLD, taken_at="2007-01-01")
    assert list(archive.reminders) == []


def test_the_error_names_the_gap_that_was_asked_for(archive: Archive) -> None:
    archive.add_export(SPRING, taken_at="2009-03-14")
    with pytest.raises(NotInArchive) as caught:
        archive.journal  # noqa: B018
    reason = "does not contain journal: exports contain pages and reminders only"
    assert str(caught.value).endswith(reason)


@pytest.mark.parametrize(
    "read",
    [
        lambda archive: archive.journal,
        lambda archive: archive.users,
        lambda archive: archive.statuses,
        lambda archive: archive.bookmarks,
        lambda archive: archive.calendars,
        lambda archive: archive.events,
        lambda archive: archive.pages[0].scope,
        lambda archive: list(archive.pages[0].linked_pages),
        lambda archive: User.me(using=archive.connection),
        lambda archive: archive.reminders[0].creator.name,
    ],
)
def test_what_exports_do_not_include_is_never_taken_for_empty(
    archive: Archive, read: Callable[[Archive], object]
) -> None:
    archive.add_export(SPRING, taken_at="2009-03-14")
    with pytest.raises(NotInArchive):
        read(archive)


def test_verify_finds_what_is_in_the_file_and_in_no_record(archive: Archive) -> None:
    stray = SPRING.replace(b"</notes>", b"</notes><note id='302' title='Out of its section'/>")
    archive.add_export(stray, taken_at="2009-03-14")
    (problem,) = archive.verify().problems
    assert problem.path == "log/000001.jsonl.gz"
    assert problem.reason == "export contains note 302, which no record shows"


def test_the_file_is_stored_byte_by_byte(archive: Archive, folder: Path) -> None:
    archive.add_export(SPRING, taken_at="2009-03-14")
    (stored,) = folder.glob("packs/*.gz")
    assert gzip.decompress(stored.read_bytes()) == SPRING


def test_the_same_export_again_adds_nothing(archive: Archive) -> None:
    archive.add_export(SPRING, taken_at="2009-03-14")
    assert not archive.add_export(SPRING, taken_at="2009-03-15").is_new
    assert len(archive.snapshots) == 1


def test_naive_times_are_in_the_zone_of_the_account(archive: Archive) -> None:
    archive.add_export(SPRING, taken_at="2009-03-14T10:00", timezone="Tokyo")
    assert archive.newest.taken_at == datetime(2009, 3, 14, 1, tzinfo=UTC)
    archive.add_export(AUTUMN, taken_at=datetime(2009, 10, 3, 10))
    assert archive.newest.taken_at == datetime(2009, 10, 3, 1, tzinfo=UTC)


def test_exports_are_added_from_the_oldest_to_the_newest(archive: Archive) -> None:
    archive.add_export(AUTUMN, taken_at="2009-10-03")
    with pytest.raises(ArchiveError, match="from the oldest to the newest"):
        archive.add_export(SPRING, taken_at="2009-03-14")
    assert archive.notes[0].body == "Alfama"


def test_a_sync_continues_an_archive_of_exports(archive: Archive, connection: Connection) -> None:
    export, clock = User.me().export(), archive._clock
    archive.add_export(export._content, taken_at="2026-09-01", host="127.0.0.1")
    result = archive.sync(connection)
    assert result.is_new
    assert {"page", "note", "item"}.isdisjoint(result.added)
    assert result.removed == {}
    assert result.added["journal"] == 250
    later = archive.add_export(export._content, taken_at=clock().date().replace(year=2027))
    assert later.removed == {}
    assert len(archive.journal) == 250


def test_an_export_of_another_account_is_refused(archive: Archive) -> None:
    archive.add_export(SPRING, taken_at="2009-03-14")
    for other in (SPRING.replace(b'"acme"', b'"other"'), SPRING.replace(b'id="4"', b'id="5"')):
        with pytest.raises(ArchiveError, match="use another folder"):
            archive.add_export(other, taken_at="2009-10-03")
    assert len(archive.snapshots) == 1


@pytest.mark.parametrize("step", ["reading the export", "comparing"])
def test_an_interruption_says_how_to_go_on(archive: Archive, folder: Path, step: str) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        archive.add_export(SPRING, taken_at="2009-03-14", progress=interrupt)
    assert caught.value.__notes__ == [f"{folder} is valid: add the export again"]
    assert archive.snapshots == []
    archive.add_export(SPRING, taken_at="2009-03-14")
    assert archive.verify()


BOMB = b"""<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<user id="4"><pages><page id="71" title="&b;"/></pages></user>"""
FILE = b"""<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<user id="4"><pages><page id="71" title="&f;"/></pages></user>"""
DEEP = b"<pages>" + b"<page id='1'>" * 5000 + b"</page>" * 5000 + b"</pages>"
DENSE = b"<pages>" + b"<page id='1'/>" * 9_000_000 + b"</pages>"


@pytest.mark.parametrize(
    ("content", "saying"),
    [
        (SPRING[:-40], "ends too early, after 615 bytes"),
        (SPRING[: len(SPRING) // 2], "ends too early"),
        (b"<user><pages></user>", "no well-formed XML"),
        (b"<pages/>", "contains no page and no reminder"),
        (b"", "is empty"),
        (b"<html><body>Log in</body></html>", "is HTML"),
        (b"<calendars/>", "was expected, not <calendars>"),
        (b"\x89PNG", "no well-formed XML"),
        (BOMB, "declares a document type|no well-formed XML"),
        (FILE, "declares a document type|no well-formed XML"),
        (DEEP, "no well-formed XML"),
    ],
    ids=[
        "truncated",
        "half",
        "unbalanced",
        "no page",
        "empty",
        "html",
        "other",
        "image",
        "bomb",
        "file",
        "deep",
    ],
)
def test_a_file_that_is_no_export_is_refused_by_name_and_nothing_is_stored(
    archive: Archive, folder: Path, tmp_path: Path, content: bytes, saying: str
) -> None:
    file = tmp_path / "export.xml"
    file.write_bytes(content)
    with pytest.raises(InvalidExport, match=f"export.xml .*({saying})") as caught:
        archive.add_export(file, taken_at="2009-03-14")
    assert "response" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.help_url.endswith("#invalid_export")
    assert not folder.exists()


def test_an_export_that_would_take_too_much_memory_is_refused(archive: Archive) -> None:
    with pytest.raises(InvalidExport, match="more elements and attributes than fit"):
        archive.add_export(DENSE, taken_at="2009-03-14")


ADD_AND_MEASURE = """
import re, sys
from pathlib import Path
from backpack_orm.archive import Archive

def memory(name):
    return int(re.search(name + r":\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

archive = Archive("backup")
Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
before = memory("VmRSS")
added = archive.add_export("export.xml", taken_at="2009-03-14").added
print(added["note"], archive.pages["Page 1000"].notes[9].title, memory("VmHWM") - before, sep=",")
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux measures the peak")
def test_an_export_of_100_megabytes_takes_a_small_multiple_of_its_size(tmp_path: Path) -> None:
    lines = "Rua da Rosa 7 &amp; *no* key, see &lt;b&gt;the baker&lt;/b&gt;.\n" * 170
    with (tmp_path / "export.xml").open("w", encoding="utf-8") as file:
        file.write('<user id="4" name="Ana" account="acme"><pages>')
        for id in range(1, 1001):
            file.write(f'<page title="Page {id}" id="{id}"><notes>')
            for n in range(10):
                file.write(f'<note title="Note {n}" id="{id}0{n}">{n}: {lines}</note>')
            file.write("</notes></page>")
        file.write("</pages><reminders></reminders></user>")
    size = (tmp_path / "export.xml").stat().st_size
    assert size > 100_000_000
    output = subprocess.check_output(
        [sys.executable, "-c", ADD_AND_MEASURE], cwd=tmp_path, text=True
    )
    notes, title, peak = output.split(",")
    assert (notes, title) == ("10000", "Note 9")
    assert int(peak) < 8 * size


def test_a_missing_file_and_wrong_arguments_are_refused(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        archive.add_export(tmp_path / "no.xml", taken_at="2009-03-14")
    wrong: list[dict[str, Any]] = [
        {"source": 5, "taken_at": "2009-03-14"},
        {"source": SPRING, "taken_at": "in spring"},
        {"source": SPRING, "taken_at": 5},
        {"source": SPRING, "taken_at": "2009-03-14", "timezone": "Atlantis"},
    ]
    for arguments in wrong:
        with pytest.raises(ValidationError):
            archive.add_export(**arguments)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "windows-1252"])
def test_exports_in_other_encodings_are_read(archive: Archive, encoding: str) -> None:
    text = SPRING.decode().replace("UTF-8", encoding).replace("Baixa", "Sé, Graça")
    archive.add_export(text.encode(encoding), taken_at="2009-03-14")
    assert archive.notes[0].body.startswith("Sé, Graça")
    assert archive.verify()


def test_an_export_in_an_encoding_that_an_archive_cannot_read_creates_none(
    archive: Archive, folder: Path
) -> None:
    content = SPRING.decode().replace("UTF-8", "koi8-r").encode()
    message = "the export cannot be stored: it has the encoding 'koi8-r', which is not supported"
    with pytest.raises(InvalidExport, match=message):
        archive.add_export(content, taken_at="2009-03-14")
    assert not folder.exists()


def test_a_single_page_show_is_an_export_of_one_page(archive: Archive) -> None:
    content = b"<response success='true'><page id='71' title='Lisbon'/></response>"
    archive.add_export(content, taken_at="2009-03-14")
    assert [page.title for page in archive.pages] == ["Lisbon"]
    assert list(archive.pages[0].notes) == []
    assert Page.find(71, using=archive.connection).title == "Lisbon"
