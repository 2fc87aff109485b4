"""What a console, an export and several workers need to know."""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add all of it, subject by subject."""
    _add_reading_facts()
    _add_claims()
    _create_workers()
    _add_console_sessions()
    _create_generations()
    _add_traces()
    _create_store_homes()
    _add_lookups()


def downgrade() -> None:
    """Take it all away again, in the opposite order."""
    _drop_lookups()
    _drop_store_homes()
    _drop_traces()
    _drop_generations()
    _drop_console_sessions()
    _drop_workers()
    _drop_claims()
    _drop_reading_facts()


def _add_reading_facts() -> None:
    """Add what conversion lost of each document, and how long its last edit took to be found."""
    # Not in a batch: SQLite would make the table anew.
    op.add_column("documents", sa.Column("losses", sa.JSON(), nullable=True))
    op.add_column("documents", sa.Column("lag_seconds", sa.Float(), nullable=True))
    op.create_index(
        op.f("ix_documents_tenant_site_parent_id"), "documents", ["tenant", "site", "parent_id"]
    )


def _drop_reading_facts() -> None:
    op.drop_index(op.f("ix_documents_tenant_site_parent_id"), "documents")
    for name in ("lag_seconds", "losses"):
        op.drop_column("documents", name)


def _add_claims() -> None:
    """Add who is at which document of a job's work list."""
    op.add_column("work_items", sa.Column("claimed_by", sa.Text(), nullable=True))
    op.add_column(
        "work_items",
        sa.Column("passed_over", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    claimed = sa.text("claimed_by IS NOT NULL")
    op.create_index(
        "ix_work_items_claimed",
        "work_items",
        ["claimed_by"],
        sqlite_where=claimed,
        postgresql_where=claimed,
    )


def _drop_claims() -> None:
    op.drop_index("ix_work_items_claimed", "work_items")
    for name in ("passed_over", "claimed_by"):
        op.drop_column("work_items", name)


def _create_workers() -> None:
    """Add which processes execute jobs, and what they make of each Confluence."""
    op.create_table(
        "worker_seats",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_seats")),
    )
    op.create_table(
        "site_paces",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("setbacks", sa.BigInteger(), nullable=False),
        sa.Column("paused_seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("site", "seat", name=op.f("pk_site_paces")),
    )


def _drop_workers() -> None:
    for table in ("site_paces", "worker_seats"):
        op.drop_table(table)


def _add_console_sessions() -> None:
    """Add who is signed in to the console."""
    op.create_table(
        "console_sessions",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_console_sessions")),
    )
    op.create_index(op.f("ix_console_sessions_expires_at"), "console_sessions", ["expires_at"])


def _drop_console_sessions() -> None:
    op.drop_table("console_sessions")


def _create_generations() -> None:
    """Add which vectors answer for a tenant, and which are in the making."""
    op.create_table(
        "generations",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number", name=op.f("pk_generations")),
    )


def _drop_generations() -> None:
    op.drop_table("generations")


def _add_traces() -> None:
    """Add the span of who asked for a job."""
    op.add_column("jobs", sa.Column("trace", sa.String(length=100), nullable=True))


def _drop_traces() -> None:
    op.drop_column("jobs", "trace")


def _create_store_homes() -> None:
    """Add which embedded vector store holds the catalog's records."""
    op.create_table(
        "store_homes",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_homes")),
    )


def _drop_store_homes() -> None:
    op.drop_table("store_homes")


def _add_lookups() -> None:
    """Let documents be found by id on whichever site, by link, by title, by page and by failure."""
    op.drop_index(op.f("ix_documents_tenant_site_content_id"), "documents")
    op.create_index(
        op.f("ix_documents_tenant_content_id_site"), "documents", ["tenant", "content_id", "site"]
    )
    op.create_index(op.f("ix_documents_tenant_page_id"), "documents", ["tenant", "page_id"])
    for name in ("source_url", "title"):
        op.create_index(op.f(f"ix_documents_{name}"), "documents", [name], postgresql_using="hash")
    failed = sa.text("last_error_type IS NOT NULL")
    op.create_index(
        "ix_documents_failed",
        "documents",
        ["tenant", "document_id"],
        sqlite_where=failed,
        postgresql_where=failed,
    )


def _drop_lookups() -> None:
    op.drop_index("ix_documents_failed", "documents")
    for name in ("title", "source_url", "tenant_page_id", "tenant_content_id_site"):
        op.drop_index(op.f(f"ix_documents_{name}"), "documents")
    op.create_index(
        op.f("ix_documents_tenant_site_content_id"), "documents", ["tenant", "site", "content_id"]
    )
