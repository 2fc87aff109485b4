"""Alembic's environment; it runs from inside the package, so the wheel carries it."""
