"""Runs the revisions on the connection that ``revisions.make_config`` put into the configuration."""

from alembic import context

from headwater.adapters.catalog.schema import metadata


def run_migrations() -> None:
    """Run what Alembic was asked for, inside the caller's transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,  # SQLite alters a table by copying it
    )
    with context.begin_transaction():
        context.run_migrations()


run_migrations()
