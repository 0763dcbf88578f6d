"""Measures how long calls take in accounts of 100, 1,000 and 10,000 pages.

    python -m tests.sandbox.growth [DATA]

Each page has a note, a list of five items and a tag, which ten pages share. DATA is the address of
an empty PostgreSQL database; without it the data is in a file. It prints the median of seven calls,
and the processor time of an import in this process.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import psycopg

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import NOW, Client

SIZES = (100, 1_000, 10_000)
SHARED = 10
"""Number of pages with the same tag."""
_CALLS = {
    "me.xml": ("GET", "/me.xml", ""),
    "pages of a tag, 10 of them": ("POST", "/ws/tags/select/503", ""),
    "show a page": ("POST", "/ws/page/1007", ""),
    "update an item": ("POST", "/ws/page/1007/items/update/300035", "<content>Socks</content>"),
    "list all pages": ("POST", "/ws/pages/all", ""),
    "export": ("POST", "/ws/account/export", ""),
    "search that finds one page": ("POST", "/ws/pages/search", "<term>HOUSE 37Z</term>"),
    "search that finds 10 pages": ("POST", "/ws/pages/search", "<term>street number 9.</term>"),
    "search that finds nothing": ("POST", "/ws/pages/search", "<term>Lisbon</term>"),
    "search for two characters that are nowhere": ("POST", "/ws/pages/search", "<term>xy</term>"),
}


def export_of(count: int) -> str:
    """Return the export of an account with a number of pages."""
    return f"<user id='99' name='Ana'><pages>{''.join(map(_page, range(count)))}</pages></user>"


def _page(i: int) -> str:
    items = "".join(
        f"<item id='{300_000 + 5 * i + j}'>Bring {word} to street number {i // SHARED}.</item>"
        for j, word in enumerate(("bread", "water", "maps", "shoes", "a camera"))
    )
    body = f"The key of house {i}z is under the mat. " + "Ask the neighbours about the garden. " * 8
    return (
        f"<page id='{1000 + i}' title='Page {i}'>"
        f"<tags><tag id='{500 + i // SHARED}' name='Tag {i // SHARED}'/></tags>"
        f"<notes><note id='{100_000 + i}' title='Keys'>{body}</note></notes>"
        f"<lists><list id='{200_000 + i}' name='Things'><items>{items}</items></list></lists>"
        "</page>"
    )


def measure(data: str, seed: Path) -> dict[str, float]:
    """Return the seconds of each call."""
    began = process_time()
    with Sandbox(seed=str(seed), data=data, clock=lambda: NOW) as box:
        seconds = {"import, processor time": process_time() - began}
        client = Client(box.url, box.token)
        for name, (verb, path, fields) in _CALLS.items():
            seconds[name] = median(_timed(client, verb, path, fields) for _ in range(7))
        client.close()
    return seconds


def _timed(client: Client, verb: str, path: str, fields: str) -> float:
    began = perf_counter()
    response = client.rest(verb, path, f"<request>{fields}</request>")
    assert response.status_code == 200, response.text
    return perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for size in SIZES:
            seed = Path(folder, f"{size}.xml")
            seed.write_text(export_of(size))
            data = sys.argv[1] if len(sys.argv) > 1 else str(Path(folder, f"{size}.db"))
            results.append(measure(data, seed))
            if data.startswith("postgresql:"):
                with psycopg.connect(data) as connection:
                    connection.execute("TRUNCATE accounts CASCADE")
    for name in results[0]:
        print(f"| {name} | {' | '.join(f'{1000 * result[name]:.1f} ms' for result in results)} |")


if __name__ == "__main__":
    main()
