"""How `make docs` builds the site."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.nodes import Node, system_message
from jupyter_client.manager import KernelManager
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from backpack_orm import __version__

sys.path.insert(0, str(Path(__file__).parent))

import command_reference
import error_table
import public_api
import reference

project = "backpack_orm"
author = copyright = "the backpack_orm developers"
version = release = __version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "performance/*.md", "examples"]

html_theme = "furo"
html_title = f"backpack_orm {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False

myst_heading_anchors = 3
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


class Attribute(SphinxRole):
    """The name of an attribute, with an anchor for links."""

    def run(self) -> tuple[list[Node], list[system_message]]:
        """Return the name as code, with an anchor such as `Page.title`."""
        name = f"{self.env.ref_context['py:class']}.{self.text}"
        return [nodes.literal(self.text, self.text, ids=[name])], []


def insert_table(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Put the table of attributes into the docstring of a model."""
    if obj in reference.MODELS.values():
        lines[:] = reference.with_table(obj, "\n".join(lines)).split("\n")


def replace_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: str, returns: str
) -> tuple[str, str] | None:
    """Return the signature of the constructor of a model."""
    return (reference.signature(obj), "") if obj in reference.MODELS.values() else None


def skip_member(
    app: Sphinx, what: str, name: str, obj: object, skipped: bool, options: Any
) -> bool | None:
    """Skip the fields of named tuples, which the docstrings of their classes document."""
    return True if str(obj.__doc__).startswith("Alias for field number") else None


def setup(app: Sphinx) -> None:
    """Register the role and the event handlers."""
    app.add_role("attribute", Attribute())
    app.connect("builder-inited", lambda app: error_table.write())
    app.connect("builder-inited", lambda app: reference.write())
    app.connect("builder-inited", lambda app: public_api.write())
    app.connect("builder-inited", lambda app: command_reference.write())
    app.connect("autodoc-process-docstring", insert_table, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", replace_signature)
    app.connect("autodoc-skip-member", skip_member)
