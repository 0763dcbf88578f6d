"""The file `archive.json`: which account an archive is of, and in which format."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from attrs import asdict, frozen

from backpack_orm.archive.sealed import seal, unseal
from backpack_orm.archive.storage import Storage
from backpack_orm.errors import ArchiveError, DamagedArchive

PATH, LAST_SYNC = "archive.json", "last-sync.json"
FORMAT = 1
_OWN = {PATH, "cache", "commits", LAST_SYNC, "removed", "snapshots"}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@frozen
class Account:
    """The account of an archive, as one user sees it. What is unknown is None.

    Attributes:
        host: Host name of the service.
        name: Name of the account.
        account_id: Id of the account.
        user_id: Id of the user.
        user_since: When the service has created the user, in ISO 8601.
    """

    host: str | None
    name: str | None
    account_id: int | None
    user_id: int | None
    user_since: str | None

    def __str__(self) -> str:
        return f"user {self.user_id} of {self.name or self.account_id} at {self.host}"

    def is_same(self, other: Account) -> bool:
        """Return whether both are the same user of the same account, as far as is known.

        The port of a server on this machine may change, and so may its name there.
        """
        pairs = [*zip(asdict(self).values(), asdict(other).values(), strict=True)]
        if {self.host, other.host} <= _LOOPBACK:
            del pairs[0]
        return all(None in pair or pair[0] == pair[1] for pair in pairs)


@frozen
class Info:
    """What `archive.json` contains.

    Attributes:
        uuid: Identifies the archive.
        created_at: When it was created, in ISO 8601.
        account: Its account.
        time_zone: Time zone of naive timestamps: a Rails or IANA name; None if unknown.
    """

    uuid: str
    created_at: str
    account: Account
    time_zone: str | None


def new_info(account: Account, time_zone: str | None, now: datetime) -> Info:
    """Return the description of an archive that is created now."""
    return Info(str(uuid.uuid4()), now.isoformat(), account, time_zone)


def read_info(storage: Storage) -> Info | None:
    """Return what `archive.json` contains; None if there is no archive yet.

    Raises:
        ArchiveError: The location contains something else, or an archive of a newer format.
        DamagedArchive: The file is missing or changed.
    """
    try:
        content = storage.read(PATH)
    except FileNotFoundError:
        _check_is_free(storage)
        return None
    try:
        found = json.loads(content)
        version = found["format"]
        if version > FORMAT:
            raise ArchiveError(
                f"{storage.name} has format {version}, and this version of backpack_orm reads "
                f"formats up to {FORMAT}: upgrade backpack_orm"
            )
        return _loaded(unseal(content))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArchive(f"{storage.name}/{PATH} is not as it was written: {error}") from error


def write_info(storage: Storage, info: Info) -> Info:
    """Create `archive.json`, unless another process has, and return what it contains.

    Raises:
        ArchiveError: It cannot be written.
    """
    try:
        storage.create(PATH, seal({"format": FORMAT, **asdict(info)}))
    except FileExistsError:
        found = read_info(storage)
        assert found is not None
        return found
    return info


def _check_is_free(storage: Storage) -> None:
    names = set(storage.names(""))
    if storage.names("commits"):
        raise DamagedArchive(f"{storage.name}/{PATH} is missing")
    if names - _OWN:
        some = ", ".join(sorted(names - _OWN)[:3])
        raise ArchiveError(
            f"{storage.name} is not an archive, and not empty: it contains {some}; "
            "choose another folder"
        )


def _loaded(values: dict[str, Any]) -> Info:
    account = Account(**values["account"])
    return Info(values["uuid"], values["created_at"], account, values["time_zone"])
