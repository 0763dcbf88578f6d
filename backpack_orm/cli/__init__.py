"""The command line `backpack`."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from contextlib import suppress

_ALLOCATIONS = 200_000
"""Between two collections of garbage. With Python's 700, they take a tenth of a short run."""


def main() -> None:
    """Run the command line, and exit with its code."""
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has fewer
        if number and signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _interrupt)
    try:
        from backpack_orm.cli.program import program

        program.main()
    except ModuleNotFoundError as missing:
        if missing.name not in ("click", "platformdirs", "rich"):
            raise
        sys.exit(
            f"Error: backpack requires {missing.name}, part of an extra: "
            'pip install "backpack_orm[cli]"'
        )
    except SystemExit as end:
        _end_at_once(end.code)
        raise


def _interrupt(*_: object) -> None:
    """Raise `KeyboardInterrupt`, and let what it leaves half-made end without a message."""
    sys.unraisablehook = _interrupt_again_if_lost
    raise KeyboardInterrupt


def _interrupt_again_if_lost(unraisable: sys.UnraisableHookArgs) -> None:
    """Send the signal again if Python has dropped its exception, as in a destructor."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        send = getattr(signal, "pthread_kill", lambda _, number: signal.raise_signal(number))
        main_thread = threading.main_thread().ident
        threading.Timer(0.05, send, (main_thread, signal.SIGINT)).start()


def _end_at_once(code: object) -> None:
    """End the process without clearing its objects one by one, which takes 5 % of a short run.

    What was registered for the exit runs before. Does nothing if other threads still run.
    """
    if not isinstance(code, int) or threading.active_count() > 1:
        return
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):  # Python reports it at its own exit
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(code)
