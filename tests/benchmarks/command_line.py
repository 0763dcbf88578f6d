"""The command line against the same programs by hand: processor time of whole processes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.measuring import OURS, Row, take_turns
from tests.benchmarks.serving import TOKEN, serving

_SAMPLES = 21
_BARE = """
import click

@click.group()
def main():
    \"\"\"Pages.\"\"\"

@main.command()
def list():
    \"\"\"List all pages.\"\"\"

main()
"""
_BY_HAND = """
import os
import click
import requests
from lxml import etree

@click.group()
def main():
    \"\"\"Pages.\"\"\"

@main.command("list")
def list_():
    \"\"\"List all pages.\"\"\"
    url, token = os.environ["BACKPACK_URL"], os.environ["BACKPACK_TOKEN"]
    response = requests.post(
        f"{url}/ws/pages/all",
        f"<request><token>{token}</token></request>",
        headers={"Content-Type": "application/xml"},
        timeout=(5, 30),
        allow_redirects=False,
    )
    response.raise_for_status()
    for page in etree.fromstring(response.content).iter("page"):
        id = page.get("id")
        fields = (id, page.get("title"), page.get("scope") or "", f"{url}/pages/{id}")
        click.echo("\\t".join(fields))

main()
"""


def command_line() -> Iterator[Row]:
    """Measure the help, and the shortest command that makes a request."""
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.defpath,
            "HOME": folder,
            "BACKPACK_URL": url,
            "BACKPACK_TOKEN": TOKEN,
        }
        ours = [str(Path(sys.executable).with_name("backpack"))]
        bare, by_hand = [sys.executable, "-c", _BARE], [sys.executable, "-c", _BY_HAND]
        for name, bound, goal, contenders in (
            ("help", "click alone", 1.3, ([*bare, "--help"], [*ours, "--help"])),
            (
                "listing pages",
                "click, requests and lxml, by hand",
                1.2,
                ([*by_hand, "list"], [*ours, "page", "list"]),
            ),
        ):
            turns = {
                who: _process(words, environment)
                for who, words in zip((bound, OURS), contenders, strict=True)
            }
            for turn in turns.values():
                turn()
            yield take_turns(
                "Command line", f"backpack: {name}", turns, goal=goal, samples=_SAMPLES
            )


def _process(words: list[str], environment: dict[str, str]) -> Callable[[], float]:
    """Return a function that runs a program, and returns its processor time in seconds."""

    def run() -> float:
        process = os.posix_spawn(
            words[0],
            words,
            environment,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        )
        _, status, used = os.wait4(process, 0)
        if status:
            raise RuntimeError(f"{words[0]} ended with {os.waitstatus_to_exitcode(status)}")
        return used.ru_utime + used.ru_stime

    return run
