"""The commands of `python -m backpack_orm.sandbox` that work on a data file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .data_addresses import ArgumentParser, data_file, is_postgresql
from .files import refuse_dangling_link
from .mail import deliver
from .maintenance import backup, check
from .restoring import restore
from .storage import open_database
from .tokens import locked_account, revoke_token, store_token, stored_tokens, user_named
from .transactions import Database

_DATA = "data file, or address of a PostgreSQL database"
PROGRAM = "python -m backpack_orm.sandbox"


def run(name: str, arguments: list[str]) -> int:
    """Run a command with its arguments and return the exit code.

    Raises OSError or ValueError with a message of one sentence.
    """
    parser_of, command = COMMANDS[name]
    return command(parser_of().parse_args(arguments))


@contextmanager
def _opened(data: str) -> Iterator[Database]:
    if not is_postgresql(data):
        refuse_dangling_link(Path(data))
        if not Path(data).is_file():
            raise ValueError(f"there is no file {data!r}")
    database = open_database(data)
    try:
        yield database
    finally:
        database.close()


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    return ArgumentParser(prog=f"{PROGRAM} {name}", description=description)


def _deliver_options() -> argparse.ArgumentParser:
    parser = _parser(
        "deliver", "Deliver an e-mail to a page, also while a sandbox serves the file."
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="DATA",
        help=_DATA,
    )
    parser.add_argument(
        "--account", default="acme", metavar="NAME", help="account name (%(default)s)"
    )
    parser.add_argument("--page", required=True, type=int, metavar="ID", help="id of the page")
    parser.add_argument("--subject", default="", help="subject of the e-mail; empty by default")
    parser.add_argument("--body", help="text of the e-mail; read from standard input by default")
    return parser


def _deliver(options: argparse.Namespace) -> int:
    with _opened(options.data) as database:
        body = sys.stdin.read() if options.body is None else options.body
        with database.transaction() as session:
            account = locked_account(session, options.account)
            id = deliver(session, account, options.page, options.subject, body, _now()).id
    print(f"backpack sandbox delivered: mail {id} to page {options.page}")
    return 0


def _backup_options() -> argparse.ArgumentParser:
    parser = _parser(
        "backup",
        "Copy a data file, also while a sandbox serves it. Other tools, such as cp, can create a "
        "copy that is damaged.",
    )
    parser.add_argument("data", metavar="DATA", help="the sandbox's data file")
    parser.add_argument("target", metavar="TARGET", help="the copy; must not exist yet")
    return parser


def _backup(options: argparse.Namespace) -> int:
    size = backup(data_file(options.data), data_file(options.target))
    print(f"backpack sandbox backed up: {options.data} to {options.target}, {size} bytes")
    return 0


def _restore_options() -> argparse.ArgumentParser:
    parser = _parser(
        "restore",
        "Replace a data file by a backup while no sandbox serves it. The former file is preserved. "
        "Other tools, such as cp, leave its log behind, which undoes the restore.",
    )
    parser.add_argument("copy", metavar="COPY", help="the backup")
    parser.add_argument("data", metavar="DATA", help="the sandbox's data file")
    return parser


def _restore(options: argparse.Namespace) -> int:
    size, former = restore(data_file(options.copy), data_file(options.data))
    kept = "" if former is None else f"; the former file is {former}"
    print(f"backpack sandbox restored: {options.data} from {options.copy}, {size} bytes{kept}")
    return 0


def _check_options() -> argparse.ArgumentParser:
    parser = _parser(
        "check",
        "Check a data file: its structure, its schema, references and positions. Exits with 1 if "
        "it finds errors.",
    )
    parser.add_argument("data", metavar="DATA", help="the sandbox's data file")
    return parser


def _check(options: argparse.Namespace) -> int:
    faults = check(data_file(options.data))
    for fault in faults:
        print(f"backpack sandbox check: {fault}", file=sys.stderr)
    if not faults:
        print(f"backpack sandbox checked: {options.data} is sound")
    return 1 if faults else 0


def _token_options() -> argparse.ArgumentParser:
    parser = _parser(
        "token", "List, create and revoke tokens of a data file, also while a sandbox serves it."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="list the tokens without showing them")
    create = actions.add_parser("create", help="create a token and print it, once")
    revoke = actions.add_parser("revoke", help="revoke a token")
    for one in (listing, create, revoke):
        one.add_argument(
            "--data",
            required=True,
            metavar="DATA",
            help=_DATA,
        )
    create.add_argument(
        "--account", default="acme", metavar="NAME", help="account name (%(default)s)"
    )
    create.add_argument("--user", metavar="NAME", help="name or id; the first user by default")
    create.add_argument("--label", default="", help="what the token is for")
    revoke.add_argument("id", type=int, metavar="ID", help="number of the token in the list")
    return parser


def _token(options: argparse.Namespace) -> int:
    with _opened(options.data) as database, database.transaction() as session:
        if options.action == "list":
            for one in stored_tokens(session):
                created = f"{one.created_at:%Y-%m-%dT%H:%M:%SZ}"
                print(one.id, one.account, one.user, created, one.label, sep="\t")
        elif options.action == "create":
            name = options.user
            is_id = name is not None and name.isascii() and name.isdigit()
            account = locked_account(session, options.account)
            user = user_named(account, int(name) if is_id else name)
            print(store_token(session, user, None, label=options.label, now=_now()))
        else:
            revoke_token(session, options.id)
    return 0


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


Command = Callable[[argparse.Namespace], int]

COMMANDS: dict[str, tuple[Callable[[], argparse.ArgumentParser], Command]] = {
    "deliver": (_deliver_options, _deliver),
    "backup": (_backup_options, _backup),
    "restore": (_restore_options, _restore),
    "check": (_check_options, _check),
    "token": (_token_options, _token),
}
