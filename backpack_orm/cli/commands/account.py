"""Logging in and out, and who is logged in."""

from __future__ import annotations

import os
import sys
from functools import partial

import click

import backpack_orm
from backpack_orm.cli.common import command
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State, pass_state

WHOAMI = ("id", "name", "email_address", "account", "time_zone", "admin", "profile", "token_source")


@command(
    "login",
    examples=[
        "backpack login",
        "backpack login acme --profile work",
        "backpack login acme --token-stdin < token.txt",
        "backpack login acme --oauth --client-id trips",
    ],
)
@click.argument("account", required=False)
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.option("--oauth", is_flag=True, help="Sign in with OAuth 2 in a browser, without a token.")
@click.option(
    "--client-id",
    envvar="BACKPACK_CLIENT_ID",
    show_envvar=True,
    help="With --oauth: the application that you have registered.",
)
@click.option(
    "--redirect-uri",
    default="http://127.0.0.1:8400/back",
    show_default=True,
    help="With --oauth: its redirect address.",
)
@click.option("--provider", help="With --oauth: the address of another provider.")
@click.option(
    "--store",
    type=click.Choice(["keyring", "file"]),
    default="keyring",
    show_default=True,
    help="Where to store the token. The file is not encrypted.",
)
@pass_state
def login(
    state: State,
    account: str | None,
    token_stdin: bool,
    oauth: bool,
    client_id: str | None,
    redirect_uri: str,
    provider: str | None,
    store: str,
) -> None:
    """Store the token of an account on this machine.

    ACCOUNT is its name, such as acme, or its address. The token is under My info in Backpack. It is
    checked with one request before it is stored.

    With --oauth, you sign in with a browser instead. The client secret of the application is asked
    for, or is in BACKPACK_CLIENT_SECRET.
    """
    from backpack_orm.cli import config, connecting, grants, tokens

    profile = config.load().profile_to_add(state.profile_name)
    account = account or profile.account or _ask_account(state)
    if profile.account not in (None, account):
        raise CommandError(
            f"the profile {profile.name!r} is of {profile.account}",
            hint=f"Choose another name: `backpack login {account} --profile NAME`.",
        )
    profile.settings = {"account": config.Setting(account, "login"), **profile.settings}
    url = connecting.address_of(profile)
    if oauth:
        application = _application(state, client_id, redirect_uri, provider)
        grant = grants.sign_in(application, partial(_ask_address, state))
        with grant.connect(url):
            me = backpack_orm.User.me()
        token = grants.stored_form(application, grant)
    else:
        token = _read_token(state, url, from_stdin=token_stdin)
        with connecting.open_connection(profile, url, tokens.Token(token, "login")):
            me = backpack_orm.User.me()
    place = tokens.store(url, token, in_file=store == "file")
    if store == "file":
        state.output.warn(f"the token is not encrypted in {place}")
    if not profile.is_stored:
        config.add_profile(profile.name, account)
    row = {"id": me.id, "name": me.name, "account": url, "profile": profile.name, "stored": place}
    state.output.done(
        f"Logged in to {url} as {me.name}. The token is stored in: {place}.", list(row), row
    )


def _ask_account(state: State) -> str:
    if not state.is_interactive:
        raise CommandError("the account is missing", hint="Run `backpack login ACCOUNT`.")
    return str(click.prompt("Account (the first part of its address)", err=True))


def _application(
    state: State, client_id: str | None, redirect_uri: str, provider: str | None
) -> dict[str, str]:
    """Return the arguments of the application that asks for access."""
    if not client_id:
        raise CommandError("--oauth needs --client-id, the application that you have registered")
    secret = os.environ.get("BACKPACK_CLIENT_SECRET")
    if not secret:
        if not state.is_interactive:
            raise CommandError(
                "there is no terminal to ask for the client secret on",
                hint="Set BACKPACK_CLIENT_SECRET.",
            )
        secret = str(click.prompt(f"Client secret of {client_id}", hide_input=True, err=True))
    found = {"client_id": client_id, "client_secret": secret, "redirect_uri": redirect_uri}
    return found | ({"provider": provider} if provider else {})


def _ask_address(state: State, text: str) -> str:
    """Ask for the address that the browser ends at."""
    if not state.is_interactive:
        raise CommandError("no browser can be opened, and there is no terminal to ask on")
    return str(click.prompt(text, err=True))


def _read_token(state: State, url: str, *, from_stdin: bool) -> str:
    if from_stdin:
        token = "" if sys.stdin is None else sys.stdin.readline().strip()
    elif state.is_interactive:
        token = str(click.prompt(f"Token for {url}", hide_input=True, err=True)).strip()
    else:
        raise CommandError(
            "there is no terminal to ask for the token on",
            hint="Pipe it in, with --token-stdin.",
        )
    if not token:
        raise CommandError("standard input contains no token", ExitCode.AUTHENTICATION)
    return token


@command("logout", examples=["backpack logout", "backpack logout --profile work"])
@pass_state
def logout(state: State) -> None:
    """Remove the stored token of an account.

    The profile stays. The token stays valid: change it under My info in Backpack if others may
    know it.
    """
    from backpack_orm.cli import connecting, tokens

    url = connecting.address_of(state.profile)
    places = tokens.remove(url)
    if not places:
        raise CommandError(f"no token for {url} is stored", ExitCode.NOT_FOUND)
    row = {"account": url, "removed_from": places}
    state.output.done(f"Removed the token for {url} from: {', '.join(places)}.", list(row), row)


@command("whoami", examples=["backpack whoami", "backpack whoami -o json"])
@pass_state
def whoami(state: State) -> None:
    """Show the account, the user and the time zone. Makes one request."""
    from backpack_orm.cli import connecting

    connection = state.connect()
    me = backpack_orm.User.me()
    row = {
        "id": me.id,
        "name": me.name,
        "email_address": me.email_address,
        "account": connection.url,
        "time_zone": me.time_zone_id,
        "admin": me.admin,
        "profile": state.profile.name if state.profile.is_stored else None,
        "token_source": connecting.token_of(state.profile).source,
    }
    state.output.record(WHOAMI, row, summary=f"{me.name}, {connection.url}")
