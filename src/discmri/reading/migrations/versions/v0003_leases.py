"""Leases of open sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "leases",
        sa.Column("reader", sa.Text, primary_key=True),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("expires_s", sa.BigInteger, nullable=False),
    )
