"""The command line: `python -m backpack_orm.sandbox` serves until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from . import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Serve as the arguments say; returns the exit code, 2 when that is not possible."""
    options = _options().parse_args(arguments)
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    try:
        with Sandbox(**vars(options)) as box:
            print(f"backpack sandbox ready: {box.url} token {box.token}", flush=True)
            end.wait()
    except (OSError, OverflowError, ValueError) as error:
        print(f"backpack sandbox: {error}", file=sys.stderr)
        return 2
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backpack_orm.sandbox",
        description="A Backpack server of one's own. It prints one line when it is ready.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=8137, help="port to listen on, 0 for any free one (%(default)s)"
    )
    parser.add_argument(
        "--data",
        default=":memory:",
        metavar="FILE",
        help="file that keeps everything for the next time (%(default)s: nothing is kept)",
    )
    parser.add_argument("--seed", default="demo", help="how a new account begins: demo or empty")
    parser.add_argument("--account", default="acme", metavar="NAME", help="name (%(default)s)")
    parser.add_argument(
        "--token",
        help="lets the account's first user in, in place of the stored one; random if never given",
    )
    parser.add_argument(
        "--require-ssl",
        action="store_true",
        help="redirect plain HTTP to https, as the service does",
    )
    parser.add_argument(
        "--limits",
        action="store_true",
        help="refuse requests past those that the service permits in any 5 seconds",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
