"""The pages of a user are found by owner and id, without looking at all of them."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Replace the index of owners by one of owners and ids."""
    op.drop_index("ix_pages_owner_key", "pages")
    op.create_index("ix_pages_owner_key_id", "pages", ["owner_key", "id"])
