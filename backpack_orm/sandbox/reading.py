"""Parses XML, JSON, YAML, forms and queries into the same parameters."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Union
from urllib.parse import parse_qsl
from xml.parsers import expat

import yaml

from .encodings import encoding_of

Value = Union[str, None, "list[Value]", "dict[str, Value]"]
Fields = dict[str, Value]

SIZE_LIMIT = 4 * 1024 * 1024
DEPTH_LIMIT = 32
YAML_LIMIT = 256 * 1024  # bytes: parsing YAML is slow
COUNT_LIMIT = 10_000  # of values in YAML and of fields in a form
VALUE_LIMIT = 100_000  # of values in XML and JSON: elements, attributes, members
LARGEST_ID = 2**63 - 1

_YAML_START = re.compile(r"""---|:?["']?[\w-]+["']?:(\s|$)""")
# The types of YAML itself, and the hashes and symbols that Ruby writes.
_YAML_TAG = re.compile(
    r"(tag:yaml\.org,2002:|!)(binary|bool|float|int|map|null|seq|str|timestamp)"
    r"|!(map|ruby/hash):[\w:]+|!ruby/sym(bol)?|!"
)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TRUE = {"1", "t", "true"}


class InvalidRequest(ValueError):  # noqa: N818 - as HTTP frameworks name it
    """A request with a wrong parameter, for which the service responds with 500.

    The reason is logged, not sent.
    """

    status = 500


class Malformed(InvalidRequest):
    """A request whose body cannot be read, whatever its parameters are."""

    status = 400


class TooLarge(Malformed):
    """A request with a body over the limit."""

    status = 413


class UnknownEncoding(Malformed):
    """A request with a body in an encoding that is not supported."""

    status = 415


class Attributes(dict[str, Value]):
    """The attributes of an XML element without children, which may be fields, and its text."""

    text = ""


class Parameters:
    """The fields of a request by name; dashes in names are replaced by underscores."""

    def __init__(self, fields: Mapping[str, Value]) -> None:
        self._fields = fields

    def group(self, name: str) -> Parameters:
        """Return the fields in the element `name`, or all fields if there is no such element."""
        value = self._fields.get(name)
        if value is None:
            return self
        if value == "":
            return Parameters({})
        if isinstance(value, dict):
            return Parameters(value)
        raise InvalidRequest(f"<{name}> must contain fields")

    def text(self, name: str) -> str | None:
        """Return the text of a field, None if it is absent or nil."""
        value = self._fields.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, dict) and isinstance(content := value.get("content"), str):
            return content
        if isinstance(value, Attributes):
            return value.text
        raise InvalidRequest(f"<{name}> must be text")

    def required_text(self, name: str) -> str:
        """Return the text of a field; raise InvalidRequest if it is absent."""
        text = self.text(name)
        if text is None:
            raise InvalidRequest(f"<{name}> is missing")
        return text

    def flag(self, name: str) -> bool | None:
        """Return a boolean: False for an empty field, None for an absent one."""
        text = self.text(name)
        return None if text is None else text.strip().lower() in _TRUE

    def ids(self, name: str) -> list[int] | None:
        """Return the ids in a field, separated by blanks, repeated or nested. None if absent."""
        value = self._fields.get(name)
        if value is None:
            return None
        return [_id(word, name) for text in _texts(value) for word in text.split()]

    def number(self, name: str, *, default: int) -> int:
        """Return the number in a field, or the default if it is absent."""
        return (self.ids(name) or [default])[0]

    def required_ids(self, name: str) -> list[int]:
        """Return the ids in a field; raise InvalidRequest if there are none."""
        ids = self.ids(name)
        if not ids:
            raise InvalidRequest(f"<{name}> is missing")
        return ids


def _texts(value: Value) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Attributes) and value.text.strip():
        yield value.text
    elif value is not None:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _id(word: str, name: str) -> int:
    if not (word.isascii() and word.isdigit()):
        raise InvalidRequest(f"<{name}> must contain ids")
    # Longer ids do not fit into an integer of SQLite, and no record has the largest one.
    return min(int(word), LARGEST_ID) if len(word) < 20 else LARGEST_ID


def read_body(body: bytes, charset: str = "") -> Fields:
    """Return the fields of a body.

    The format is detected from the first characters, not from a header.
    """
    if len(body) > SIZE_LIMIT:
        raise TooLarge(f"a body of {len(body)} bytes: the limit is {SIZE_LIMIT}")
    encoding = encoding_of(body, charset)
    if encoding is None:
        raise UnknownEncoding("the body is in an unknown encoding")
    if encoding != "utf-8":
        body = _transcoded(body, encoding)
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return {}
    try:
        fields = _normal(_read_any(start))
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None
    if isinstance(fields, dict):
        return fields
    if not fields:
        return {}
    raise Malformed("the body contains no fields")


def _read_any(body: bytes) -> Any:
    """Parse a body in any format."""
    if body.startswith(b"<"):
        return _read_xml(body)
    if body.startswith(b"{"):
        return _unwrapped(_read_json(body))
    if _YAML_START.match(body[:200].decode("latin-1")):
        return _unwrapped(_read_yaml(body))
    return read_fields(_read_form(body))


def _transcoded(body: bytes, encoding: str) -> bytes:
    """Return a body in UTF-8."""
    try:
        return body.decode(encoding).encode()
    except UnicodeError:
        raise Malformed(f"the body is not in the encoding {encoding}") from None


def read_fields(pairs: Iterable[tuple[str, str]]) -> Fields:
    """Return the fields of a query or form, in which `item[content]` is a nested field."""
    fields: Fields = {}
    for name, value in pairs:
        *groups, last = re.split(r"[\[\]]+", name.rstrip("[]"))
        if len(groups) > DEPTH_LIMIT:
            raise Malformed("a form field is nested too deeply")
        inner = fields
        for group in groups:
            within = inner.setdefault(group, {})
            if not isinstance(within, dict):
                raise Malformed("a form field is a text and a group at the same time")
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
        raise Malformed("a form of too many fields") from None


def _add(fields: Fields, name: str, value: Value) -> None:
    """Add a value; values with the same name become a list."""
    if name not in fields:
        fields[name] = value
    elif isinstance(present := fields[name], list):
        present.append(value)
    else:
        fields[name] = [present, value]


def _normal(value: Any) -> Value:
    """Return fields with underscores in names and text as values; refuse text invalid in XML."""
    return _Normalizer().normal(value)


class _Normalizer:
    """Normalizes the values of one body and limits their number."""

    def __init__(self) -> None:
        self._count = 0

    def normal(self, value: Any, depth: int = 0) -> Value:
        if depth > DEPTH_LIMIT:
            raise Malformed("the body is nested too deeply")
        self._count += 1
        if self._count > VALUE_LIMIT:
            raise Malformed("the body contains too many values")
        if isinstance(value, dict):
            fields: Fields = {
                str(name).lstrip(":").replace("-", "_"): self.normal(part, depth + 1)
                for name, part in value.items()
            }
            if isinstance(value, Attributes):
                check_text(value.text)
                text, fields = value.text, Attributes(fields)
                fields.text = text
            return fields
        if isinstance(value, list):
            return [self.normal(part, depth + 1) for part in value]
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            check_text(value)
        return None if value is None else str(value)


def check_text(text: str) -> None:
    """Raise InvalidRequest for a text that XML cannot contain."""
    if _NOT_XML.search(text):
        raise Malformed("a text contains a character that XML cannot represent")


def _unwrapped(value: Any) -> Any:
    """Return the contents of `{"request": {...}}`, which stands for the root element of XML."""
    if isinstance(value, dict) and list(value) == ["request"]:
        return value["request"]
    return value


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise Malformed(f"JSON: {error}") from None


class _TextLoader(yaml.BaseLoader):
    """Loads safe YAML with all scalars as text, so that titles do not become dates or numbers."""

    _depth = 0
    _count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # With aliases a small body could expand to a huge one.
        if self.check_event(yaml.AliasEvent):
            raise Malformed("YAML: aliases are refused")
        if self._depth > DEPTH_LIMIT:
            raise Malformed("YAML: nested too deeply")
        self._depth += 1
        self._count += 1
        if self._count > COUNT_LIMIT:
            raise Malformed("YAML: too many values")
        node = super().compose_node(parent, index)
        if node is not None and not _YAML_TAG.fullmatch(node.tag):
            raise Malformed("YAML: tags that name classes are refused")
        self._depth -= 1
        return node

    def read_binary(self, node: yaml.ScalarNode) -> str:
        """Return text that is encoded as binary, as old versions of Ruby do for non-ASCII."""
        try:
            return base64.b64decode(self.construct_scalar(node)).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Malformed("YAML: binary data that is not UTF-8 text") from None


_TextLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"(~|null|)$"), ["~", "n", ""]
)
_TextLoader.add_constructor("tag:yaml.org,2002:null", lambda loader, node: None)
for _tag in ("!binary", "tag:yaml.org,2002:binary"):
    _TextLoader.add_constructor(_tag, _TextLoader.read_binary)


def _read_yaml(body: bytes) -> Any:
    if len(body) > YAML_LIMIT:
        raise Malformed(f"YAML of more than {YAML_LIMIT} bytes")
    try:
        return yaml.load(body.decode(), Loader=_TextLoader)  # noqa: S506 - it creates text only
    except yaml.YAMLError as error:
        # The message of the error quotes the body, which may contain the token.
        raise Malformed(f"YAML: {type(error).__name__}") from None


class _XmlReader:
    """Builds the fields of a document from the events of the parser."""

    def __init__(self) -> None:
        self.root: Value = None
        self._open: list[_Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > DEPTH_LIMIT:
            raise Malformed("XML: nested too deeply")
        self._count += 1 + len(attributes)
        if self._count > VALUE_LIMIT:
            raise Malformed("XML: too many values")
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
        raise Malformed("XML: document types and entities are refused")


class _Element:
    """An element that is not closed yet."""

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
        if self.children:
            fields: Fields = dict(self.attributes)
            for name, value in self.children:
                _add(fields, name, value)
            return fields
        alone = Attributes(self.attributes)
        alone.text = text
        if text.strip():
            alone["content"] = text
        return alone


def _read_xml(body: bytes) -> Value:
    reader = _XmlReader()
    parser = expat.ParserCreate("utf-8")  # whatever it declares: it was transcoded
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise Malformed(f"XML: {error}") from None
    return reader.root if not isinstance(reader.root, str) else {}
