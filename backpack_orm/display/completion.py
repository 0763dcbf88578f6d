"""What Tab offers in IPython and Jupyter after a chain such as `page.notes["`; no request."""

from __future__ import annotations

import ast
import tokenize
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.core.completer import (
    CompletionContext,
    IPCompleter,
    SimpleCompletion,
    context_matcher,
    match_dict_keys,
)

from backpack_orm.orm.collections import Collection, label_of
from backpack_orm.orm.model import Model
from backpack_orm.wire.shapes import MISSING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_NAME = "backpack_orm"
_OPENING = ("(", "[", "{")
_CLOSING = (")", "]", "}")
_CODE = (tokenize.NAME, tokenize.NUMBER, tokenize.OP, tokenize.STRING)


def load(shell: InteractiveShell) -> None:
    """Add what completes chains to a session, once.

    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell()
    >>> load(shell)
    >>> load(shell)
    >>> [matcher.matcher_identifier for matcher in shell.Completer.custom_matchers]
    ['backpack_orm']
    """

    def match(context: CompletionContext) -> dict[str, Any]:
        names = ChainMap(shell.user_ns, shell.user_global_ns)
        return _offer(context, names, shell.Completer)

    unload(shell)
    shell.Completer.custom_matchers.append(context_matcher(identifier=_NAME)(match))


def unload(shell: InteractiveShell) -> None:
    """Take it away again, if it is there.

    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell()
    >>> load(shell)
    >>> unload(shell)
    >>> shell.Completer.custom_matchers
    []
    """
    shell.Completer.custom_matchers[:] = [
        matcher
        for matcher in shell.Completer.custom_matchers
        if getattr(matcher, "matcher_identifier", None) != _NAME
    ]


class _Open(NamedTuple):
    """The expression before the cursor: `page.notes["Ho` is a chain, `[` and `"Ho`."""

    chain: ast.expr
    mark: str
    typed: str


def _offer(
    context: CompletionContext, names: Mapping[str, Any], completer: IPCompleter
) -> dict[str, Any]:
    """What can stand at the cursor, where a chain leads to an object of this library."""
    found = _read(context.text_until_cursor)
    if found is None or isinstance(found.chain, ast.Name):
        return {"completions": []}  # what follows a name alone, IPython completes itself
    value = _reached(found.chain, names)
    kind, fragment, texts = "", found.typed, list[str]()
    if found.mark == "." and _is(value, Model, Collection):
        kind = "attribute"
        texts = [name for name in dir(value) if name.startswith(fragment)]
    elif found.mark == "[" and _is(value, Collection):
        kind = "dict key"
        keys = value._ipython_key_completions_()
        quote, start, matches = match_dict_keys(keys, found.typed, delims="'\"")
        fragment = found.typed[start:]
        after = context.line_with_cursor[context.cursor_position :]
        is_closed = getattr(completer, "auto_close_dict_keys", False)  # since IPython 8.8
        closing = _closing(quote, after) if is_closed else ""
        texts = [text + closing for text in matches]
    return {
        "completions": [SimpleCompletion(text, type=kind) for text in texts],
        "matched_fragment": fragment,
        "suppress": True,  # files and magics are no keys
    }


def _closing(quote: str, after: str) -> str:
    """What ends a key, where what follows the cursor does not end it already."""
    after = after.strip()
    if after.startswith(quote):
        quote, after = "", after[len(quote) :].strip()
    return quote if after.startswith("]") else f"{quote}]"


# --- reading ----------------------------------------------------------------------------------


def _read(line: str) -> _Open | None:
    """The chain that a line ends in, and what is begun after it; None where there is none."""
    tokens = list(_tokens(line))
    if len(tokens) > 1 and tokens[-1].type == tokenize.NAME and tokens[-2].string == ".":
        tokens.pop()  # the attribute that is being typed
    if not tokens or tokens[-1].string not in (".", "["):
        return None
    mark = tokens.pop()
    typed = line[mark.end[1] :].lstrip()
    if typed and not (typed.isidentifier() if mark.string == "." else typed[0] in "'\""):
        return None
    start = _start(tokens)
    if start is None:
        return None
    try:
        chain = ast.parse(line[start : mark.start[1]], mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
    return _Open(chain, mark.string, typed)


def _start(tokens: list[tokenize.TokenInfo]) -> int | None:
    """Where a chain begins that ends with the last token: at its nearest name in no bracket."""
    depth = 0
    for position in reversed(range(len(tokens))):
        token = tokens[position]
        depth += (token.string in _CLOSING) - (token.string in _OPENING)
        is_attribute = position > 0 and tokens[position - 1].string == "."
        if token.type == tokenize.NAME and depth == 0 and not is_attribute:
            return token.start[1]
    return None


def _tokens(line: str) -> Iterator[tokenize.TokenInfo]:
    """The tokens of a line, up to a string that is not closed."""
    try:
        for token in tokenize.generate_tokens(iter([line]).__next__):
            if token.type == tokenize.ERRORTOKEN:
                return
            if token.type in _CODE:
                yield token
    except (tokenize.TokenError, SyntaxError, ValueError):
        return  # ValueError: what no file can hold, such as half a surrogate pair


# --- looking up -------------------------------------------------------------------------------


def _reached(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """What a chain leads to, as far as that is loaded; None where it leads to nothing.

    Only the look-ups that are written out here are done, so nothing else can run.
    """
    match node:
        case ast.Name():
            return names.get(node.id)
        case ast.Constant():
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
        case ast.Attribute():
            return _attribute(_reached(node.value, names), node.attr)
        case ast.Subscript():
            return _item(_reached(node.value, names), _reached(node.slice, names))
    return None


def _is(value: object, *kinds: type) -> bool:
    """Whether a value has a type; `isinstance` would run the code of proxies."""
    return issubclass(type(value), kinds)


def _attribute(record: Any, name: str) -> Any:
    """What a record is related to, if telling it makes no request."""
    if not _is(record, Model):
        return None
    table = record._table
    if table.parent is not None and name == table.parent.name:
        return record._source
    relation = table.relations.get(name)
    if relation is None:
        return None
    value = record._slot(name, None)
    if value is None and (not relation.is_single or _knows(record, name)):
        return record._relate(name)
    return value


def _knows(record: Model, name: str) -> bool:
    return record._record is not None and record._record[record._position(name)] is not MISSING


def _item(collection: Any, key: object) -> Model | None:
    """What the brackets of a collection give, among what is loaded."""
    if not _is(collection, Collection):
        return None
    records: list[Model] = collection._loaded()
    if type(key) is int:
        return records[key] if -len(records) <= key < len(records) else None
    label = label_of(collection._model)
    if label is None or type(key) is not str:
        return None
    return next((record for record in records if record._slot(label, None) == key), None)
