"""The command line: `python -m backpack_orm.sandbox` serves until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sqlalchemy import select

from . import Sandbox
from .commands import COMMANDS, run
from .database import MEMORY, Database
from .faults import KINDS, Which
from .http_server import raise_file_limit
from .logs import LEVELS, configure
from .models import Account
from .schema import HEAD
from .token_file import VARIABLE, token_and_source


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say and return the exit code, 2 if that is not possible."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words and words[0] in COMMANDS:
            configure()
            return run(words[0], words[1:])
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
    if "all" in arguments["clears_omitted"]:
        arguments["clears_omitted"] = True
    with Sandbox(**arguments, token=token) as box:
        for words in faults:
            box.faults.add(words)
        if opened:
            print(f"backpack sandbox: {opened}", file=sys.stderr, flush=True)
        said = f"token in {source}" if source else f"token {box.token}"
        trust = f" ca-bundle {box.ca_bundle}" if options.tls else ""
        print(f"backpack sandbox ready: {box.url} {said}{trust}", flush=True)
        end.wait()


def _opening(data: str, account: str, seed: str | None, create: bool) -> str:
    """Return what is opened, for the user to see; empty if nothing is kept.

    Raises ValueError if the file has other accounts only, or if its account has a content already.
    """
    if data == MEMORY:
        return ""
    path = Path(data).absolute()
    if not path.is_file():
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
            f"{path} has no account {account!r}, only {others}: name one of them with --account, "
            "or add --create-account"
        )
    return f"opened {path} (schema {HEAD}) and created the account {account!r} in it"


def _accounts_in(data: str) -> list[str]:
    database = Database(data)
    try:
        with database.reading() as session:
            return list(session.scalars(select(Account.name).order_by(Account.key)))
    finally:
        database.close()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backpack_orm.sandbox",
        allow_abbrev=False,  # `--token SECRET` must not pass for `--token-file SECRET`
        description="A Backpack server of one's own. It prints one line when it is ready.",
        epilog=f"Other commands: {', '.join(COMMANDS)}. `%(prog)s backup --help` and so on.",
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
        help="contents of a new account: demo, empty or the path of an export (demo)",
    )
    parser.add_argument(
        "--if-new",
        action="store_true",
        help="ignore --seed if the account already exists; without it that is an error",
    )
    parser.add_argument("--account", default="acme", metavar="NAME", help="name (%(default)s)")
    parser.add_argument(
        "--create-account",
        action="store_true",
        help="create the account if the file has others only; without it that is an error",
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
        help="serve requests to this host name, too; may be given more than once (by default only "
        "to the names of the address listened on, since web pages can make browsers use others)",
    )
    parser.add_argument(
        "--log-level",
        choices=LEVELS,
        default="warning",
        help="what to write to standard error (%(default)s and worse)",
    )
    parser.add_argument("--access-log", action="store_true", help="log each request, too")
    parser.add_argument("--log-json", action="store_true", help="log JSON lines")
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


if __name__ == "__main__":
    sys.exit(main())
