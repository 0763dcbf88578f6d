"""The IPython extension, which completes titles and attributes with Tab."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Let Tab complete what follows a chain such as `page.notes["` or `pages[0].`.

    `%load_ext backpack_orm` calls this, and so does an import of the package in a session. What
    Tab offers is loaded already: it makes no request.

    Raises:
        ImportError: IPython is older than 8.6.

    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell()
    >>> load_ipython_extension(shell)
    >>> len(shell.Completer.custom_matchers)
    1
    """
    from backpack_orm.display import completion

    completion.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Restore IPython's own completion; `%unload_ext backpack_orm` calls this.

    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell()
    >>> load_ipython_extension(shell)
    >>> unload_ipython_extension(shell)
    >>> shell.Completer.custom_matchers
    []
    """
    from backpack_orm.display import completion

    completion.unload(shell)


def load_where_it_runs() -> None:
    """Load the extension into the IPython session that this runs in, where it does."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    if shell is not None:
        with suppress(ImportError):  # it is too old for this, and for nothing else
            shell.extension_manager.load_extension("backpack_orm")  # %unload_ext knows of it then
