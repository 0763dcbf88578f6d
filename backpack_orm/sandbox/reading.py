"""What a request says, in XML, JSON, YAML, form fields or a query: always the same parameters."""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Union
from urllib.parse import parse_qsl
from xml.parsers import expat

import yaml

Value = Union[str, None, "list[Value]", "dict[str, Value]"]
Fields = dict[str, Value]

SIZE_LIMIT = 4 * 1024 * 1024
DEPTH_LIMIT = 32
YAML_LIMIT = 256 * 1024  # bytes: reading YAML takes long
COUNT_LIMIT = 10_000  # of values in YAML and of fields in a form
VALUE_LIMIT = 100_000  # of values in XML and JSON: elements, attributes, members
LARGEST_ID = 2**63 - 1

_YAML_START = re.compile(r"""---|:?["']?[\w-]+["']?:(\s|$)""")
# The types of YAML itself, and the kinds of hash and symbol that Ruby names.
_YAML_TAG = re.compile(
    r"(tag:yaml\.org,2002:|!)(binary|bool|float|int|map|null|seq|str|timestamp)"
    r"|!(map|ruby/hash):[\w:]+|!ruby/sym(bol)?|!"
)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TRUE = {"1", "t", "true"}


class Unreadable(ValueError):  # noqa: N818 - says what is the case
    """A request that the service cannot make sense of; the reason is for the log only."""


class Parameters:
    """The fields of a request, by name, with underscores for dashes."""

    def __init__(self, fields: Mapping[str, Value]) -> None:
        self._fields = fields

    def group(self, name: str) -> Parameters:
        """The fields in the element `name`; where there is none, the root stands for it."""
        value = self._fields.get(name)
        if value is None:
            return self
        if value == "":
            return Parameters({})
        if isinstance(value, dict):
            return Parameters(value)
        raise Unreadable(f"<{name}> must hold fields")

    def text(self, name: str) -> str | None:
        """The text of a field, None when it is absent or nil."""
        value = self._fields.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, dict) and isinstance(content := value.get("content"), str):
            return content
        raise Unreadable(f"<{name}> must be text")

    def needed_text(self, name: str) -> str:
        """The text of a field that a call cannot do without."""
        text = self.text(name)
        if text is None:
            raise Unreadable(f"<{name}> is missing")
        return text

    def flag(self, name: str) -> bool | None:
        """A yes or no; an empty field is a no, an absent one None."""
        text = self.text(name)
        return None if text is None else text.strip().lower() in _TRUE

    def ids(self, name: str) -> list[int] | None:
        """The numbers in a field: blank-separated, repeated or nested; None when it is absent."""
        value = self._fields.get(name)
        if value is None:
            return None
        return [_id(word, name) for text in _texts(value) for word in text.split()]

    def number(self, name: str, *, default: int) -> int:
        """The number in a field; the default when there is none."""
        return (self.ids(name) or [default])[0]

    def needed_ids(self, name: str) -> list[int]:
        """The numbers in a field that a call cannot do without, at least one."""
        ids = self.ids(name)
        if not ids:
            raise Unreadable(f"<{name}> is missing")
        return ids


def _texts(value: Value) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif value is not None:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _id(word: str, name: str) -> int:
    if not (word.isascii() and word.isdigit()):
        raise Unreadable(f"<{name}> must hold ids")
    # One beyond the largest stands for all of those: no record has it.
    return int(word) if len(word) < 20 else LARGEST_ID


def read_body(body: bytes, charset: str = "") -> Fields:
    """Return the fields of a body.

    Its format is told by how it begins, not by any header. Its encoding is told by its byte order
    mark, by `charset`, by the zero bytes of UTF-16 and UTF-32, or by the XML declaration.
    """
    if len(body) > SIZE_LIMIT:
        raise Unreadable(f"a body of {len(body)} bytes: the limit is {SIZE_LIMIT}")
    encoding = _encoding(body, charset)
    if encoding is not None:
        body = _transcoded(body, encoding)
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return {}
    try:
        fields = _normal(_read_any(start, None if encoding is None else "utf-8"))
    except UnicodeDecodeError:
        raise Unreadable("the body is not UTF-8") from None
    except RecursionError:
        raise Unreadable("the body is nested too deeply") from None
    if isinstance(fields, dict):
        return fields
    if not fields:
        return {}
    raise Unreadable("the body holds no fields")


def _read_any(body: bytes, encoding: str | None) -> Any:
    """Read a body in any format; only that of XML may have another encoding than UTF-8."""
    if body.startswith(b"<"):
        return _read_xml(body, encoding)
    if body.startswith(b"{"):
        return _unwrapped(_read_json(body))
    if _YAML_START.match(body[:200].decode("latin-1")):
        return _unwrapped(_read_yaml(body))
    return read_fields(_read_form(body))


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the mark of UTF-16
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
"""Encodings by which of the first bytes are zero."""


def _encoding(body: bytes, charset: str) -> str | None:
    """Return the encoding of a body, None if only its XML declaration can tell."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return encoding
    if charset:
        return charset
    # The first character is ASCII in every format.
    zeros = bytes(byte == 0 for byte in body[:4])
    return _BY_ZEROS.get(zeros) or _BY_ZEROS.get(zeros[:2])


def _transcoded(body: bytes, encoding: str) -> bytes:
    """Return a body in UTF-8."""
    try:
        return body.decode(encoding).encode()
    except (LookupError, UnicodeError):
        raise Unreadable(f"the body is not in the encoding {encoding[:40]!r}") from None


def read_fields(pairs: Iterable[tuple[str, str]]) -> Fields:
    """The fields of a query or form, where `item[content]` is a field within a field."""
    fields: Fields = {}
    for name, value in pairs:
        *groups, last = re.split(r"[\[\]]+", name.rstrip("[]"))
        if len(groups) > DEPTH_LIMIT:
            raise Unreadable("a form field is nested too deeply")
        inner = fields
        for group in groups:
            within = inner.setdefault(group, {})
            if not isinstance(within, dict):
                raise Unreadable("a form field stands for a text and a group at once")
            inner = within
        _add(inner, last, value)
    normal = _normal(fields)
    assert isinstance(normal, dict)
    return normal


def _read_form(body: bytes) -> list[tuple[str, str]]:
    text = body.decode().strip()
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=COUNT_LIMIT)
    except ValueError:
        raise Unreadable("a form of too many fields") from None


def _add(fields: Fields, name: str, value: Value) -> None:
    """Put a value under its name; a name met again makes a list."""
    if name not in fields:
        fields[name] = value
    elif isinstance(present := fields[name], list):
        present.append(value)
    else:
        fields[name] = [present, value]


def _normal(value: Any) -> Value:
    """Return fields with underscores in names and text as values; refuse what XML cannot carry."""
    return _Normalizer().normal(value)


class _Normalizer:
    """Normalizes the values of one body, of which there must not be too many."""

    def __init__(self) -> None:
        self._count = 0

    def normal(self, value: Any, depth: int = 0) -> Value:
        if depth > DEPTH_LIMIT:
            raise Unreadable("the body is nested too deeply")
        self._count += 1
        if self._count > VALUE_LIMIT:
            raise Unreadable("the body holds too many values")
        if isinstance(value, dict):
            return {
                str(name).lstrip(":").replace("-", "_"): self.normal(part, depth + 1)
                for name, part in value.items()
            }
        if isinstance(value, list):
            return [self.normal(part, depth + 1) for part in value]
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            check_text(value)
        return None if value is None else str(value)


def check_text(text: str) -> None:
    """Refuse a text that no answer could carry."""
    if _NOT_XML.search(text):
        raise Unreadable("a text holds a character that XML cannot carry")


def _unwrapped(value: Any) -> Any:
    """What is in `{"request": {...}}`, the way to write XML's root element in JSON or YAML."""
    if isinstance(value, dict) and list(value) == ["request"]:
        return value["request"]
    return value


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise Unreadable(f"JSON: {error}") from None


class _TextLoader(yaml.BaseLoader):
    """Safe YAML in which every scalar is text, so that no title turns into a date or a number."""

    _depth = 0
    _count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # Aliases would let a small body unfold into a huge one.
        if self.check_event(yaml.AliasEvent):
            raise Unreadable("YAML: aliases are refused")
        if self._depth > DEPTH_LIMIT:
            raise Unreadable("YAML: nested too deeply")
        self._depth += 1
        self._count += 1
        if self._count > COUNT_LIMIT:
            raise Unreadable("YAML: too many values")
        node = super().compose_node(parent, index)
        if node is not None and not _YAML_TAG.fullmatch(node.tag):
            raise Unreadable("YAML: tags that name classes are refused")
        self._depth -= 1
        return node

    def read_binary(self, node: yaml.ScalarNode) -> str:
        """Text as old Ruby writes it where most of it is not ASCII."""
        try:
            return base64.b64decode(self.construct_scalar(node)).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Unreadable("YAML: what is binary is no text") from None


_TextLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"(~|null|)$"), ["~", "n", ""]
)
_TextLoader.add_constructor("tag:yaml.org,2002:null", lambda loader, node: None)
for _tag in ("!binary", "tag:yaml.org,2002:binary"):
    _TextLoader.add_constructor(_tag, _TextLoader.read_binary)


def _read_yaml(body: bytes) -> Any:
    if len(body) > YAML_LIMIT:
        raise Unreadable(f"YAML of more than {YAML_LIMIT} bytes")
    try:
        return yaml.load(body.decode(), Loader=_TextLoader)  # noqa: S506 - it makes texts only
    except yaml.YAMLError as error:
        # Its text quotes the body, which may hold the token.
        raise Unreadable(f"YAML: {getattr(error, 'problem', type(error).__name__)}") from None


class _XmlReader:
    """Gathers the elements of a document, innermost last."""

    def __init__(self) -> None:
        self.root: Value = None
        self._open: list[_Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > DEPTH_LIMIT:
            raise Unreadable("XML: nested too deeply")
        self._count += 1 + len(attributes)
        if self._count > VALUE_LIMIT:
            raise Unreadable("XML: too many values")
        self._open.append(_Element(attributes))

    def text(self, text: str) -> None:
        self._open[-1].pieces.append(text)

    def end(self, name: str) -> None:
        value = self._open.pop().value()
        if self._open:
            self._open[-1].children.append((name, value))
        else:
            self.root = value

    def doctype(self, *declaration: object) -> None:
        raise Unreadable("XML: document types and entities are refused")


class _Element:
    """An element whose end has not been met yet."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self.type = attributes.pop("type", None)
        self.nil = attributes.pop("nil", "") in _TRUE
        self.attributes = attributes
        self.children: list[tuple[str, Value]] = []
        self.pieces: list[str] = []

    def value(self) -> Value:
        text = "".join(self.pieces)
        if self.nil:
            return None
        if self.type == "array":
            return [value for _, value in self.children]
        if not self.children and not self.attributes:
            return text
        fields: Fields = dict(self.attributes)
        for name, value in self.children:
            _add(fields, name, value)
        if not self.children and text.strip():
            fields["content"] = text
        return fields


def _read_xml(body: bytes, encoding: str | None) -> Value:
    reader = _XmlReader()
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise Unreadable(f"XML: {error}") from None
    return reader.root if not isinstance(reader.root, str) else {}
