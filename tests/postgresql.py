"""A PostgreSQL server of the tests' own, in a temporary folder, without any TCP port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests import programs

USER = "backpack"
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
    "max_connections": "200",
    "listen_addresses": "''",
    "autovacuum": "off",
    "deadlock_timeout": "50ms",
}


@contextmanager
def running(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a server; yield the address of a database, with `{}` for its name.

    Settings replace those that make tests fast, and writes lost after a crash.
    """
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.getuid() == 0:  # as which the server refuses to run
            shutil.chown(folder, "nobody")
        data = folder / "data"
        _run("initdb", "--pgdata", data, "--username", USER, "--auth", "trust", "--no-sync",
             "--encoding", "UTF8", "--locale", "C.UTF-8")  # fmt: skip
        options = {**_SETTINGS, **(settings or {}), "unix_socket_directories": folder}
        given = " ".join(f"-c {name}={value}" for name, value in options.items())
        _run("pg_ctl", "--pgdata", data, "--wait", "--log", folder / "log", "-o", given, "start")
        try:
            yield f"postgresql://{USER}@/{{}}?host={folder}"
        finally:
            _run("pg_ctl", "--pgdata", data, "--wait", "--mode", "immediate", "stop")


def create(addresses: str, name: str) -> None:
    """Create an empty database."""
    with psycopg.connect(addresses.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")


def _run(program: str, *arguments: object) -> None:
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run(
        [programs.require(program), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        check=False,
        **user,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stdout}")
