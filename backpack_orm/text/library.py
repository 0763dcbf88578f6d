"""Textile to HTML by the library textile, made deterministic and bounded."""

from __future__ import annotations

import re
from html import escape
from html.entities import html5
from urllib.parse import quote

from textile.core import Textile, make_glyph_replacers  # type: ignore[import-untyped]

from backpack_orm.text.limits import CannotConvert

# These characters belong to no script and are never part of a text: Unicode reserves them.
_PRE, _PRE_END, _MARK = "\ufdd1", "\ufdd2", "\ufdd3"
_LITERALS = {"<": "\ufdd4", "&": "\ufdd5", "=": "\ufdd6"}
"""Placeholders of characters that the library would take for markup, although they are text."""
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)

_ELEMENTS = (
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big "
    "blink blockquote body br button canvas caption center cite code col colgroup data datalist "
    "dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form "
    "frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins "
    "isindex kbd keygen label legend li link listing main map mark marquee math menu meta meter "
    "nav nobr noembed noframes noscript notextile object ol optgroup option output p param "
    "picture plaintext pre progress q rb rp rt rtc ruby s samp script search section select slot "
    "small source spacer span strike strong style sub summary sup svg table tbody td template "
    "textarea tfoot th thead time title tr track tt u ul var video wbr xmp"
)
_NAMES = frozenset(_ELEMENTS.split())
"""All elements of HTML, also obsolete ones: other names in angle brackets are text."""
_TAG = re.compile(r"<(?=/?([A-Za-z][^\s/>]*))")
_ENTITY = re.compile(r"&(?=([A-Za-z]\w*;))", re.ASCII)
_LINE_OF_EQUALS = re.compile(r"={3,}")
_FOOTNOTE = re.compile(r"^fn(\d+)", re.MULTILINE)
_URL = re.compile(r'":https?://\S+')
_PARAMETER = re.compile(r"\[(\w*)\](?==)")
_LINK_BEFORE_FOOTNOTE = re.compile(r'("[^"\n]+":[^\s\[\]]{1,500})(\[(\d+)\])(?=[\s.,;:!?)]|$)')
_SIGNATURE = re.compile(
    r"(p|bq|bc|notextile|pre|h[1-6]|fn\d+|###)[^\s.]*\.(\.?)(?::\S+)? ", re.ASCII
)
_BLOCK_START = re.compile(r"(?:\A|\n[ \t]*\n)[ \t\n]*")
_PRE_START = re.compile(r"<pre\b[^<>]*>", re.IGNORECASE)
_PRE_STOP = re.compile(r"</pre>", re.IGNORECASE)
_HTML_CODE = re.compile(r"\s*<code\b[^>]*>(.*?)</code>\s*", re.DOTALL | re.IGNORECASE)


class _Converter(Textile):  # type: ignore[misc]  # the library has no types
    """The library with markers that no text contains, and the same ones in every call."""

    def __init__(self, source: str) -> None:
        super().__init__(html_type="html5")
        self._footnotes = set(_FOOTNOTE.findall(source))
        self.uid = f"textileRef:{_MARK}:"
        self.linkPrefix = ""
        self.glyph_replacers = make_glyph_replacers("html5", self.uid, self.glyph_definitions)

    def links(self, text: str) -> str:
        """Replace links, after correcting what the library mistakes for a part of a URL.

        These are a footnote such as `[1]` behind the URL, and the brackets of its parameters.
        """

        def apart(found: re.Match[str]) -> str:
            return f"[{found[1]}]{found[2]}" if found[3] in self._footnotes else found[0]

        text = _URL.sub(lambda url: _PARAMETER.sub(r"%5B\1%5D", url[0]), text)
        replaced: str = super().links(_LINK_BEFORE_FOOTNOTE.sub(apart, text))
        return replaced

    def fLink(self, match: re.Match[str]) -> str:  # noqa: N802  # the name is the library's
        """Return a link, or the text as typed where the library fails on the URL."""
        try:
            link: str = super().fLink(match)
        except (AttributeError, ValueError):
            return match[0].replace(f"{self.uid}linkStartMarker:", "")
        return link

    def encode_url(self, url: str) -> str:
        """Quote a URL, after removing the bracket that the library doubles at the end of one."""
        doubled = url.endswith("]]") and url.count("]") == url.count("[") + 1
        quoted: str = super().encode_url(url[:-1] if doubled else url)
        return quoted

    def retrieve(self, text: str) -> str:
        """Put shelved text back in one pass for each level, not in one for each entry."""
        marker = re.compile(rf"{self.uid}\d+:shelve")
        while marker.search(text):
            text = marker.sub(lambda found: self.shelf[found[0]], text)
        return text


def printable(text: str) -> str:
    """Return a text with a replacement character for each that cannot be shown.

    >>> printable("a\\x1bb\\r\\nc")
    'a�b\\nc'
    """
    if not isinstance(text, str):
        raise TypeError(f"a text is a str, not of type {type(text).__name__}")
    return _UNPRINTABLE.sub("�", text.replace("\r\n", "\n").replace("\r", "\n"))


def convert(text: str) -> str:
    """Return the HTML of a printable text in Textile, with all that its author typed: not safe.

    Raises:
        CannotConvert: The library failed.

    >>> convert("Rua da *Rosa*")
    '\\t<p>Rua da <strong>Rosa</strong></p>'
    """
    source, blocks = _take_out_pre(text)
    source = _with_literals(source)
    try:
        html: str = _Converter(source).parse(source)
    except Exception as error:  # whatever the library raises on texts that it cannot parse
        raise CannotConvert(f"the library textile failed with {error!r}") from error
    if _MARK in html:
        raise CannotConvert("the library textile lost a part of the text")
    for character, literal in _LITERALS.items():
        html = html.replace(literal, escape(character)).replace(quote(literal), quote(character))
    return re.sub(f"{_PRE}(\\d+){_PRE_END}", lambda found: blocks[int(found[1])], html)


def _with_literals(source: str) -> str:
    """Protect names in angle brackets that are no elements, unknown entities, and `=====`."""
    less, ampersand, equals = _LITERALS.values()
    source = _TAG.sub(lambda tag: "<" if tag[1].lower() in _NAMES else less, source)
    source = _ENTITY.sub(lambda name: "&" if name[1] in html5 else ampersand, source)
    return _LINE_OF_EQUALS.sub(lambda line: equals * len(line[0]), source)


def _take_out_pre(text: str) -> tuple[str, list[str]]:
    """Replace `<pre>` elements at the start of blocks, which the library ends at an empty line."""
    blocks: list[str] = []
    parts: list[str] = []
    place, literal = 0, False
    last = max((found.start() for found in _PRE_STOP.finditer(text)), default=-1)
    for block in _BLOCK_START.finditer(text):
        start = block.end()
        signature = _SIGNATURE.match(text, start)
        if signature and start >= place:
            literal = bool(signature[2]) and signature[1] in ("bc", "notextile", "pre")
        opening = _PRE_START.match(text, start)
        if opening is None or literal or not place <= start <= last:
            continue
        closing = _PRE_STOP.search(text, opening.end())
        if closing:
            blocks.append(_pre(text[opening.end() : closing.start()]))
            parts += [text[place:start], f"{_PRE}{len(blocks) - 1}{_PRE_END}"]
            place = closing.end()
    return "".join([*parts, text[place:]]), blocks


def _pre(inner: str) -> str:
    """Return a `<pre>` element with all that is in it as text, but for code around everything."""
    code = _HTML_CODE.fullmatch(inner)
    text = code[1].removeprefix("\n") if code else inner
    return f"<pre>{escape(text, quote=False)}</pre>"
