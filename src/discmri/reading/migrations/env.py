"""Configuration of alembic; the connection is given by the store."""

from __future__ import annotations

from alembic import context

from discmri.reading.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
