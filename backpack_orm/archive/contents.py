"""The responses that a snapshot consists of, and what it lacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TypeAlias

from attrs import evolve, frozen

from backpack_orm.archive.slices import Slice

_PAGE = re.compile(r"(?:^| of )page ([0-9]+)$")
Index: TypeAlias = Mapping[str, Sequence[Slice]]
"""Where pages are in responses, by the names of these."""


def no_index() -> Index:
    """Return that nothing is cached."""
    return {}


@frozen
class StoredResponse:
    """A response in a snapshot, without its body.

    Attributes:
        name: Its name in the snapshot, such as `export`.
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
        index: Callable[[], Index] = no_index,
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
            DamagedArchive: A part of it is missing or changed.
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

    def without(self, names: Container[str]) -> Contents:
        """Return the contents without some responses."""
        left = [each for name, each in self.responses.items() if name not in names]
        return Contents(left, self._body, self.gaps, self.number, self.index)
