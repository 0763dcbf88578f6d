"""The file `archive.json`: which account an archive is of, and in which format."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import asdict, frozen

from backpack_orm.archive.log import FOLDER as LOG
from backpack_orm.archive.log import Log
from backpack_orm.archive.packs import FOLDER as PACKS
from backpack_orm.archive.sealed import seal, unseal
from backpack_orm.archive.storage import Storage
from backpack_orm.errors import ArchiveError, DamagedArchive

PATH, LAST_SYNC = "archive.json", "last-sync.json"
LAST_VERIFICATION = "last-verification.json"
FORMAT = 2
_OWN = {PATH, "cache", LAST_SYNC, LAST_VERIFICATION, LOG, PACKS}
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

    def described(self) -> dict[str, Any]:
        """Return what `archive.json` and the head of every entry of the log contain."""
        return {"format": FORMAT, **asdict(self)}


def new_info(account: Account, time_zone: str | None, now: datetime) -> Info:
    """Return the description of an archive that is created now."""
    return Info(str(uuid.uuid4()), now.isoformat(), account, time_zone)


def read_info(storage: Storage) -> Info | None:
    """Return the description of an archive; None if there is no archive yet.

    It is in `archive.json`, and if that is missing or changed, in the newest readable entry of the
    log.

    Raises:
        ArchiveError: The location contains something else, or an archive of another format.
        DamagedArchive: The file and all entries of the log are missing or changed.
    """
    try:
        return info_in_file(storage)
    except FileNotFoundError:
        damage = DamagedArchive(f"{storage.name}/{PATH} is missing")
    except (KeyError, TypeError, ValueError) as error:
        damage = DamagedArchive(f"{storage.name}/{PATH} is not as it was written: {error}")
        damage.__cause__ = error
    entries = Log(storage).readable()
    if entries:
        return _loaded(storage, entries[-1].archive)
    if damage.__cause__ is not None or storage.names(LOG) or storage.names(PACKS):
        raise damage
    _check_is_free(storage)
    return None


def info_in_file(storage: Storage) -> Info:
    """Return what `archive.json` contains.

    Raises:
        FileNotFoundError: It is missing.
        ValueError, KeyError, TypeError: It is changed.
        ArchiveError: It is of another format.
    """
    content = storage.read(PATH)
    _check_format(storage, json.loads(content))
    return _loaded(storage, unseal(content))


def write_info(storage: Storage, info: Info) -> Info:
    """Create `archive.json`, unless another process has, and return what it contains.

    Raises:
        ArchiveError: It cannot be written.
    """
    try:
        storage.create(PATH, seal(info.described()))
    except FileExistsError:
        found = read_info(storage)
        assert found is not None
        return found
    return info


def mend_info(storage: Storage, info: Info) -> None:
    """Write `archive.json` again if it is missing or changed.

    Raises:
        ArchiveError: It cannot be written.
    """
    try:
        info_in_file(storage)
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        storage.replace(PATH, seal(info.described()))


def _check_is_free(storage: Storage) -> None:
    names = set(storage.names(""))
    if names - _OWN:
        some = ", ".join(sorted(names - _OWN)[:3])
        raise ArchiveError(
            f"{storage.name} is not an archive, and not empty: it contains {some}; "
            "choose another folder"
        )


def _check_format(storage: Storage, values: Mapping[str, Any]) -> None:
    version = values["format"]
    if version > FORMAT:
        raise ArchiveError(
            f"{storage.name} has format {version}, and this version of backpack_orm reads "
            f"format {FORMAT}: upgrade backpack_orm"
        )
    if version < FORMAT:
        raise ArchiveError(
            f"{storage.name} has format {version}, and this version of backpack_orm reads "
            f"format {FORMAT}: choose another folder, and sync again"
        )


def _loaded(storage: Storage, values: Mapping[str, Any]) -> Info:
    _check_format(storage, values)
    account = Account(**values["account"])
    return Info(values["uuid"], values["created_at"], account, values["time_zone"])
