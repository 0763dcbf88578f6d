"""The extension for IPython: completion, magic commands, and the display of a sandbox."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from backpack_orm.sandbox import Sandbox

_SANDBOX = ("backpack_orm.sandbox", "Sandbox")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add `%backpack`, `%%note`, tab completion after `page.notes["`, and the display of a sandbox.

    `%load_ext backpack_orm` calls this, and so does importing the package in a session. Completion
    offers what is loaded, and makes no request.

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
    _html(shell).for_type_by_name(*_SANDBOX, _sandbox)


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
    with suppress(KeyError):  # it was not loaded
        _html(shell).pop(".".join(_SANDBOX))
    manager = shell.magics_manager
    magics = manager.registry.pop("BackpackMagics", None)
    if magics is not None:
        magics.close()
        del manager.magics["line"]["backpack"], manager.magics["cell"]["note"]


def load_where_it_runs() -> None:
    """Load the extension into the current IPython session, if there is one."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    if shell is not None:
        with suppress(ImportError):  # IPython is too old for the extension; the rest works
            # Through its manager, so that %unload_ext finds it.
            shell.extension_manager.load_extension("backpack_orm")


def _html(shell: InteractiveShell) -> Any:
    """Return what formats objects as HTML."""
    assert shell.display_formatter is not None
    return shell.display_formatter.formatters["text/html"]


def _sandbox(box: Sandbox) -> str:
    """Return the HTML of a sandbox, which knows nothing of the mapper and hence of its display."""
    from backpack_orm.display.contents import Card, Facts
    from backpack_orm.display.web import render

    try:
        title, facts = box.url, [Facts([("requests", box.requests)])]
    except RuntimeError:
        return render(Card("Sandbox", "", [], ["not started: call start() or use `with`"]))
    return render(Card("Sandbox", title, facts))
