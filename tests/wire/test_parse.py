"""Responses to records, on literal bytes: strict, and in both dialects alike."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.errors import InvalidResponse
from backpack_orm.wire import documents, parse, values
from backpack_orm.wire.shapes import MISSING, Column, PartialRecord, Response, Section, Shape

TAG = Shape("tag", (Column("id", values.INTEGER), Column("name", values.TEXT)))
NOTE = Shape(
    "note",
    (
        Column("id", values.INTEGER),
        Column("title", values.TEXT),
        Column("body", values.TEXT, is_text=True),
        Column("created_at", values.TIME),
    ),
)
PAGE = Shape(
    "page",
    (
        Column("id", values.INTEGER),
        Column("kind", values.TEXT, inside="widget"),
        Section("tags/tag", TAG),
        None,
        Section("tag", TAG),
        Section("owner", Shape("owner", (Column("id", values.INTEGER),)), is_single=True),
    ),
)


def tag(content: bytes) -> tuple[int, str] | None:
    return parse.one(TAG)(Response(200, content))


def note(content: bytes) -> tuple[Any, ...]:
    found: tuple[Any, ...] = parse.one(NOTE)(Response(200, content))
    return found


def body(text: bytes) -> str:
    return str(note(b"<note id='1' title=''>" + text + b"</note>")[2])


# --- documents --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"<tag id='5' name='Travel'/>",
        b'<tag name="Travel" id="5"></tag>',
        b"<?xml version='1.0'?><tag id='5' name='Travel'/>",
        b'<?xml version="1.0" encoding="UTF-8"?>\n<tag id="5" name="Travel"/>\n',
        b'<?xml version="1.0" encoding="UTF-8"?><response success="true">'
        b'<tag id="5" name="Travel"/></response>',
        b"<response success='true'>\n  <tag id='5'\n  name='Travel' />\n</response>",
        b"\xef\xbb\xbf<tag id='5' name='Travel'/>",
        b"\n <tag id='5' name='Travel'/>",
        b"<tag id='5' name='Travel' color='red'><extra><deep/></extra></tag>",
        b"<!-- first --><tag id='5' name='Travel'><!-- inside --></tag><!-- last -->",
        b"<?target data?><tag id='5' name='Travel'/>",
        b"<tag><id type='integer'>5</id><name>Travel</name></tag>",
        b"<tag><name type='string'>Travel</name><id>5</id></tag>",
        b"<tag id='5'><name>Travel</name></tag>",
        b"<response><other/><tag id='5' name='Travel'/><others/></response>",
    ],
)
def test_every_spelling_of_a_record_is_the_same_record(content: bytes) -> None:
    assert tag(content) == (5, "Travel")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the response is empty"),
        (b" \r\n\t", "the response is empty"),
        (b"<!DOCTYPE html><html><body/></html>", "the response is HTML"),
        (b"<!doctype HTML PUBLIC '-//W3C'><p>", "the response is HTML"),
        (b"\n <HTML><body><br></body></HTML>", "the response is HTML"),
        (b"<html><head/></html>", "the response is HTML"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'/>", "the response is HTML"),
        (b"<tags><tag id='5' name='a'/>", "no well-formed XML"),
        (b"<tag id='5' name='Trav", "no well-formed XML"),
        (b"<tag id='5'><name>a</tag>", "no well-formed XML"),
        (b"<tag id=5/>", "no well-formed XML"),
        (b"<tag id='5' id='5'/>", "no well-formed XML"),
        (b"<tag id='5' name='a'/><tag id='6' name='b'/>", "one <tag> was expected, not 2"),
        (
            b"<response><tag id='5' name='a'/><tag id='6' name='b'/></response>",
            "one <tag> was expected, not 2",
        ),
        (b"<tag id='5' name='a'/>and more", "no well-formed XML"),
        (b"<tag id='5' name='a'/><tag id='6'", "no well-formed XML"),
        (b"<tag id='5' name='a'/><html/>", "HTML"),
        (b"<tag id='5' name='a'/>rest", "no well-formed XML"),
        (b"not found", "no well-formed XML"),
        (b'{"id": 5}', "no well-formed XML"),
        (b"<?xml version='1.0'?>", "no well-formed XML"),
        (b" <?xml version='1.0'?><tag/>", "no well-formed XML"),
        (b"<tag id='5' name='\xff'/>", "no well-formed XML"),
        (b"<tag id='5' name='a\x00'/>", "no well-formed XML"),
        (b"<tag id='5' name='&#7;'/>", "no well-formed XML"),
        (b"<tag id='5' name='&nbsp;'/>", "no well-formed XML"),
        (b"<tag id='5'><name>&rarr;</name></tag>", "no well-formed XML"),
        (b"<?xml version='1.0' encoding='x-none'?><tag/>", "no well-formed XML"),
        (b"<tag>" * 300 + b"</tag>" * 300, "no well-formed XML"),
        (b"<!DOCTYPE tag><tag id='5' name='a'/>", "declares a document type"),
        (b"<!DOCTYPE tag [<!ENTITY a 'b'>]><tag id='5' name='a'/>", "declares a document type"),
        (b"<!DOCTYPE tag [<!ENTITY a 'b'>]><tag id='5' name='&a;'/>", "declares a document type"),
        (
            b"<!DOCTYPE tag [<!ENTITY a 'b'>]><tag id='5'><name>&a;</name></tag>",
            "declares a document type",
        ),
        (
            b"<!DOCTYPE tag [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
            b"<tag id='5'><name>&a;</name></tag>",
            "declares a document type",
        ),
    ],
)
def test_what_is_no_plain_xml_is_an_invalid_response(content: bytes, message: str) -> None:
    with pytest.raises(InvalidResponse, match=message):
        tag(content)


def test_a_billion_laughs_are_not_laughed() -> None:
    entities = b"".join(b"<!ENTITY l%d '%s'>" % (n + 1, b"&l%d;" % n * 10) for n in range(9))
    bomb = b"<!DOCTYPE tag [<!ENTITY l0 'ha'>" + entities + b"]><tag id='5' name='&l9;'/>"
    with pytest.raises(InvalidResponse):
        tag(bomb)


@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE tag SYSTEM '{trap}'><tag id='5' name='a'/>",
        "<!DOCTYPE tag PUBLIC '-//x' '{trap}'><tag id='5' name='a'/>",
        "<!DOCTYPE tag [<!ENTITY a SYSTEM '{trap}'>]><tag id='5'><name>&a;</name></tag>",
        "<!DOCTYPE tag [<!ENTITY % a SYSTEM '{trap}'> %a;]><tag id='5' name='a'/>",
    ],
)
def test_no_file_that_a_response_names_is_opened(tmp_path: Path, document: str) -> None:
    trap = tmp_path / "trap"
    os.mkfifo(trap)  # opening it to read blocks until there is a writer
    content = document.format(trap=trap.as_uri()).encode()
    outcomes: list[Exception] = []

    def read() -> None:
        try:
            tag(content)
        except InvalidResponse as error:
            outcomes.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(30)
    assert [str(outcome) for outcome in outcomes] == ["the response declares a document type"]


def test_a_text_longer_than_any_real_one_is_refused() -> None:
    with pytest.raises(InvalidResponse, match="no well-formed XML"):
        body(b"x" * 10_000_001)


def test_documents_are_parsed_in_any_thread() -> None:
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(tag(b"<tag id='5' name='a'/>")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(5, "a")] * 8


def test_an_excerpt_is_the_beginning() -> None:
    assert documents.excerpt(b"x" * 200) == "x" * 200
    assert documents.excerpt(b"x" * 201) == "x" * 200 + "…"


def test_an_excerpt_of_what_is_no_text_is_text() -> None:
    assert documents.excerpt(b"a\xffb") == "a\ufffdb"


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (
            b"<response success='false'><error code='404'>Record not found</error></response>",
            404,
            "Record not found",
        ),
        (
            b"<response success='false'><error code='404'>Record not found</item></response>",
            404,
            "Record not found",
        ),
        (
            b'<?xml version="1.0" encoding="UTF-8"?>\n<response success="false">\n'
            b'  <error code="500">\n    Internal error\n  </error>\n</response>',
            500,
            "Internal error",
        ),
        (b"<response  version='2' success = 'false' ><error code='403'>No", 403, "No"),
        (
            b"<response success='false'><error type='x' code='422'>Past</error></response>",
            422,
            "Past",
        ),
        (
            "<response success='false'><error code='404'>não</error></response>".encode(),
            404,
            "não",
        ),
        (b"<response success='false'></response>", 500, "the service states no reason"),
        (b"<response success='false'/>", 500, "the service states no reason"),
        (
            b"<response success='false'><error>oh</error></response>",
            500,
            "the service states no reason",
        ),
    ],
)
def test_a_failure_is_read_even_when_malformed(content: bytes, code: int, message: str) -> None:
    assert documents.failure(content) == (code, message)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<response success='true'></response>",
        b"<response></response>",
        b"<error code='404'>Record not found</error>",
        b"<response success='true'><error code='404'>x</error></response>",
        b"<note id='1' title=\"success='false'\"><body>success='false'</body></note>",
        b"<response success='true'><note id='1'>&lt;response success='false'></note></response>",
        b"<responses success='false'/>",
        b"not found",
    ],
)
def test_a_body_without_the_mark_is_no_failure(content: bytes) -> None:
    assert documents.failure(content) is None


# --- records ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"<note id='3' title='Hotel' created_at='2011-03-26 19:15:55'>Rua</note>",
        b"<note id='3' title='Hotel' created-at='2011-03-26 19:15:55'>Rua</note>",
        b"<note><id>3</id><title>Hotel</title><body>Rua</body>"
        b"<created_at>2011-03-26 19:15:55</created_at></note>",
        b"<note>\n  <id type='integer'>3</id>\n  <body>Rua</body>\n  <title>Hotel</title>\n"
        b"  <created-at type='datetime'>2011-03-26 19:15:55</created-at>\n</note>",
        b"<note id='3' created-at='2011-03-26 19:15:55'>Rua<title>Hotel</title></note>",
    ],
)
def test_a_value_may_be_an_attribute_or_a_child_with_dashes_or_underscores(content: bytes) -> None:
    assert note(content) == (3, "Hotel", "Rua", datetime(2011, 3, 26, 19, 15, 55))


def test_a_container_and_its_elements_may_have_dashes() -> None:
    entry = Shape("journal_entry", (Column("id", values.INTEGER),))
    content = b"<journal-entries type='array'><journal-entry><id>1</id></journal-entry>"
    read = parse.many(entry, "journal_entries")
    assert read(Response(200, content + b"</journal-entries>")) == ((1,),)


def test_a_root_may_have_dashes() -> None:
    entry = Shape("journal_entry", (Column("id", values.INTEGER),))
    assert parse.one(entry)(Response(200, b"<journal-entry><id>1</id></journal-entry>")) == (1,)


def test_a_section_may_have_dashes() -> None:
    shape = Shape("page", (Section("linked_pages/linked_page", TAG),))
    content = b"<page><linked-pages><linked-page id='5' name='a'/></linked-pages></page>"
    assert parse.one(shape)(Response(200, content)) == (((5, "a"),),)


@pytest.mark.parametrize(
    "content",
    [
        b"<note id='3'/>",
        b"<note id='3' title='' created_at=''></note>",
        b"<note><id>3</id><title/><body/><created-at/></note>",
        b"<note><id>3</id><title nil='true'/><body nil='true'></body>"
        b"<created-at type='datetime' nil='true'></created-at></note>",
        b"<note><id>3</id><created-at nil='true'>garbage</created-at></note>",
    ],
)
def test_what_is_absent_empty_or_nil_has_no_value(content: bytes) -> None:
    assert note(content) == (3, "", "", None)


@pytest.mark.parametrize("empty", [b"<flag/>", b"<flag nil='true'/>", b""])
def test_a_boolean_that_is_absent_is_none_and_not_false(empty: bytes) -> None:
    shape = Shape("user", (Column("flag", values.BOOLEAN),))
    assert parse.one(shape)(Response(200, b"<user>" + empty + b"</user>")) == (None,)


def test_a_false_value_is_no_absent_one() -> None:
    shape = Shape("user", (Column("flag", values.BOOLEAN), Column("count", values.INTEGER)))
    assert parse.one(shape)(Response(200, b"<user flag='0'><count>0</count></user>")) == (False, 0)


def test_a_nil_that_is_not_true_is_no_nil() -> None:
    assert tag(b"<tag><id>5</id><name nil='false'>Travel</name></tag>") == (5, "Travel")


def test_an_attribute_wins_over_a_child() -> None:
    assert tag(b"<tag id='5' name='outer'><id>6</id><name>inner</name></tag>") == (5, "outer")


@pytest.mark.parametrize("around", [b"\n  ", b" ", b"\t", b"\r\n"])
@pytest.mark.parametrize(
    ("child", "text"),
    [(b"<body>inside</body>", "inside"), (b"<body/>", ""), (b"<body> </body>", " ")],
)
def test_a_child_wins_over_the_blanks_around_it(around: bytes, child: bytes, text: str) -> None:
    assert note(b"<note id='1'>" + around + child + around + b"</note>")[2] == text


def test_a_child_of_another_name_leaves_the_text_alone() -> None:
    assert note(b"<note id='1'>text<message id='9'>a comment</message></note>")[2] == "text"


def test_of_several_children_of_one_name_the_first_counts() -> None:
    content = b"""<page id='1'><widget kind='Note'/><widget kind='List'/>
        <tags><tag id='5' name='Travel'/></tags><tags><tag id='6' name='Music'/></tags></page>"""
    assert parse.one(PAGE)(Response(200, content))[:3] == (1, "Note", ((5, "Travel"),))


def test_text_behind_a_child_is_not_lost() -> None:
    content = b"<note id='1'>one &amp; <message id='9'>a comment</message>two<message/></note>"
    assert note(content)[2] == "one & two"


def test_the_white_space_around_a_comment_is_part_of_the_text() -> None:
    content = b"<note id='1'>\n    text\n    <message id='9'>a comment</message>\n  </note>"
    assert note(content)[2] == "\n    text\n    \n  "


def test_a_blank_text_before_a_comment_is_preserved() -> None:
    assert note(b"<note id='1'>\n \n<message id='9'>a comment</message></note>")[2] == "\n \n"


def test_the_white_space_between_the_values_of_a_record_is_no_text() -> None:
    content = b"<note>\n  <id>1</id>\n  <created-at>2011-03-26 19:15:55</created-at>\n</note>"
    assert not note(content)[2]


def test_a_grandchild_is_no_value_of_the_record() -> None:
    assert tag(b"<tag id='5'><extra><name>deep</name></extra></tag>") == (5, "")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"R &amp; D", "R & D"),
        (b"&lt;b&gt;&quot;&apos;", "<b>\"'"),
        (b"&#8211;&#x2013;", "\u2013\u2013"),
        (b"&#128512;", "\U0001f600"),
        (b"&amp;rarr; &amp;#8211;", "&rarr; &#8211;"),
        ("Zürich".encode(), "Zürich"),
        (b"<![CDATA[<b> & </b>]]>", "<b> & </b>"),
        (b"one<!-- two -->three", "onethree"),
        (b"one<?two?>three", "onethree"),
        (b"a\r\nb\rc&#13;", "a\nb\nc\r"),
        (b"The Green Mile ", "The Green Mile "),
        (b"\n     Dear all,\nit rains\n", "\n     Dear all,\nit rains\n"),
        (b"\n        Flight at nine.\n      ", "\n        Flight at nine.\n      "),
        (b"\n \n", "\n \n"),
    ],
)
def test_a_text_is_read_to_the_letter(written: bytes, text: str) -> None:
    assert body(written) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"R&amp;D", "R&D"),
        (b"&#8211;", "\u2013"),
        (b"&amp;rarr;", "&rarr;"),
        (b"&lt;&gt;&quot;&apos;", "<>\"'"),
        (b"&#10;", "\n"),
        (b" a ", " a "),
    ],
)
def test_an_attribute_is_read_to_the_letter(written: bytes, text: str) -> None:
    assert tag(b"<tag id='5' name='" + written + b"'/>") == (5, text)


def test_a_response_in_another_encoding_is_read() -> None:
    content = "<?xml version='1.0' encoding='ISO-8859-1'?><tag id='5' name='Zürich'/>"
    assert tag(content.encode("latin-1")) == (5, "Zürich")


@pytest.mark.parametrize(
    "content",
    [b"<tag name='a'/>", b"<tag id='' name='a'/>", b"<tag><id nil='true'/></tag>", b"<tag/>"],
)
def test_a_record_without_an_id_is_an_invalid_response(content: bytes) -> None:
    with pytest.raises(InvalidResponse, match="a value in <tag> cannot be read"):
        tag(content)


@pytest.mark.parametrize("id", [b"x", b"5.0", b"0x5"])
def test_an_id_that_is_no_number_is_an_invalid_response(id: bytes) -> None:
    with pytest.raises(InvalidResponse, match="invalid literal for int"):
        tag(b"<tag id='" + id + b"'/>")


@pytest.mark.parametrize(
    "time",
    [
        "2011-03-26 19:15:55",
        "2011-03-26 19:15",
        "2011-03-26T19:15:55",
        "2011-03-26T19:15",
        "2011-03-26T19:15:55Z",
        "2011-03-26 19:15:55Z",
    ],
)
def test_a_time_in_a_record_is_read_like_any_other(time: str) -> None:
    read, alone = note(f"<note id='1' created_at='{time}'/>".encode())[3], values.load_time(time)
    assert (read, read.tzinfo) == (alone, alone.tzinfo)


@pytest.mark.parametrize(
    "time",
    [
        b"yesterday",
        b"2011-13-01 00:00:00",
        b"2011-03-26",
        b"2011-03-26 19:15:5",
        b"2011-03-26 19:15:55+02:00",
        b"2011-03-26 19:15:55.5",
        b"2011-03-26x19:15:55",
    ],
)
def test_a_time_that_cannot_be_read_is_an_invalid_response(time: bytes) -> None:
    with pytest.raises(InvalidResponse, match="a value in <note> cannot be read"):
        note(b"<note id='1' created_at='" + time + b"'/>")


def test_one_bad_record_spoils_the_whole_list() -> None:
    content = b"<tags><tag id='5' name='a'/><tag id='x' name='b'/></tags>"
    with pytest.raises(InvalidResponse, match="a value in <tags> cannot be read"):
        parse.many(TAG, "tags")(Response(200, content))


def test_a_time_with_a_zone_is_in_utc() -> None:
    content = b"<note><id>1</id><created-at>2006-10-06T00:00</created-at></note>"
    assert note(content)[3] == datetime(2006, 10, 6, tzinfo=UTC)


# --- lists and sections -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"<tags/>",
        b"<tags type='array'></tags>",
        b"<response success='true'><tags>\n</tags></response>",
        b"<tags><other id='5'/></tags>",
    ],
)
def test_a_list_may_be_empty(content: bytes) -> None:
    assert parse.many(TAG, "tags")(Response(200, content)) == ()


def test_a_list_keeps_the_order_served() -> None:
    content = b"<tags><tag id='9' name='b'/><!-- x --><other/><tag id='5' name='a'/></tags>"
    assert parse.many(TAG, "tags")(Response(200, content)) == ((9, "b"), (5, "a"))


@pytest.mark.parametrize(
    "content",
    [
        b"<pages/>",
        b"<tag id='5' name='a'/>",
        b"<response success='true'></response>",
        b"<response success='true'><deep><tags/></deep></response>",
        b"<wrapper><tags/></wrapper>",
    ],
)
def test_a_list_under_another_name_is_an_invalid_response(content: bytes) -> None:
    with pytest.raises(InvalidResponse, match=r"^<tags> was expected, not <"):
        parse.many(TAG, "tags")(Response(200, content))


@pytest.mark.parametrize(
    "content", [b"<tags/>", b"<response/>", b"<request><tag id='5'/></request>"]
)
def test_a_record_under_another_name_is_an_invalid_response(content: bytes) -> None:
    with pytest.raises(InvalidResponse, match=r"^<tag> was expected, not <"):
        tag(content)


def test_sections_that_are_left_out_are_empty_and_what_cannot_be_known_is_missing() -> None:
    assert parse.one(PAGE)(Response(200, b"<page id='7'/>")) == (7, "", (), MISSING, (), None)


def test_sections_are_records_inside_the_record() -> None:
    content = (
        b"<page id='7'><widget kind='Note'/><owner id='1'/><tag id='3' name='own'/>"
        b"<tags><tag id='5' name='a'/><tag id='6' name='b'/></tags></page>"
    )
    assert parse.one(PAGE)(Response(200, content)) == (
        7,
        "Note",
        ((5, "a"), (6, "b")),
        MISSING,
        ((3, "own"),),
        (1,),
    )


def test_a_value_inside_a_child_may_be_a_child_itself() -> None:
    assert (
        parse.one(PAGE)(Response(200, b"<page id='7'><widget><kind>List</kind></widget></page>"))[1]
        == "List"
    )


def test_missing_stays_itself_in_copies_and_pickles() -> None:
    assert copy.deepcopy(MISSING) is MISSING
    assert pickle.loads(pickle.dumps(MISSING)) is MISSING


def test_a_record_is_nothing_to_the_garbage_collector() -> None:
    shape = Shape("tag", (Column("id", values.INTEGER), None))
    record = parse.one(shape)(Response(200, b"<tag id='5' name='Travel'/>"))
    assert record == (5, MISSING)
    gc.collect()
    assert not gc.is_tracked(record)


# --- responses without data -------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b'<?xml version="1.0" encoding="UTF-8"?><response success="true"></response>',
        b"<response success='true'/>\n",
        b"<response/>",
    ],
)
def test_the_empty_success_is_taken(content: bytes) -> None:
    parse.success(Response(200, content))


@pytest.mark.parametrize("content", [b"", b"<page/>", b"ok", b"<html/>", b"<response>"])
def test_anything_but_the_empty_success_is_an_invalid_response(content: bytes) -> None:
    with pytest.raises(InvalidResponse):
        parse.success(Response(200, content))


@pytest.mark.parametrize("content", [b"", b" ", b"<page/>", b"<response/>"])
def test_where_the_status_suffices_any_body_of_the_services_is_taken(content: bytes) -> None:
    parse.anything(Response(204, content))


@pytest.mark.parametrize(
    "content",
    [b"<!DOCTYPE html><title>Welcome</title>", b"<html><body/></html>", b"<response", b"Welcome"],
)
def test_where_the_status_suffices_a_page_from_elsewhere_is_not_taken(content: bytes) -> None:
    with pytest.raises(InvalidResponse):
        parse.anything(Response(200, content))


@pytest.mark.parametrize(
    ("location", "id"),
    [
        ("/reminders/81", 81),
        ("/pages/7/separators/81.xml", 81),
        ("https://acme.backpackit.com/calendar_events/81", 81),
        ("http://acme.backpackit.com/journal-entries/81/", 81),
        (None, None),
        ("", None),
        ("/reminders", None),
        ("/reminders/81/edit", None),
        ("/reminders/x81", None),
        ("/reminders/81.json", None),
        ("/reminders/" + "9" * 5000, None),
    ],
)
def test_the_id_of_what_was_created_is_at_the_end_of_its_location(
    location: str | None, id: int | None
) -> None:
    assert parse.location_id(Response(201, b"", location)) == id


def test_a_response_does_not_show_its_content() -> None:
    assert repr(Response(200, b"secret", "/secret")) == "Response(status=200)"


def test_a_record_whose_omitted_text_may_have_a_value_is_partial() -> None:
    shape = Shape(
        "note",
        (
            Column("id", values.INTEGER),
            Column("body", values.TEXT, is_text=True, is_sure=False),
        ),
    )

    def kind(body: bytes) -> type:
        return type(parse.one(shape)(Response(200, b"<note><id>7</id>" + body + b"</note>")))

    assert kind(b"") is PartialRecord
    assert kind(b"<body>b</body>") is tuple
    assert kind(b"<body/>") is tuple
