"""The steps from one revision of the SQL tables to the next, for Alembic; ``migrating.py`` runs them.

MariaDB commits each definition by itself, so a step may stop halfway: it looks at what is there, and can be repeated.
It describes the tables as they were at its time, and takes nothing from ``tables.py``, which says how they are now.
"""
