"""The command line `python -m backpack_orm.sandbox`, which serves until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sqlalchemy import select

from . import Application, Sandbox
from .commands import COMMANDS, run
from .data_addresses import ArgumentParser, is_postgresql
from .database import MEMORY
from .faults import KINDS, Which
from .http_server import raise_file_limit
from .logs import LEVELS, configure
from .models import Account
from .schema import HEAD
from .storage import open_database
from .token_file import VARIABLE, token_and_source


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code, 2 after an error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments and arguments[0] in COMMANDS:
            configure()
            return run(arguments[0], arguments[1:])
        _serve(_options().parse_args(arguments))
    except (ImportError, OSError, OverflowError, ValueError) as error:
        print(f"backpack sandbox: {error}", file=sys.stderr)
        return 2
    return 0


def _serve(options: argparse.Namespace) -> None:
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    arguments = vars(options)
    configure(
        arguments.pop("log_level"),
        access=arguments.pop("access_log"),
        as_json=arguments.pop("log_json"),
    )
    raise_file_limit()
    refused_seed = None if arguments.pop("if_new") else options.seed
    create = arguments.pop("create_account")
    opened = _opening(options.data, options.account, refused_seed, create)
    arguments["seed"] = options.seed or "demo"
    token, source = token_and_source(arguments.pop("token_file"))
    faults = arguments.pop("fault")
    arguments["applications"] = [Application(one) for one in arguments.pop("application")]
    if "all" in arguments["clears_omitted"]:
        arguments["clears_omitted"] = True
    with Sandbox(**arguments, token=token) as box:
        for fault in faults:
            box.faults.add(fault)
        if opened:
            print(f"backpack sandbox: {opened}", file=sys.stderr, flush=True)
        token_or_source = f"token in {source}" if source else f"token {box.token}"
        bundle = f" ca-bundle {box.ca_bundle}" if options.tls else ""
        print(f"backpack sandbox ready: {box.url} {token_or_source}{bundle}", flush=True)
        for one in arguments["applications"]:
            print(
                f"backpack sandbox application: {one.redirect_uri} client-id {one.client_id} "
                f"client-secret {one.client_secret}",
                flush=True,
            )
        end.wait()


def _opening(data: str, account: str, seed: str | None, create: bool) -> str:
    """Return a message about the file and account that are opened; empty for data in memory.

    Raises ValueError if the file contains only other accounts, or if `seed` is given for an account
    that exists.
    """
    if data == MEMORY:
        return ""
    path: object = "the database" if is_postgresql(data) else Path(data).absolute()
    if isinstance(path, Path) and not path.is_file():
        return f"created {path} (schema {HEAD}) with the account {account!r}"
    names = _accounts_in(data)
    if account in names:
        if seed is not None:
            raise ValueError(
                f"{path} already contains the account {account!r}, and --seed fills new accounts "
                "only: omit it, add --if-new, or give another --account"
            )
        return f"opened {path} (schema {HEAD}), account {account!r}"
    if names and not create:
        others = ", ".join(map(repr, names))
        raise ValueError(
            f"{path} has no account {account!r}, only {others}: pass one of them as --account, "
            "or add --create-account"
        )
    return f"opened {path} (schema {HEAD}) and created the account {account!r} in it"


def _accounts_in(data: str) -> list[str]:
    database = open_database(data)
    try:
        with database.reading() as session:
            return list(session.scalars(select(Account.name).order_by(Account.key)))
    finally:
        database.close()


def _options() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="python -m backpack_orm.sandbox",
        allow_abbrev=False,  # `--token SECRET` must not pass for `--token-file SECRET`
        description="A local Backpack server. It prints one line when it is ready.",
        epilog=f"Other commands: {', '.join(COMMANDS)}. `%(prog)s backup --help` and so on.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=8137, help="port to listen on, 0 for any free one (%(default)s)"
    )
    parser.add_argument(
        "--data",
        default=":memory:",
        metavar="DATA",
        help="file to store the data in, or address of a PostgreSQL database (%(default)s: nothing "
        "is stored)",
    )
    parser.add_argument(
        "--seed",
        help="contents of a new account: demo, empty or the path of an export (demo)",
    )
    parser.add_argument(
        "--if-new",
        action="store_true",
        help="ignore --seed if the account already exists; without it that is an error",
    )
    parser.add_argument(
        "--account", default="acme", metavar="NAME", help="account name (%(default)s)"
    )
    parser.add_argument(
        "--create-account",
        action="store_true",
        help="create the account if the data contains only others; without it that is an error",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with a token for the account's first user; created with a random one if it does "
        f"not exist. Without it, {VARIABLE} is read from the environment, or a random token is "
        "generated and printed",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        dest="allowed_hosts",
        metavar="NAME",
        help="also accept requests to this host name; can be repeated (by default only names of "
        "the address that is listened on, as a protection against DNS rebinding)",
    )
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="URL under which clients reach the sandbox through a proxy, such as "
        "https://backpack.example",
    )
    parser.add_argument(
        "--trusted-proxy",
        metavar="ADDRESS",
        help="address of a proxy whose X-Forwarded-For and X-Forwarded-Proto name the client and "
        "the scheme; '*' for any, if only the proxy can connect",
    )
    parser.add_argument(
        "--log-level",
        choices=LEVELS,
        default="warning",
        help="minimum level of the log on standard error (%(default)s)",
    )
    parser.add_argument("--access-log", action="store_true", help="also log each request")
    parser.add_argument("--log-json", action="store_true", help="log JSON lines")
    parser.add_argument(
        "--require-ssl",
        action="store_true",
        help="redirect plain HTTP to https, as the service does",
    )
    parser.add_argument(
        "--limits",
        action="store_true",
        help="enforce the rate limits of the service",
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="also accept https, and print the path of the CA certificate",
    )
    parser.add_argument(
        "--clears-omitted",
        action="append",
        default=[],
        metavar="FIELD",
        help="clear a field if an update omits it, such as item.content, or `all` of them; can be "
        "repeated (by default an omitted field keeps its value)",
    )
    parser.add_argument(
        "--application",
        action="append",
        default=[],
        metavar="REDIRECT_URI",
        help="let users sign in to another application with OAuth; its client id and client secret "
        "are printed, and stored with the data; can be repeated",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        help="simulate a failure in this process, such as 'drop_after_write times=1 "
        f"path=ws/page/*/notes/create'; can be repeated. Failures: {', '.join(KINDS)}. "
        f"Options that select requests: {', '.join(Which.__annotations__)}",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
