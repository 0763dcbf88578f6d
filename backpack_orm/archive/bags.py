"""BagIt bags (RFC 8493), the form in which snapshots are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from backpack_orm.archive.storage import Storage
from backpack_orm.errors import DamagedArchive
from backpack_orm.version import __version__

_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a content in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def packed(
    payload: Mapping[str, bytes], *, identifier: str, taken_at: datetime
) -> dict[str, bytes]:
    """Return the files of a bag by path, the manifest of its tag files last.

    Args:
        payload: Content by path below `data/`.
        identifier: The external identifier of the bag.
        taken_at: When its content was read.

    >>> from datetime import UTC
    >>> list(packed({"a.txt": b"a"}, identifier="1", taken_at=datetime(2031, 1, 2, tzinfo=UTC)))[1:]
    ['bagit.txt', 'bag-info.txt', 'manifest-sha256.txt', 'tagmanifest-sha256.txt']
    """
    files = {f"data/{path}": payload[path] for path in sorted(payload)}
    size = sum(map(len, files.values()))
    info = {
        "Bag-Software-Agent": f"backpack_orm {__version__}",
        "Bagging-Date": taken_at.date().isoformat(),
        "External-Description": "Snapshot of a Backpack account",
        "External-Identifier": identifier,
        "Payload-Oxum": f"{size}.{len(files)}",
    }
    tags = {
        "bagit.txt": _DECLARATION,
        "bag-info.txt": "".join(f"{key}: {value}\n" for key, value in info.items()).encode(),
        MANIFEST: _manifest(files),
    }
    return {**files, **tags, TAG_MANIFEST: _manifest(tags)}


class Bag:
    """A stored bag. Every file is compared with its hash when it is read.

    Args:
        storage: The archive.
        folder: The folder of the bag.
        seal: The SHA-256 of the manifest of its tag files.

    Raises:
        DamagedArchive: A manifest is missing or changed.
    """

    def __init__(self, storage: Storage, folder: str, seal: str) -> None:
        self._storage = storage
        self._folder = folder
        self._hashes = {TAG_MANIFEST: seal}
        for manifest in (TAG_MANIFEST, MANIFEST):
            self._hashes |= _hashes_in(self.read(manifest))

    @property
    def paths(self) -> list[str]:
        """The paths of all files, those of the payload with `data/`."""
        return sorted(self._hashes)

    def path_of(self, path: str) -> str:
        """Return the path of a file of the bag below the archive's root."""
        return f"{self._folder}/{path}"

    def check(self) -> None:
        """Read all files.

        Raises:
            DamagedArchive: A file is missing or changed.
        """
        for path in self._hashes:
            self.read(path)

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            KeyError: The bag has no such file.
            DamagedArchive: The file is missing or changed.
        """
        expected, full = self._hashes[path], self.path_of(path)
        try:
            content = self._storage.read(full)
        except FileNotFoundError:
            raise DamagedArchive(f"{self._storage.name}/{full} is missing") from None
        if sha256(content) != expected:
            raise DamagedArchive(
                f"{self._storage.name}/{full} is not as it was written: its hash does not match"
            )
        return content


def _manifest(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{sha256(files[path])}  {path}\n" for path in sorted(files)).encode()


def _hashes_in(manifest: bytes) -> dict[str, str]:
    lines = (line.split("  ", 1) for line in manifest.decode().splitlines())
    return {path: digest for digest, path in lines}
