"""Magic commands of IPython: `%backpack` connects and reports, `%%note` writes a note."""

from __future__ import annotations

import os
import shlex
from getpass import getpass
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class

from backpack_orm import Connection, Note, Page, connect
from backpack_orm.connection import context
from backpack_orm.errors import NotConnected

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from backpack_orm.sandbox import Sandbox

_USAGE = """\
%backpack                    the connection in use, and its requests so far
%backpack connect [ACCOUNT]  connect to an account; the token is asked for, and not shown
%backpack sandbox [SEED]     start a server on this machine, and connect: demo, empty or a file"""


def _words(line: str) -> list[str]:
    """Split a line into arguments; one with spaces may be in double quotes.

    Apostrophes quote nothing, since titles contain them.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, '"', "", ""
    try:
        return list(lexer)
    except ValueError:  # one of two quotes is missing
        return line.split()


@magics_class
class BackpackMagics(Magics):
    """The magic commands of a session.

    Args:
        shell: The session.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._sandbox: Sandbox | None = None

    @line_magic
    def backpack(self, line: str) -> Any:
        """Connect to an account or a sandbox, or show what the connection has done.

        `%backpack` returns the statistics of the current connection. `%backpack connect acme` asks
        for the token; without an account, `BACKPACK_URL` and `BACKPACK_TOKEN` name it. No request.
        """
        command, *words = _words(line) or [""]
        if command == "connect" and len(words) <= 1:
            return self._connect(*words)
        if command == "sandbox" and len(words) <= 1:
            return self._start(*words)
        if command in ("connect", "sandbox"):  # the others are not shown: one may be a token
            raise UsageError(f"%backpack {command} takes one word at most\n\n{_USAGE}")
        if command:
            raise UsageError(f"there is no %backpack {command}\n\n{_USAGE}")
        try:
            connection = context.current()
        except NotConnected:
            print(f"Not connected.\n\n{_USAGE}")  # noqa: T201 - it is for the person at the prompt
            return None
        print(connection)  # noqa: T201
        return connection.stats

    @cell_magic
    def note(self, line: str, cell: str) -> Note:
        """Create a note with the text of the cell: `%%note PAGE`, or `%%note PAGE --title TITLE`.

        PAGE is the title of the page or its id. Makes one request to create the note, and one to
        find the page by its title.
        """
        words = _words(line)
        title = ""
        if "--title" in words:
            place = words.index("--title")
            title = " ".join(words[place + 1 :])
            words = words[:place]
        name = " ".join(words)
        if not name:
            raise UsageError("name a page: %%note Lisbon --title Lunch")
        page = Page.find(int(name)) if name.isdecimal() else Page.get(title=name)
        return page.notes.create(title=title, body=cell.rstrip("\n"))

    def _connect(self, account: str | None = None) -> Connection:
        if account is None and os.environ.get("BACKPACK_URL"):
            return connect()
        if account is None:
            raise UsageError("name an account: %backpack connect acme")
        return connect(account, token=getpass(f"Token of {account}: "))

    def _start(self, seed: str = "demo") -> Connection:
        from backpack_orm.sandbox import Sandbox

        sandbox = Sandbox(seed=seed)
        sandbox.start()
        self.close()
        self._sandbox = sandbox
        return connect(sandbox.url, token=sandbox.token)

    def close(self) -> None:
        """Stop the sandbox, if there is one."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
