"""The command line: `python -m backpack_orm.sandbox` serves until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from . import Sandbox
from .accounts import account_named
from .database import Database
from .faults import KINDS, Which
from .mail import deliver


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; returns the exit code, 2 when that is not possible."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words[:1] == ["deliver"]:
            _deliver(_delivery().parse_args(words[1:]))
        else:
            _serve(_options().parse_args(words))
    except (ImportError, OSError, OverflowError, ValueError) as error:
        print(f"backpack sandbox: {error}", file=sys.stderr)
        return 2
    return 0


def _serve(options: argparse.Namespace) -> None:
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    arguments = vars(options)
    faults = arguments.pop("fault")
    if "all" in arguments["clears_omitted"]:
        arguments["clears_omitted"] = True
    with Sandbox(**arguments) as box:
        for words in faults:
            box.faults.add(words)
        trust = f" ca-bundle {box.ca_bundle}" if options.tls else ""
        print(f"backpack sandbox ready: {box.url} token {box.token}{trust}", flush=True)
        end.wait()


def _deliver(options: argparse.Namespace) -> None:
    if not Path(options.data).is_file():
        raise ValueError(f"there is no file {options.data!r}")
    body = sys.stdin.read() if options.body is None else options.body
    storage = Database(options.data)
    try:
        with storage.transaction() as session:
            account = account_named(session, options.account)
            now = datetime.now(UTC).replace(microsecond=0)
            id = deliver(session, account, options.page, options.subject, body, now).id
    finally:
        storage.close()
    print(f"backpack sandbox delivered: mail {id} to page {options.page}")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backpack_orm.sandbox",
        description="A Backpack server of one's own. It prints one line when it is ready.",
        epilog="`%(prog)s deliver --help` tells how to let a mail arrive on a page.",
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
    parser.add_argument(
        "--seed",
        default="demo",
        help="how a new account begins: demo, empty or the path of an export (%(default)s)",
    )
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
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak https too, and say where the certificate is that a client has to trust",
    )
    parser.add_argument(
        "--clears-omitted",
        action="append",
        default=[],
        metavar="FIELD",
        help="empty a field that an update omits, such as item.content, or `all` of them; may be "
        "given more than once (by default an omitted field keeps its value)",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="WORDS",
        help="misbehave, as in 'drop_after_write times=1 path=ws/page/*/notes/create'; may be "
        f"given more than once. What goes wrong: {', '.join(KINDS)}. For which requests: "
        f"{', '.join(Which.__annotations__)}",
    )
    return parser


def _delivery() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backpack_orm.sandbox deliver",
        description="Let a mail arrive on a page, also while a sandbox serves the file.",
    )
    parser.add_argument("--data", required=True, metavar="FILE", help="where the sandbox keeps it")
    parser.add_argument("--account", default="acme", metavar="NAME", help="name (%(default)s)")
    parser.add_argument("--page", required=True, type=int, metavar="ID", help="the page's id")
    parser.add_argument("--subject", default="", help="the mail's subject; empty if not given")
    parser.add_argument("--body", help="the mail's text; read from standard input if not given")
    return parser


if __name__ == "__main__":
    sys.exit(main())
