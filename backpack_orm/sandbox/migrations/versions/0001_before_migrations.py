"""The schema of files that were written before there were migrations."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: such files have their tables already, and new files get the newest ones."""
