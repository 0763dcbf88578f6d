"""Applications, and what users have granted to them, are stored instead of kept in memory."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of applications and grants."""
    op.create_table(
        "oauth_applications",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("client_id", sa.String, unique=True, nullable=False),
        sa.Column("secret_digest", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("redirect_uri", sa.String, nullable=False),
    )
    op.create_table(
        "oauth_grants",
        sa.Column("key", KEY, primary_key=True),
        _owner("application_key", "oauth_applications"),
        _owner("user_key", "users"),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("digest", sa.String, unique=True, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), index=True),
    )


def _owner(column: str, table: str) -> "sa.Column[int]":
    reference = sa.ForeignKey(
        f"{table}.key", ondelete="CASCADE", deferrable=True, initially="IMMEDIATE"
    )
    return sa.Column(column, KEY, reference, index=True, nullable=False)
