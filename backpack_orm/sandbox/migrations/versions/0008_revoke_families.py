"""Codes and tokens belong to the family of a code, which is revoked as a whole."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column `family`; nothing says which of the older tokens belong together."""
    family = sa.Column("family", sa.String, nullable=False, server_default="")
    op.add_column("oauth_grants", family)
    op.execute("UPDATE oauth_grants SET family = digest")
    op.create_index("ix_oauth_grants_family", "oauth_grants", ["family"])
