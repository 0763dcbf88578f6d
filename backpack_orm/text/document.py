"""Texts of Backpack as safe HTML, Markdown and plain text."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from attrs import field, frozen

from backpack_orm.text import footnotes, html, limits, markdown, plain, structure
from backpack_orm.text.tree import Element, parse_html


class ConversionWarning(UserWarning):
    """A text could not be converted, so it is shown as it was typed.

    It is issued by `to_html`, `to_markdown` and `to_plain`, and by the properties of notes. Make it
    an error with `warnings.simplefilter("error", ConversionWarning)`.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = to_html("x" * 200_000)
    >>> print(caught[0].message)
    this text is shown as typed: it has 200,000 characters, more than 100,000
    """


@frozen
class Document:
    """A text that was converted once, to be written in several forms.

    Attributes:
        problem: Why the text could not be converted, in which case all forms contain it as it was
            typed; None if it was converted.

    >>> document = parse("Rua da *Rosa* 7")
    >>> document.html()
    '<p>Rua da <strong>Rosa</strong> 7</p>'
    >>> document.markdown()
    'Rua da **Rosa** 7'
    """

    _root: Element = field(repr=False)
    problem: str | None = None

    def html(self, *, id_prefix: str | None = "") -> str:
        """Return HTML that is safe in any page: it runs nothing and loads nothing.

        Args:
            id_prefix: What the ids of footnotes start with, to keep several texts on one page
                apart. None: no ids, and footnotes without links.

        >>> parse("Closed[1]\\n\\nfn1. On Mondays.").html(id_prefix="a-").splitlines()[0]
        '<p>Closed<sup id="a-fnref1"><a href="#a-fn1">1</a></sup></p>'
        """
        return html.write(self._root, id_prefix)

    def markdown(self) -> str:
        """Return Markdown: CommonMark, with the tables and footnotes of GitHub.

        >>> parse("* Tram 28\\n* Bus 737").markdown()
        '- Tram 28\\n- Bus 737'
        """
        return markdown.write(self._root)

    def plain(self) -> str:
        """Return plain text, with marks only for lists, quotations, links and footnotes.

        >>> parse("_Tram_ 28 -- up").plain()
        'Tram 28 — up'
        """
        return self._root.text() if self.problem else plain.write(self._root)


def parse(text: str, *, link: Callable[[str], str | None] | None = None) -> Document:
    """Convert a text in Textile and HTML, such as the body of a note. Makes no request.

    Args:
        link: Takes where a link leads to, as typed, and returns where it shall lead to instead, or
            None to leave the link unchanged. What it returns is not checked.

    Returns:
        The document; if the text is too large, or the library textile fails, one that contains the
        text as it was typed and says so in `problem`.

    Raises:
        ImportError: The extra `text` is not installed.

    >>> parse("h1. Lisbon").html()
    '<h1>Lisbon</h1>'
    >>> parse("x" * 200_000).problem
    'it has 200,000 characters, more than 100,000'
    >>> parse('See "Porto":/pages/72.', link={"/pages/72": "Porto.md"}.get).markdown()
    'See [Porto](Porto.md).'
    """
    _require_extra()
    from backpack_orm.text import library, sanitizer

    source = library.printable(text)
    try:
        limits.check(source)
        converted = library.convert(source)
    except limits.CannotConvert as error:
        return Document(Element("root", {}, [Element("pre", {}, [source])]), str(error))
    root = parse_html(library.printable(sanitizer.sanitize(converted, link)))
    footnotes.link(root)
    structure.arrange(root)
    return Document(root)


def to_html(text: str, *, id_prefix: str = "") -> str:
    """Return a text in Textile and HTML as HTML that is safe in any page. Makes no request.

    Scripts, styles, event handlers, ids, and links to anything but the web, a mail address or a
    footnote are removed. Images become links, so nothing is loaded.

    Args:
        id_prefix: What the ids of footnotes start with, to keep several texts on one page apart.

    Raises:
        ImportError: The extra `text` is not installed.

    Warns:
        ConversionWarning: The text could not be converted; the HTML is the text as typed.

    >>> to_html("Tram *28* <script>alert(1)</script>")
    '<p>Tram <strong>28</strong></p>'
    """
    return _reported(parse(text)).html(id_prefix=id_prefix)


def to_markdown(text: str) -> str:
    """Return a text in Textile and HTML as Markdown. Makes no request.

    It is CommonMark, with the tables, strikethrough and footnotes of GitHub. What Markdown cannot
    express is HTML, such as `<sup>`. Markdown marks in the text are escaped.

    Raises:
        ImportError: The extra `text` is not installed.

    Warns:
        ConversionWarning: The text could not be converted; the Markdown is the text as typed.

    >>> to_markdown("Tram *28*, 2 * 3")
    'Tram **28**, 2 \\\\* 3'
    """
    return _reported(parse(text)).markdown()


def to_plain(text: str) -> str:
    """Return a text in Textile and HTML as plain text. Makes no request.

    Raises:
        ImportError: The extra `text` is not installed.

    Warns:
        ConversionWarning: The text could not be converted; it is returned as typed.

    >>> to_plain('"Tram":http://example.com/28 to *Graça*')
    'Tram (http://example.com/28) to Graça'
    """
    return _reported(parse(text)).plain()


def find_links(text: str) -> list[str]:
    """Return where the links in a text in Textile and HTML lead to, each once, in order.

    Links are returned as typed: some are relative, and some may be unsafe. Makes no request.

    Raises:
        ImportError: The extra `text` is not installed.

    Warns:
        ConversionWarning: The text could not be converted; only links in HTML were found.

    >>> find_links('See "Porto":/pages/72 and <a href="https://example.com/">this</a>')
    ['/pages/72', 'https://example.com/']
    """
    _require_extra()
    from backpack_orm.text import library
    from backpack_orm.text.links import in_html

    source = library.printable(text)
    try:
        limits.check(source)
        converted = library.convert(source)
    except limits.CannotConvert as error:
        message = f"only the links in the HTML of this text were found: {error}"
        warnings.warn(message, ConversionWarning, stacklevel=2)
        converted = source
    return in_html(converted)


def _require_extra() -> None:
    try:
        import nh3  # noqa: F401  # both are imported where they are used
        import textile  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "converting texts needs textile and nh3: pip install 'backpack_orm[text]'"
        ) from error


def _reported(document: Document) -> Document:
    if document.problem:
        message = f"this text is shown as typed: {document.problem}"
        warnings.warn(message, ConversionWarning, stacklevel=3)
    return document
