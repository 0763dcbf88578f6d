"""A real Redis server in a process of its own, which tests can kill, suspend and restart."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import redis

from tests import programs


class RedisProcess:
    """A Redis server that listens on a socket in a folder and stores nothing on disk.

    Args:
        folder: Where its socket is.
        options: Further options, such as `--maxmemory 2mb`.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        socket = folder / "redis.sock"
        self.url = f"unix://{socket}"
        self._folder = folder
        self._command = [programs.require("redis-server"), "--port", "0", "--unixsocket"]
        self._command += [str(socket), "--save", "", "--appendonly", "no", *options]
        self.start()

    def start(self) -> None:
        """Start it, and return when it accepts connections."""
        self._process = subprocess.Popen(
            self._command, cwd=self._folder, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "ready to accept" in line.lower():
                return
        raise RuntimeError(f"{self._command} has ended")

    def client(self) -> redis.Redis:
        """Return a client, to look at what is stored."""
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        """End it at once; what it has stored is lost."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def suspend(self) -> None:
        """Suspend it: it accepts connections and does not respond."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)


class SilentServer:
    """A server that accepts connections and never responds.

    Args:
        listener: Where it listens.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        listener.setblocking(False)
        self.url = f"redis://127.0.0.1:{listener.getsockname()[1]}"

    def connections(self) -> int:
        """Return how many connections were made since the last question."""
        count = 0
        while True:
            try:
                self._listener.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1
