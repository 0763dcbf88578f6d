"""The encodings of bodies: a fixed list, whose decoders all take linear time."""

from __future__ import annotations

import codecs
import re

_SINGLE_BYTE = (
    *("ascii", "koi8-r", "koi8-u", "macintosh", "tis-620", "ibm437", "ibm850", "ibm852", "ibm866"),
    *(f"iso-8859-{number}" for number in (*range(1, 12), *range(13, 17))),
    *(f"windows-{number}" for number in (874, *range(1250, 1259))),
)
_MULTIBYTE = (
    *("big5", "big5-hkscs", "euc-jp", "euc-kr", "gb2312", "gbk", "gb18030"),
    *("iso-2022-jp", "shift_jis"),
)
_UNICODE = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_OTHER_NAMES = {
    "eucjis": "euc-jp",
    "ksc56011987": "cp949",
    "latin1": "iso-8859-1",
    "latin2": "iso-8859-2",
    "latin9": "iso-8859-15",
    "sjis": "shift_jis",
    "usascii": "ascii",
    "windows31j": "cp932",
    "windows949": "cp949",
    "xsjis": "shift_jis",
}
_CODECS = {"windows-874": "cp874", "macintosh": "mac-roman"}


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


_BY_NAME = _OTHER_NAMES | {
    _plain(name): _CODECS.get(name, name) for name in (*_SINGLE_BYTE, *_MULTIBYTE, *_UNICODE)
}
_BY_NAME |= {name.replace("windows", "cp"): codec for name, codec in _BY_NAME.items()}

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # starts like the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BY_ZEROS = {
    b"\1\1\1\0": "utf-32-be",
    b"\0\1\1\1": "utf-32-le",
    b"\1\0": "utf-16-be",
    b"\0\1": "utf-16-le",
}
"""Encodings by the pattern of zero bytes at the start of a body."""
_DECLARATION = re.compile(
    rb"""\s*<\?xml\s[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']"""
)


def codec_named(name: str) -> str | None:
    """Return Python's name of an encoding; None if it is not on the list.

    >>> codec_named("ISO-8859-1"), codec_named("cp1252"), codec_named("punycode")
    ('iso-8859-1', 'windows-1252', None)
    """
    return _BY_NAME.get(_plain(name[:40]))


def encoding_of(body: bytes, charset: str) -> str | None:
    """Return the encoding of a body: UTF-8 by default, None if it is not on the list.

    The first of these that is present decides: the byte order mark, `charset`, the zero bytes of
    UTF-16 and UTF-32, the XML declaration.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return encoding
    if charset:
        return codec_named(charset)
    # The first character is ASCII in every format.
    zeros = bytes(byte == 0 for byte in body[:4])
    by_zeros = _BY_ZEROS.get(zeros) or _BY_ZEROS.get(zeros[:2])
    if by_zeros is not None:
        return by_zeros
    declared = _DECLARATION.match(body[:200])
    if declared is None:
        return "utf-8"
    codec = codec_named(declared[1].decode("ascii"))
    # A declaration that could be read as ASCII is in neither UTF-16 nor UTF-32.
    return None if codec is None or codec.startswith(("utf-16", "utf-32")) else codec
