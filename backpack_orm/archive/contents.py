"""The responses that a snapshot consists of, and what it lacks."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import asdict, evolve, frozen

from backpack_orm.archive.bags import Bag, sha256
from backpack_orm.archive.slices import Slice
from backpack_orm.errors import DamagedArchive

REQUESTS, GAPS = "requests.jsonl", "gaps.json"
_PAGE = re.compile(r"(?:^| of )page ([0-9]+)$")
Index: TypeAlias = Mapping[str, Sequence[Slice]]
"""Where pages are in responses, by the names of these."""


def _no_index() -> Index:
    return {}


@frozen
class StoredResponse:
    """A response in a snapshot, without its body.

    Attributes:
        name: Its file is `data/responses/NAME.xml.gz`.
        verb: HTTP verb of the request.
        path: Path of the request, without the token.
        status: HTTP status.
        received_at: When it was received, in ISO 8601.
        sha256: Hash of the body as received, uncompressed.
        size: Its size in bytes.
        copied_from: Number of the snapshot that it was copied from; None if it was received now.
    """

    name: str
    verb: str
    path: str
    status: int
    received_at: str
    sha256: str
    size: int
    copied_from: int | None = None


@frozen
class Gap:
    """What a snapshot lacks, and why.

    Attributes:
        what: What is missing, such as `bookmarks` or `page 71`.
        reason: Why.
        copied_from: Number of the snapshot whose version is used instead; None if there is none.

    >>> archive.newest.gaps[0]
    Gap(what='sharing', reason='the API does not tell whom pages are shared with', copied_from=None)
    """

    what: str
    reason: str
    copied_from: int | None = None

    @property
    def page_id(self) -> int | None:
        """Id of the page that is incomplete; None if the gap is of more than one page.

        >>> Gap("emails of page 71", "the export does not contain them").page_id
        71
        """
        found = _PAGE.search(self.what)
        return int(found[1]) if found else None


class Contents:
    """The responses of one moment, by name.

    Args:
        responses: What is there.
        body: Returns the body of a response by name.
        gaps: What is not.
        number: Number of the snapshot; None if it is not committed.
        index: Returns where pages are in responses, as far as it is cached.
    """

    def __init__(
        self,
        responses: Iterable[StoredResponse],
        body: Callable[[str], bytes],
        gaps: Iterable[Gap] = (),
        number: int | None = None,
        index: Callable[[], Index] = _no_index,
    ) -> None:
        self.responses: Mapping[str, StoredResponse] = {each.name: each for each in responses}
        self.gaps = tuple(gaps)
        self.number = number
        self.index = index
        self._body = body
        self._by_path: dict[tuple[str, str], str] = {}
        for name, each in self.responses.items():  # a page that was cut from it comes after it
            self._by_path.setdefault((each.verb, each.path), name)

    def __contains__(self, name: str) -> bool:
        return name in self.responses

    def read(self, name: str) -> bytes:
        """Return the body of a response as received.

        Raises:
            KeyError: There is none with this name.
            DamagedArchive: The file is missing or changed.
        """
        return self._body(self.responses[name].name)

    def named(self, verb: str, path: str) -> str | None:
        """Return the name of the response to a request; None if there is none."""
        return self._by_path.get((verb, path))

    def copy_of(self, name: str) -> tuple[StoredResponse, bytes]:
        """Return a response for a later snapshot: its description and body."""
        stored = self.responses[name]
        origin = stored.copied_from or self.number
        return evolve(stored, copied_from=origin), self.read(name)

    def payload(self) -> dict[str, bytes]:
        """Return the files of the payload of a bag, by path."""
        names = sorted(self.responses)
        lines = [json.dumps(asdict(self.responses[name]), ensure_ascii=False) for name in names]
        gaps = [asdict(gap) for gap in self.gaps]
        files = {path_of(name): gzip.compress(self.read(name), mtime=0) for name in names}
        return {
            **files,
            REQUESTS: "".join(f"{line}\n" for line in lines).encode(),
            GAPS: json.dumps(gaps, ensure_ascii=False, indent=2).encode() + b"\n",
        }


def path_of(name: str) -> str:
    """Return the path of a response below `data/`."""
    return f"responses/{name}.xml.gz"


def stored_in(bag: Bag, number: int, index: Callable[[], Index] = _no_index) -> Contents:
    """Return the contents of a stored snapshot.

    Args:
        bag: Its bag.
        number: Its number.
        index: Returns what its cache contains.

    Raises:
        DamagedArchive: A file that is read is missing or changed.
    """
    lines = bag.read(f"data/{REQUESTS}").decode().splitlines()
    gaps: list[dict[str, Any]] = json.loads(bag.read(f"data/{GAPS}"))
    responses = [StoredResponse(**json.loads(line)) for line in lines]
    hashes = {each.name: each.sha256 for each in responses}

    def body(name: str) -> bytes:
        path = f"data/{path_of(name)}"
        try:
            content = gzip.decompress(bag.read(path))
        except (OSError, EOFError, zlib.error) as error:
            raise DamagedArchive(f"{bag.path_of(path)} cannot be read: {error}") from error
        if sha256(content) != hashes[name]:
            raise DamagedArchive(f"{bag.path_of(path)} does not contain what was received")
        return content

    return Contents(responses, body, [Gap(**gap) for gap in gaps], number, index)
