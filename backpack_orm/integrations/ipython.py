"""The extension for IPython: Tab completes titles and attributes, and magic commands connect."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add `%backpack` and `%%note`, and let Tab complete a chain such as `page.notes["`.

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
    from backpack_orm.integrations.magics import BackpackMagics

    completion.load(shell)
    shell.register_magics(BackpackMagics(shell))


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Restore IPython's own completion and commands, and stop the sandbox of `%backpack sandbox`.

    `%unload_ext backpack_orm` calls this.

    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell()
    >>> load_ipython_extension(shell)
    >>> unload_ipython_extension(shell)
    >>> shell.Completer.custom_matchers
    []
    """
    from backpack_orm.display import completion

    completion.unload(shell)
    manager = shell.magics_manager
    magics = manager.registry.pop("BackpackMagics", None)
    if magics is not None:
        magics.close()
        del manager.magics["line"]["backpack"], manager.magics["cell"]["note"]


def load_where_it_runs() -> None:
    """Load the extension into the IPython session that this runs in, where it does."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    if shell is not None:
        with suppress(ImportError):  # it is too old for this, and for nothing else
            shell.extension_manager.load_extension("backpack_orm")  # %unload_ext knows of it then
