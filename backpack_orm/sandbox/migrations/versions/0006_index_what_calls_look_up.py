"""Journal entries, tags, links to a page and reminders for a user are found by indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the indexes; that of the users of journal entries is replaced."""
    op.drop_index("ix_journal_entries_user_key", "journal_entries")
    for owner in ("user_key", "account_key"):
        columns = [owner, "created_at", "id"]
        op.create_index(f"ix_journal_entries_{owner}_created_at_id", "journal_entries", columns)
    op.create_index(
        "ix_tags_account_key_name", "tags", ["account_key", sa.text("substr(name, 1, 100)")]
    )
    for table in ("linked_pages", "remindees"):
        op.create_index(f"ix_{table}_{table}_right", table, [f"{table}_right"])
