"""How `make docs` builds the site."""

from __future__ import annotations

import inspect
import os
import re
import sys
from functools import reduce
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.nodes import Node, system_message
from jupyter_client.manager import KernelManager
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from backpack_orm import BackpackError, __version__

sys.path.insert(0, str(Path(__file__).parent))

import command_reference
import error_table
import llms
import notebook_files
import public_api
import reference
import search_words

project = "backpack_orm"
author = copyright = "the backpack_orm developers"
version = release = __version__
language = "en"

extensions = [
    "myst_nb",
    "notfound.extension",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.linkcode",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_inline_tabs",
]
# Only where the site is published: elsewhere there may be no network, and names stay without links.
intersphinx_mapping = (
    {
        "pandas": ("https://pandas.pydata.org/docs/", None),
        "python": ("https://docs.python.org/3/", None),
        "requests": ("https://requests.readthedocs.io/en/latest/", None),
    }
    if os.environ.get("READTHEDOCS")
    else {}
)
exclude_patterns = ["_build", "performance/*.md", "examples", "templates"]

html_theme = "furo"
html_title = f"backpack_orm {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
templates_path = ["templates"]
html_baseurl = llms.SITE
html_favicon = "static/icon.svg"
html_theme_options = {
    "source_repository": "https://github.com/backpack-orm/backpack_orm/",
    "source_branch": "main",
    "source_directory": "docs/",
}
notfound_urls_prefix = "/"
notfound_context = {
    "title": "There is no such page",
    "body": """\
<h1>There is no such page</h1>
<p>It may have moved. Search for any word of it, or start at the
<a href="/index.html">front page</a>, which lists all documents.</p>
""",
}
html_show_sourcelink = False

myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline", "colon_fence"]
# Kernels that support encryption warn if it is not configured.
if hasattr(KernelManager, "transport_encryption"):
    KernelManager.transport_encryption.default_value = "auto"
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True

# Text in single backticks in docstrings is code, and a link if it names a documented object.
default_role = "py:obj"
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
# In annotations, the builtin `type` is taken for one of the attributes of that name.
suppress_warnings = ["ref.python"]
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


_ROOT = Path(__file__).parent.parent
_COMMIT = os.environ.get("READTHEDOCS_GIT_COMMIT_HASH", "main")


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Return the address of the source of an object; None if it has none of its own."""
    try:
        found = reduce(getattr, info["fullname"].split("."), sys.modules[info["module"]])
        found = inspect.unwrap(getattr(found, "fget", found))
        lines, start = inspect.getsourcelines(found)
        path = Path(inspect.getsourcefile(found) or "").relative_to(_ROOT)
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return None
    repository = html_theme_options["source_repository"]
    return f"{repository}blob/{_COMMIT}/{path}#L{start}-L{start + len(lines) - 1}"


class Attribute(SphinxRole):
    """The name of an attribute, with an anchor for links."""

    def run(self) -> tuple[list[Node], list[system_message]]:
        """Return the name as code, with an anchor such as `Page.title`."""
        name = f"{self.env.ref_context['py:class']}.{self.text}"
        return [nodes.literal(self.text, self.text, ids=[name])], []


def prepare_docstring(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Put the table of attributes into the docstring of a model.

    What precedes a colon in a property or a result is not its type, as napoleon would have it.
    """
    if obj in reference.MODELS.values():
        lines[:] = reference.with_table(obj, "\n".join(lines)).split("\n")
    if what == "property":
        lines[0] = f": {lines[0]}"
    for number, line in enumerate(lines[1:], 1):
        if lines[number - 1] == "Returns:":
            lines[number] = line.replace(line.lstrip(), f": {line.lstrip()}")


_TYPE = re.compile(r"^(\.\. attribute:: .*\n)((?:\n|   .*\n)*?)   :type: (.*)\n", re.MULTILINE)


def put_types_beside_names(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Show the type of an attribute beside its name, instead of in a paragraph of its own."""

    def moved(found: re.Match[str]) -> str:
        short = re.sub(r"(?<![\w.~])((?:\w+\.)+\w+)", r"~\1", found[3])
        return f"{found[1]}   :type: {short}\n{found[2]}"

    lines[:] = _TYPE.sub(moved, "\n".join([*lines, ""])).split("\n")


def show_public_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[Any]) -> None:
    """Leave base classes out that are not documented."""
    bases[:] = reference.public_bases(obj)


_TIDY = {
    r" = <function (\w+)>": r" = \1",
    r" = NOTHING": " = ...",
    # These take nothing: they report a wrong argument with a hint.
    r"\(\*\w+: (?:~typing\.)?Never, ": "(*, ",
    r", \*\*\w+: (?:~typing\.)?Never": "",
    r"\*args: ~?P(?:\.args)?, \*\*(\w+): ~?P(?:\.kwargs)?": r"**\1",
}
"""Parts of signatures that only Python or a type checker needs, and what a reader sees instead."""


def replace_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: str, returns: str
) -> tuple[str, str] | None:
    """Return the signature of a model's constructor, or that of a method as its callers need it."""
    if obj in reference.MODELS.values():
        return reference.signature(obj), ""
    if what == "class":
        if issubclass(obj, Exception):  # of errors, that of the base class is enough
            return ("", "") if BackpackError in obj.__mro__[1:] else None
        if not public_api.is_to_be_called(obj):
            return "", ""
    if not arguments:
        return None
    # These have defaults only to report a missing argument with a hint.
    is_required = name.endswith((".find", ".create"))
    arguments = arguments.replace(" = Ellipsis", "" if is_required else " = ...")
    for found, shown in _TIDY.items():
        arguments = re.sub(found, shown, arguments)
    return arguments, returns


def skip_member(
    app: Sphinx, what: str, name: str, obj: object, skipped: bool, options: Any
) -> bool | None:
    """Skip the fields of named tuples, which the docstrings of their classes document."""
    return True if str(obj.__doc__).startswith("Alias for field number") else None


def add_search_words(app: Sphinx, document: str, source: list[str]) -> None:
    """Let the search find a document by words that are not in it."""
    if document in search_words.WORDS:
        source[0] = search_words.add(source[0], search_words.WORDS[document])


def complete(app: Sphinx, error: Exception | None) -> None:
    """Write the list of documents for language models, and complete the notebooks to download."""
    if error is None:
        llms.write(Path(app.outdir))
        notebook_files.write(Path(app.outdir), llms.SITE)


def setup(app: Sphinx) -> None:
    """Register the role and the event handlers."""
    app.add_role("attribute", Attribute())
    app.connect("builder-inited", lambda app: error_table.write())
    app.connect("builder-inited", lambda app: reference.write())
    app.connect("builder-inited", lambda app: command_reference.write())
    app.connect("source-read", add_search_words)
    app.connect("build-finished", complete)
    app.connect("autodoc-process-docstring", prepare_docstring, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", put_types_beside_names, priority=600)  # after it
    app.connect("autodoc-process-bases", show_public_bases)
    app.connect("autodoc-process-signature", replace_signature)
    app.connect("autodoc-skip-member", skip_member)
