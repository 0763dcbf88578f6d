"""What a forked process has to replace: it lacks the threads that held its locks."""

from __future__ import annotations

import os
from collections.abc import Callable


def after_fork(reset: Callable[[], None]) -> Callable[[], None]:
    """Call a function in every process that is forked from this one; a decorator.

    >>> @after_fork
    ... def renew_locks() -> None: ...
    """
    if hasattr(os, "register_at_fork"):  # Windows does not fork
        os.register_at_fork(after_in_child=reset)
    return reset
