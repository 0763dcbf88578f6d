"""The encoding of a document, by its first bytes or as it declares it."""

from __future__ import annotations

import re

from backpack_orm.errors import InvalidResponse, short_repr

_UTF_16 = {
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\x00": "utf-16-le",
    b"\x00<": "utf-16-be",
}
"""Encodings by the first two bytes: the byte order mark, or the first character."""
_DECLARATION = rb"(?:\xef\xbb\xbf)?\s*<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([^\"']*)"
_ASCII_BASED = r"(?i)utf-?8|(us-)?ascii|iso-8859-([1-9]|1[013-6])|windows-125[0-8]"


def declared(content: bytes) -> str:
    """Return the encoding that a document declares, by default UTF-8.

    >>> declared(b"<?xml version='1.0' encoding='windows-1252'?><pages/>"), declared(b"<pages/>")
    ('windows-1252', 'utf-8')
    """
    found = re.match(_DECLARATION, content)
    return found[1].decode("utf-8", "backslashreplace") if found else "utf-8"


def is_ascii_based(encoding: str) -> bool:
    """Return whether tags have the same bytes in an encoding as in ASCII. Unknown ones do not.

    >>> is_ascii_based("windows-1252"), is_ascii_based("UTF-16"), is_ascii_based("UTF-888")
    (True, False, False)
    """
    return re.fullmatch(_ASCII_BASED, encoding) is not None


def in_ascii_based(content: bytes, errors: str = "strict") -> tuple[bytes, str]:
    """Return a document in an encoding in which tags are ASCII, and that encoding.

    Only UTF-16 is converted. Expat must not get anything else: it would decode with any codec of
    Python that the document names.

    Args:
        content: The document.
        errors: What to do with bytes that are not in UTF-16, as for `bytes.decode`.

    Raises:
        InvalidResponse: It has another encoding, or is not in UTF-16 as its beginning is.
    """
    if utf_16 := _UTF_16.get(content[:2]):
        try:
            text = content.decode(utf_16, errors)
        except UnicodeDecodeError as error:
            raise InvalidResponse(f"the response is not in UTF-16: {error.reason}") from None
        return re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode(), "utf-8"
    encoding = declared(content)
    if not is_ascii_based(encoding):
        named = short_repr(encoding)
        raise InvalidResponse(f"the response has the encoding {named}, which is not supported")
    return content, encoding
