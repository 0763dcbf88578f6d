"""Tab completion in IPython and Jupyter after an expression such as `page.notes["`. No request."""

from __future__ import annotations

import ast
import tokenize
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen
from IPython.core.completer import (
    CompletionContext,
    IPCompleter,
    SimpleCompletion,
    context_matcher,
    match_dict_keys,
)

from backpack_orm.orm.queries.collections import Collection, Embedded, label_of
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.schema.model_type import ModelType
from backpack_orm.wire.shapes import MISSING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_NAME = "backpack_orm"
_OPENING = ("(", "[", "{")
_CLOSING = (")", "]", "}")
_TO_ONE = ("create", "find", "find_by", "first", "get", "last")
_TO_MANY = ("all", "order_by", "where")
"""The methods of models and collections that return one record, and a collection."""
_CODE = (tokenize.NAME, tokenize.NUMBER, tokenize.OP, tokenize.STRING)


def load(shell: InteractiveShell) -> None:
    """Add the completion of chains to a session, once.

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
    """Remove the completion of chains from a session, if it is there.

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
    """Return the completions at the cursor if a chain leads to an object of this library."""
    found = _read(context.text_until_cursor)
    if found is None or isinstance(found.chain, ast.Name):
        return {"completions": []}  # what follows a name alone, IPython completes itself
    value = _reached(found.chain, names)
    kind, fragment, texts = "", found.typed, list[str]()
    if type(value) is _Example:
        value = value.of if found.mark == "." else None
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
    """Return what closes a key, unless the text after the cursor closes it."""
    after = after.strip()
    if after.startswith(quote):
        quote, after = "", after[len(quote) :].strip()
    return quote if after.startswith("]") else f"{quote}]"


# --- reading ----------------------------------------------------------------------------------


def _read(line: str) -> _Open | None:
    """Return the chain at the end of a line and what is typed after it; None if there is none."""
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
    """Return the start of the chain that ends with the last token: the nearest name."""
    depth = 0
    for position in reversed(range(len(tokens))):
        token = tokens[position]
        depth += (token.string in _CLOSING) - (token.string in _OPENING)
        is_attribute = position > 0 and tokens[position - 1].string == "."
        if token.type == tokenize.NAME and depth == 0 and not is_attribute:
            return token.start[1]
    return None


def _tokens(line: str) -> Iterator[tokenize.TokenInfo]:
    """Yield the tokens of a line, up to a string that is not closed."""
    try:
        for token in tokenize.generate_tokens(iter([line]).__next__):
            if token.type == tokenize.ERRORTOKEN:
                return
            if token.type in _CODE:
                yield token
    except (tokenize.TokenError, SyntaxError, ValueError):
        return  # ValueError: what no file can hold, such as half a surrogate pair


# --- looking up -------------------------------------------------------------------------------


@frozen
class _Example:
    """An object without data, of the type that a call would return: calls are never made."""

    of: Any


def _example(model: type[Model]) -> _Example:
    return _Example(object.__new__(model))


def _reached(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Return the object that a chain leads to, if it is loaded, or an example of it; else None.

    Evaluates only the cases below, so no other code can run.
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
        case ast.Call(func=ast.Attribute(value=owner, attr=method)):
            return _called(_reached(owner, names), method)
    return None


def _is(value: object, *kinds: type) -> bool:
    """Whether a value has a type; `isinstance` would run the code of proxies."""
    return issubclass(type(value), kinds)


def _called(owner: Any, method: str) -> _Example | None:
    """Return an example of what a finder of a model or collection returns."""
    owner = owner.of if type(owner) is _Example else owner
    if _is(owner, ModelType):
        model = owner
    elif _is(owner, Collection):
        model = owner._model
    else:
        return None
    if method in _TO_MANY:
        return _Example(Collection(model, []))
    return _example(model) if method in _TO_ONE else None


def _attribute(record: Any, name: str) -> Any:
    """Return what a record is related to, if reading it makes no request."""
    if type(record) is _Example:
        return _example_of(record.of, name)
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


def _example_of(record: Any, name: str) -> _Example | None:
    """Return an example of what records of a type are related to."""
    if not _is(record, Model):
        return None
    table = record._table
    if table.parent is not None and name == table.parent.name:
        return _example(table.parent.model)
    relation = table.relations.get(name)
    if relation is None:
        return None
    if relation.is_single:
        return _example(relation.model)
    return _Example((relation.collection or Embedded)(record, relation))


def _knows(record: Model, name: str) -> bool:
    return record._record is not None and record._record[record._position(name)] is not MISSING


def _item(collection: Any, key: object) -> Model | _Example | None:
    """Return the record of a collection with an index or a title, if it is loaded."""
    if type(collection) is _Example:
        is_index = _is(collection.of, Collection) and type(key) in (int, str)
        return _example(collection.of._model) if is_index else None
    if not _is(collection, Collection):
        return None
    records: list[Model] = collection._loaded()
    if type(key) is int:
        return records[key] if -len(records) <= key < len(records) else None
    label = label_of(collection._model)
    if label is None or type(key) is not str:
        return None
    return next((record for record in records if record._slot(label, None) == key), None)
