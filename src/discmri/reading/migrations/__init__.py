"""How the tables of a session came about, step by step (alembic).

To change the tables: change ``schema.py``, write one file in ``versions/`` whose
``down_revision`` is the newest there, and never touch one that was released.  A step runs
inside one transaction on SQLite and PostgreSQL alike, and there is no way back: rows of a trial
are not thrown away.
"""
