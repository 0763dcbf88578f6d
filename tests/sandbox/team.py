"""Many clients of several processes that serve one database.

    python -m tests.sandbox.team DATA SECONDS

It creates the account `team` in the database, and reports what was written, and what is wrong.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import requests

TOKEN = "team-0123456789abcdef"
PROCESSES, CLIENTS, LISTS = 4, 16, 3


@contextmanager
def serving(data: str, *options: str) -> Iterator[list[str]]:
    """Start all processes at once; yield their URLs."""
    command = [sys.executable, "-m", "backpack_orm.sandbox", "--port", "0", "--account", "team"]
    command += ["--create-account", "--seed", "empty", "--if-new", "--data", data, *options]
    environment = os.environ | {"BACKPACK_SANDBOX_TOKEN": TOKEN}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(PROCESSES)
        ]
        for process in processes:
            stack.callback(process.terminate)
        yield [process.stdout.readline().split()[3] for process in processes if process.stdout]


@dataclass
class Client:
    """A client that sends each request to another process, and notes what was stored."""

    number: int
    urls: list[str]
    page: str
    lists: list[str]
    kept: set[tuple[str, str]] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.number)
        self._session = requests.Session()
        self._session.trust_env = False

    def work(self, steps: int, end: float) -> None:
        """Write at random, at least so many times and until a time of the monotonic clock."""
        count = 0
        while count < steps or time.monotonic() < end:
            count += 1
            chance = self._dice.random()
            if chance < 0.4 or not self.kept:
                self._create(f"{self.number}.{count}")
            elif chance < 0.55:
                self._destroy()
            elif chance < 0.8:
                self._move()
            else:
                self.send(self.page)
        self._session.close()

    def send(self, path: str, fields: str = "") -> str:
        """Send a request to any process and return the response."""
        body = f"<request><token>{TOKEN}</token>{fields}</request>"
        url = f"{self._dice.choice(self.urls)}/ws/{path}"
        response = self._session.post(url, body, headers={"Content-Type": "application/xml"})
        self.statuses[response.status_code] += 1
        return response.text if response.status_code == 200 else ""

    def _create(self, text: str) -> None:
        if self._dice.random() < 0.5:
            place, path = "notes", "notes/create"
            fields = f"<note><title>{text}</title><body>B</body></note>"
        else:
            place = f"lists/{self._dice.choice(self.lists)}/items"
            path, fields = f"{place}/add", f"<item><content>{text}</content></item>"
        if made := self.send(f"{self.page}/{path}", fields):
            self.kept.add((place, _id_in(made)))

    def _destroy(self) -> None:
        place, id = self._dice.choice(sorted(self.kept))
        if self.send(f"{self.page}/{place}/destroy/{id}"):
            self.kept.discard((place, id))

    def _move(self) -> None:
        place, id = self._dice.choice(sorted(self.kept))
        if place == "notes":
            fields = "<note><body>changed</body></note>"
            self.send(f"{self.page}/notes/update/{id}", fields)
        else:
            direction = self._dice.choice(["move_higher", "move_to_top", "move_to_bottom"])
            fields = f"<direction>{direction}</direction>"
            self.send(f"{self.page}/{place}/move/{id}", fields)


def _id_in(response: str) -> str:
    return str(re.findall(r' id="(\d+)"', response)[0])


@dataclass
class Report:
    """The statuses of all responses, and one sentence for each error."""

    statuses: Counter[int]
    errors: list[str]


def run(urls: list[str], *, steps: int = 0, seconds: float = 0.0) -> Report:
    """Let all clients write to one page, and compare what is stored.

    Each makes at least so many requests, and goes on for so many seconds.
    """
    first = Client(0, urls, "", [])
    made = first.send("pages/new", "<page><title>Home</title></page>")
    page = f"page/{_id_in(made)}"
    lists = [_id_in(first.send(f"{page}/lists/add", "<name>L</name>")) for _ in range(LISTS)]
    clients = [Client(number, urls, page, lists) for number in range(1, CLIENTS + 1)]
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(client.work, steps, end) for client in clients]:
            done.result()
    shown = first.send(page)
    kept = {one for client in clients for one in client.kept}
    stored = {("notes", id) for id in re.findall(r'<note title="[^"]*" id="(\d+)"', shown)}
    stored |= {
        (f"lists/{in_list}/items", id)
        for id, in_list in re.findall(r'<item completed="\w+" id="(\d+)" list_id="(\d+)"', shown)
    }
    errors = [f"lost: {one}" for one in sorted(kept - stored)]
    errors += [f"not destroyed, or doubled: {one}" for one in sorted(stored - kept)]
    positions = sorted(map(int, re.findall(r"<position>(\d+)</position>", shown)))
    if positions != list(range(1, len(positions) + 1)):
        errors.append(f"the positions of widgets are {positions}")
    return Report(sum((client.statuses for client in clients), Counter()), errors)


def main(data: str, seconds: float) -> None:
    """Run the clients against a database and print the report."""
    with serving(data) as urls:
        report = run(urls, seconds=seconds)
    print(f"{sum(report.statuses.values()):,} requests, by status: {dict(report.statuses)}")
    print(*report.errors or ["nothing lost, nothing doubled, positions without gaps"], sep="\n")
    sys.exit(bool(report.errors) or set(report.statuses) != {200})


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
