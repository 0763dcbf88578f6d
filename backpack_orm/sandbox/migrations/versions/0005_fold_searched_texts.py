"""Pages, widgets and items have their texts without letter case, for the index of the search."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXTS = {"pages": ("title", "description"), "widgets": ("name", "body"), "items": ("content",)}
BATCH = 1_000


def upgrade() -> None:
    """Add the column `folded` and fill it."""
    for name, texts in TEXTS.items():
        folded = sa.Column("folded", sa.String, nullable=False, server_default="")
        op.add_column(name, folded)
        _fill(name, texts)


def _fill(name: str, texts: tuple[str, ...]) -> None:
    connection = op.get_bind()
    table = sa.table(name, *map(sa.Column, ("key", "folded", *texts)))
    columns = [table.c[text] for text in texts]
    batch = sa.select(table.c.key, *columns).order_by(table.c.key).limit(BATCH)
    fold = sa.update(table).where(table.c.key == sa.bindparam("of"))
    fold = fold.values(folded=sa.bindparam("new"))
    last = 0
    while rows := connection.execute(batch.where(table.c.key > last)).all():
        new = [{"of": key, "new": "\n".join(values).casefold()} for key, *values in rows]
        connection.execute(fold, new)
        last = rows[-1].key
