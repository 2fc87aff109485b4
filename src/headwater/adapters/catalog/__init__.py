"""The catalog in a SQL database: jobs, credentials, work in hand, and what is in the index.

``stores`` opens it; SQLite in a file by default. SQLAlchemy and Alembic stay in this package.
"""
