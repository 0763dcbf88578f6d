"""The configuration: what is set, and where it comes from."""

from __future__ import annotations

import os

from backpack_orm.cli.common import group
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state

config = group(
    "config",
    "Show the configuration and where it comes from.",
    examples=["backpack config show", "backpack config path"],
)


@config.command("show", examples=["backpack config show", "backpack config show --profile work"])
@pass_state
def show(state: State) -> None:
    """Show each setting, its value and its source. The token is not shown.

    Makes no request. Runs `token_command`, to find out whether there is a token.
    """
    from backpack_orm.cli import connecting, tokens
    from backpack_orm.cli.output import VARIABLE

    profile = state.profile
    rows: list[dict[str, object]] = [
        {"setting": "profile", "value": profile.name, "source": profile.source}
    ]
    for key, setting in profile.settings.items():
        rows.append({"setting": key, "value": setting.value, "source": setting.source})
    if os.environ.get(VARIABLE):
        rows = [row for row in rows if row["setting"] != "output"]
        rows.append({"setting": "output", "value": os.environ[VARIABLE], "source": VARIABLE})
    if profile.account is not None:
        token = tokens.find(profile, connecting.address_of(profile))
        rows.append(
            {
                "setting": "token",
                "value": "(hidden)" if token else None,
                "source": token.source if token else "nowhere",
            }
        )
    state.output.rows(("setting", "value", "source"), rows, summary=counted("setting"))


@config.command("path", examples=["backpack config path", '$EDITOR "$(backpack config path)"'])
@pass_state
def path(state: State) -> None:
    """Print the path of the configuration file, which may not exist yet."""
    from backpack_orm.cli import folders
    from backpack_orm.cli.formats import Format
    from backpack_orm.cli.output import Output

    place = folders.config_file()
    try:
        output = state.output
    except CommandError:  # the file has a mistake, which its path helps to mend
        output = Output(state.format or Format.PLAIN)
    output.text(str(place), {"path": str(place), "exists": place.exists()})
