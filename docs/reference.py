"""Generates the pages of the reference while the site is built: one for each model, and others.

The tables of attributes are generated from the field definitions of the models; the meanings come
from the docstrings.
"""

from __future__ import annotations

import itertools
import re
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from textwrap import dedent
from typing import Any

import backpack_orm
from backpack_orm import Model, errors
from backpack_orm.connection.connection import INTERNAL
from backpack_orm.orm.queries.collections import Embedded
from backpack_orm.orm.writing.saving import Savable

FOLDER = Path(__file__).with_suffix("")
_HOOKS = {"load_ipython_extension", "unload_ipython_extension"}
PUBLIC = {
    name: getattr(backpack_orm, name)
    for name in backpack_orm.__all__
    if name[0] != "_" and name not in _HOOKS
}
CLASSES = {name: value for name, value in PUBLIC.items() if isinstance(value, type)}
MODELS = {name: cls for name, cls in CLASSES.items() if issubclass(cls, Model) and cls is not Model}
OTHERS = {
    "Connections": [
        *("connect", "using", "current", "Connection", "Stats"),
        *(f"connection.hooks.{name}" for name in ("Hooks", "Hook")),
        *(f"{kind}Event" for kind in ("Request", "Response", "Retry", "Cache")),
    ],
    "Signals": ["CreatedEvent", "SavedEvent", "DestroyedEvent"],
    "Signing in with OAuth": ["OAuthApp", "Grant", "OAuthAccount"],
    "Collections": [
        "Collection",
        "orm.queries.collections.Embedded",
        "orm.copying.children.Children",
        "orm.queries.searches.Search",
        "orm.queries.bulk_methods.BulkMethods",
        "models.page_tags.Tags",
        "models.item.Items",
    ],
    "What models share": ["Model", "SaveResult", "CopyResult", "SyncPlan"],
    "Operations over many records": ["BulkResult", "orm.operations.bulk.Failure"],
    "Relations of your own models": ["HasMany", "HasItems", "Embeds"],
    "Probing the service": ["probe_partial_updates", "ProbeResult"],
    "Exports": ["Export"],
    "Charts": ["display.journal_timeline", "display.open_items"],
    "Archives": [
        f"archive.{name}"
        for name in (
            "Archive",
            "Snapshot",
            "SyncResult",
            "LastSync",
            "Gap",
            "Merged",
            "Entry",
            "Plan",
            "RestoreResult",
            "Difference",
            "Diff",
            "Change",
            "Version",
            "Verification",
            "Problem",
            "PruneResult",
            "sync_many",
            "AccountSync",
            "token_from_environment",
        )
    ],
    "Extensions": [
        "integrations.flask.Backpack",
        "integrations.flask.sign_in_blueprint",
        "integrations.flask.sign_in_required",
        "integrations.django.connections.Connections",
        "integrations.django.testing.BackpackTestMixin",
        "integrations.django.sign_in.sign_in_required",
        "integrations.sign_in.SignIn",
        "integrations.fastapi.Backpack",
        "integrations.fastapi.handle_errors",
        "integrations.mcp.create_server",
        "integrations.viewer.create_app",
        "integrations.vcr.recorder",
        "integrations.testkit.PluginTests",
    ],
    "Texts": [
        "text.to_html",
        "text.to_markdown",
        "text.to_plain",
        "text.parse",
        "text.find_links",
        "text.Document",
        "text.ConversionWarning",
    ],
    "Exceptions": [name for name in vars(errors) if name in CLASSES],  # base classes first
    "The sandbox in Python": [
        f"sandbox.{name}"
        for name in (
            "Sandbox",
            "Exchange",
            "Faults",
            "Fault",
            "OAuth",
            "Application",
            "TokenRequest",
        )
    ],
}
"""Pages that are not about one model, with the names that each documents."""
LEFT_OUT = {
    "integrations.django.testing.BackpackTestMixin": ["setUp"],
    "integrations.testkit.PluginTests": [
        "output",
        "plugin",
        "test_it_ignores_other_accounts",
        "test_it_leaves_no_function",
        "test_it_loses_no_write",
        "test_it_works_in_a_forked_process",
        "test_its_functions_raise_no_errors",
        "test_its_output_contains_no_token",
    ],
    "Connection": sorted(INTERNAL),
    "HasItems": ["collection", "target"],
    "HasMany": ["collection", "target"],
    "Embeds": ["collection", "target"],
    "archive.Plan": ["scope", "source"],
    "archive.Snapshot": ["contents"],
    "connection.hooks.Hook": ["send"],
    "connection.hooks.Hooks": ["begin", "begin_sign_in", "cached", "end", "retry"],
    "sandbox.Exchange": ["path", "status", "verb"],
    "sandbox.Fault": ["end", "fires", "respond", "wait"],
    "sandbox.Faults": ["fault_for"],
    "sandbox.OAuth": ["allowed", "caller", "open", "record", "sign_in"],
    "sandbox.TokenRequest": ["client_id", "error", "type"],
}
"""Members that the docstring of the class documents, or that only this package uses."""

_ATTRIBUTES = re.compile(r"^Attributes:\n((?:    .*\n|\n)*)", re.MULTILINE)
_MEANING = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.MULTILINE)
_HEAD = ("attribute", "meaning", "access", "in responses")


def pages() -> dict[str, str]:
    """Return the text of each page by file name."""
    texts = {f"models/{name}.rst": _text(name, [name]) for name in MODELS}
    for title, names in OTHERS.items():
        texts[title.lower().replace(" ", "-") + ".rst"] = _text(title, names)
    return texts


def _text(title: str, names: list[str]) -> str:
    parts = [f"{title}\n{'=' * len(title)}\n"]
    for name in names:
        module, _, short_name = f"backpack_orm.{name}".rpartition(".")
        found = named(name)
        kind = "autoclass" if isinstance(found, type) else "autofunction"
        parts.append(f".. currentmodule:: {module}\n\n.. {kind}:: {short_name}")
        if short_name in MODELS:
            known = ", ".join(meanings(MODELS[short_name]))
            parts.append(f"   :inherited-members: RichDisplay\n   :exclude-members: {known}")
        elif isinstance(found, type):
            if public_bases(found):
                parts.append("   :show-inheritance:")
            if name in LEFT_OUT:
                parts.append(f"   :exclude-members: {', '.join(LEFT_OUT[name])}")
        parts.append("")
    return "\n".join(parts)


def public_bases(cls: type) -> list[type]:
    """Return the nearest base classes that the reference documents, and builtin errors."""
    documented = {named(name) for name in itertools.chain(*OTHERS.values())}
    ours = [base for base in cls.__mro__[1:] if base in documented]
    nearest = [
        base
        for base in ours
        if not any(issubclass(other, base) for other in ours if other is not base)
    ]
    builtin = [
        base
        for base in cls.__bases__
        if issubclass(base, BaseException) and base.__module__ == "builtins"
    ]
    return nearest + builtin


def named(path: str) -> Any:
    """Return an object by its path in the package."""
    module, _, name = f"backpack_orm.{path}".rpartition(".")
    return getattr(import_module(module), name)


def meanings(model: type[Model]) -> dict[str, str]:
    """Return the descriptions of a model's attributes from its docstring."""
    found = _ATTRIBUTES.search(cleandoc(model.__doc__ or "") + "\n")
    described = _MEANING.findall(dedent(found[1])) if found else []
    return {name: " ".join(text.split()) for name, text in described}


def table(model: type[Model]) -> str:
    """Return the attributes of a model as a table in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", "   :class: attributes", ""]
    rows = [_HEAD]
    for name, meaning in meanings(model).items():
        kind, use, wire = _row(model, name)
        rows.append((f"| :attribute:`{name}`\n       | {kind}", meaning, use, wire))
    for first, *others in rows:
        lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
    return "\n".join([*lines, ""])


def _row(model: type[Model], name: str) -> tuple[str, str, str]:
    """Return the type of an attribute, its access, and its name in responses."""
    known = model._table
    if name in known.fields:
        field = known.fields[name]
        use = "read" if field.is_read_only else "set" if field.is_write_only else "read, set"
        if field.is_required:
            use += "; required"
        wire = "its text" if field.is_text else field.wire.replace("|", "`` or ``").strip("/")
        return f"``{model.__annotations__[name]}``", use, f"``{wire}``"
    if name in known.relations:
        relation = known.relations[name]
        kind = f":class:`~backpack_orm.{relation.target}`"
        if not relation.is_single:
            collection = relation.collection or Embedded
            kind = f":class:`~{collection.__module__}.{collection.__name__}` of {kind}"
        use = "read" if relation.key is None else "read, set"
        return kind, use, f"``{relation.path}``" if relation.path else "a call of its own"
    if known.parent is not None and name == known.parent.name:
        use = "read, given to a new one" if issubclass(model, Savable) else "read"
        return f":class:`~backpack_orm.{known.parent.target}`", use, ""
    return "``int``", "read", ""  # the id of the parent


def signature(model: type[Model]) -> str:
    """Return the signature of the constructor; empty if the model cannot be created."""
    if not issubclass(model, Savable):
        return ""
    known = model._table
    parameters = [known.parent.name] if known.parent is not None else []
    parameters += [
        field.name if field.is_required else f"{field.name}={field.default!r}"
        for field in known.fields.values()
        if not field.is_read_only
    ]
    parameters += [f"{each.name}=()" for each in known.relations.values() if each.key is not None]
    return f"(*, {', '.join(parameters)})"


def with_table(model: type[Model], docstring: str) -> str:
    """Return the docstring of a model with its list of attributes replaced by the table."""
    return _ATTRIBUTES.sub(lambda _: table(model) + "\n", docstring + "\n")


def write() -> None:
    """Write the pages, and remove obsolete ones."""
    texts = {FOLDER / name: text for name, text in pages().items()}
    for path in set(FOLDER.rglob("*.rst")) - texts.keys():
        path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
