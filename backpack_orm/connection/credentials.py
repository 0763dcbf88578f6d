"""The token of a connection, and the key of the user that it belongs to."""

from __future__ import annotations

from backpack_orm.connection.addresses import fingerprint
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.redaction import Secret, log_redactor


class Credentials:
    """A token that never changes. A subclass replaces its token in time.

    Args:
        secret: The token.
    """

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        log_redactor.add(secret)

    def account_key(self, url: str) -> str:
        """Return the key of the account and the user, which stays the same with a new token."""
        return fingerprint(url, self._secret)

    def secret(self, deadline: Deadline | None) -> Secret:
        """Return the token to send now.

        Args:
            deadline: When to stop waiting for a new token.

        Raises:
            BackpackError: A new token is needed, and there is none.
        """
        return self._secret

    def replace(self, refused: Secret, deadline: Deadline | None) -> bool:
        """Return whether there is another token instead of one that the service has refused.

        Raises:
            BackpackError: There is none, and trying again later may help.
        """
        return False
