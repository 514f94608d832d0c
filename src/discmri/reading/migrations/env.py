"""Where alembic meets our tables: always on a connection that the store hands over."""

from __future__ import annotations

from alembic import context

from discmri.reading.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
