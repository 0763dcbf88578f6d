"""Users have several tokens, stored as hashes; calendars have random ones, and colors without #.

Positions have no gaps, the addresses of friends are in lower case, as they are compared, and no two
users of an account have the same address.
"""

import hashlib
import logging
import secrets
from itertools import count

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MIN_LENGTH = 16

log = logging.getLogger("backpack_orm.sandbox")


def upgrade() -> None:
    """Move the users' tokens into a table of their own, and replace those of the calendars."""
    connection = op.get_bind()
    users = connection.execute(sa.text("SELECT key, token, created_at FROM users ORDER BY key"))
    tokens = [
        {"user": key, "digest": hashlib.sha256(token.encode()).hexdigest(), "at": created_at}
        for key, token, created_at in users.all()
        if len(token) >= MIN_LENGTH
    ]
    _create_tokens()
    if tokens:
        connection.execute(
            sa.text(
                "INSERT INTO tokens (user_key, digest, label, created_at) "
                "VALUES (:user, :digest, '', :at)"
            ),
            tokens,
        )
    _warn_of_short_ones(connection)
    _drop_token_of_users(connection)
    for (key,) in connection.execute(sa.text("SELECT key FROM calendars")).all():
        connection.execute(
            sa.text(
                "UPDATE calendars SET token = :token, color = ltrim(color, '#') WHERE key = :key"
            ),
            {"key": key, "token": secrets.token_hex(20)},
        )
    connection.execute(sa.text("UPDATE friends SET email_address = lower(email_address)"))
    _separate_addresses(connection)
    connection.execute(
        sa.text(
            "UPDATE widgets SET position = ranked.position FROM (SELECT key, row_number() OVER "
            "(PARTITION BY page_key ORDER BY position, key) AS position FROM widgets) AS ranked "
            "WHERE ranked.key = widgets.key"
        )
    )


def _separate_addresses(connection: sa.Connection) -> None:
    """Give users who share an address, and so each other's shared pages, addresses of their own."""
    users = connection.execute(
        sa.text("SELECT key, account_key, name, email_address FROM users ORDER BY key")
    ).all()
    taken = {(account, address.casefold()) for _, account, _, address in users}
    seen: set[tuple[int, str]] = set()
    for key, account, name, address in users:
        if (account, address.casefold()) not in seen:
            seen.add((account, address.casefold()))
            continue
        local, _, host = address.partition("@")
        numbered = (f"{local}.{number}@{host}" for number in count(2))
        new = next(one for one in numbered if (account, one.casefold()) not in taken)
        taken.add((account, new.casefold()))
        connection.execute(
            sa.text("UPDATE users SET email_address = :new WHERE key = :key"),
            {"new": new, "key": key},
        )
        log.warning("%s now has the address %s: another user had the same", name, new)


def _warn_of_short_ones(connection: sa.Connection) -> None:
    short = connection.execute(
        sa.text(
            "SELECT users.name, accounts.name FROM users JOIN accounts "
            "ON accounts.key = users.account_key WHERE length(users.token) < :least"
        ),
        {"least": MIN_LENGTH},
    )
    for user, account in short:
        log.warning(
            "the token of %s in the account %s was revoked: it had fewer than %d characters",
            user,
            account,
            MIN_LENGTH,
        )


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column(
            "user_key",
            sa.Integer,
            sa.ForeignKey("users.key", ondelete="CASCADE"),
            index=True,
            nullable=False,
        ),
        sa.Column("digest", sa.String, unique=True, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )


def _drop_token_of_users(connection: sa.Connection) -> None:
    """Rebuild the table without the column, as SQLite needs it; foreign keys are off."""
    op.create_table(
        "new_users",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("email_address", sa.String, nullable=False),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("time_zone", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column(
            "account_key",
            sa.Integer,
            sa.ForeignKey("accounts.key", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("id", sa.Integer, nullable=False),
        sa.UniqueConstraint("account_key", "id"),
    )
    columns = "key, name, email_address, admin, time_zone, created_at, account_key, id"
    connection.execute(sa.text(f"INSERT INTO new_users ({columns}) SELECT {columns} FROM users"))  # noqa: S608
    op.drop_table("users")
    op.rename_table("new_users", "users")
    op.create_index("ix_users_account_key", "users", ["account_key"])
