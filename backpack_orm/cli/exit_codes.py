"""Exit codes, and which error ends with which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from backpack_orm import errors


class ExitCode(IntEnum):
    """What the exit code of `backpack` means. The numbers never change."""

    OK = 0
    USAGE = 1
    NOT_FOUND = 2
    AUTHENTICATION = 3
    FORBIDDEN = 4
    RATE_LIMIT = 5
    NETWORK = 6
    API_ERROR = 7
    AMBIGUOUS = 8
    OUTCOME_UNKNOWN = 9
    INCOMPLETE = 10
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "success",
    ExitCode.USAGE: "wrong usage, or a problem on this machine: configuration, files, output",
    ExitCode.NOT_FOUND: "there is no such page or record",
    ExitCode.AUTHENTICATION: "not logged in, or the token is wrong",
    ExitCode.FORBIDDEN: "not allowed, the plan's page limit is reached, or writes are switched off",
    ExitCode.RATE_LIMIT: "the rate limit is reached; try again later",
    ExitCode.NETWORK: "the service cannot be reached, or did not respond in time",
    ExitCode.API_ERROR: "the service refused the call, failed, or sent an invalid response",
    ExitCode.AMBIGUOUS: "several pages or records have this name; the error lists them",
    ExitCode.OUTCOME_UNKNOWN: "the response to a write was lost: check before you repeat it",
    ExitCode.INCOMPLETE: "done in part: a backup has gaps or damage, or is too old",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C or a signal, or a question was answered with no",
}
"""The table of the documentation."""

_BY_ERROR: Mapping[type[errors.BackpackError], ExitCode] = {
    errors.BackpackError: ExitCode.API_ERROR,
    errors.NotConnected: ExitCode.AUTHENTICATION,
    errors.TransportError: ExitCode.NETWORK,
    errors.InvalidExport: ExitCode.USAGE,
    errors.OutcomeUnknown: ExitCode.OUTCOME_UNKNOWN,
    errors.AuthenticationError: ExitCode.AUTHENTICATION,
    errors.Forbidden: ExitCode.FORBIDDEN,
    errors.ReadOnly: ExitCode.FORBIDDEN,
    errors.NotFound: ExitCode.NOT_FOUND,
    errors.Destroyed: ExitCode.NOT_FOUND,
    errors.NotInArchive: ExitCode.NOT_FOUND,
    errors.MultipleFound: ExitCode.AMBIGUOUS,
    errors.RateLimited: ExitCode.RATE_LIMIT,
    errors.ValidationError: ExitCode.USAGE,
    errors.ArchiveError: ExitCode.USAGE,
    errors.DamagedArchive: ExitCode.INCOMPLETE,
}


def exit_code_of(error: errors.BackpackError) -> ExitCode:
    """Return the exit code for an error of the library, or for the class that it derives from.

    >>> exit_code_of(NotFound("no such page")).name, exit_code_of(Timeout("too slow")).name
    ('NOT_FOUND', 'NETWORK')
    """
    return next(_BY_ERROR[cls] for cls in type(error).__mro__ if cls in _BY_ERROR)
