"""An IPython shell for a test, which leaves nothing to do when the process ends."""

from __future__ import annotations

import atexit

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


def new_shell() -> InteractiveShell:
    """Return a shell without a history in the home directory.

    A shell clears its variables and collects garbage at the end of the process, which takes longer
    than the test.
    """
    shell = InteractiveShell(config=Config({"HistoryAccessor": {"enabled": False}}))
    atexit.unregister(shell.atexit_operations)
    return shell
