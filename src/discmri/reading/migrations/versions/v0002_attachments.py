"""Files that belong to entries, such as edited label maps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table, and the column with the hash of a file."""
    op.create_table(
        "attachments",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.add_column(
        "entries",
        sa.Column("attachment_sha256", sa.String(64), nullable=False, server_default=""),
    )
