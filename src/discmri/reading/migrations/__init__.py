"""Migrations of the tables of a session (alembic).

To change the tables, change ``schema.py`` and add a file in ``versions/`` whose ``down_revision`` is
the newest one; never change a released migration.  Migrations run in one transaction on SQLite and
PostgreSQL.  There are no downgrades, because they would discard entries.
"""
