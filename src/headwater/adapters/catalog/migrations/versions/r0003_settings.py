"""Sync configurations, the blacklist, and what was deleted on request."""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what tenants set for their syncs, and what they deleted."""
    _create_sync_configurations()
    _create_blacklist_entries()
    _create_named_uploads()
    # Not in a batch: SQLite would make the table anew, and what hangs on jobs would go with the old one.
    op.add_column("jobs", sa.Column("starts", sa.Integer(), nullable=False, server_default="0"))
    _add_document_facts()
    _add_stored_scope()
    _create_tombstones()


def downgrade() -> None:
    """Take it all away again."""
    op.drop_table("cleared_spaces")
    op.drop_table("tombstones")
    op.drop_index(op.f("ix_documents_tenant_stored_scope"), "documents")
    for name in ("stored_scope", "file_size", "file_type", "created_at", "parent_id"):
        op.drop_column("documents", name)
    op.drop_column("work_items", "created_at")
    op.drop_column("jobs", "starts")
    op.drop_table("named_uploads")
    op.drop_table("blacklist_entries")
    op.drop_table("sync_configurations")


def _create_sync_configurations() -> None:
    op.create_table(
        "sync_configurations",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_sync_configurations")),
    )


def _create_named_uploads() -> None:
    op.create_table(
        "named_uploads",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("job_id", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "job_id"],
            ["jobs.tenant", "jobs.job_id"],
            name=op.f("fk_named_uploads_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", "site", "space", name=op.f("pk_named_uploads")),
    )


def _create_blacklist_entries() -> None:
    op.create_table(
        "blacklist_entries",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_blacklist_entries")),
    )
    op.create_index(
        op.f("ix_blacklist_entries_tenant_kind_value"),
        "blacklist_entries",
        ["tenant", "kind", "value"],
        unique=True,
    )


def _add_document_facts() -> None:
    op.add_column("work_items", sa.Column("created_at", sa.DateTime(timezone=True)))
    for column in (
        sa.Column("parent_id", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("file_type", sa.Text()),
        sa.Column("file_size", sa.BigInteger()),
    ):
        op.add_column("documents", column)


def _add_stored_scope() -> None:
    op.add_column("documents", sa.Column("stored_scope", sa.Text()))
    op.execute("UPDATE documents SET stored_scope = access_scope")
    index = op.f("ix_documents_tenant_stored_scope")
    op.create_index(index, "documents", ["tenant", "stored_scope"])


def _create_tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("follows_page", sa.Boolean(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant", "document_id", name=op.f("pk_tombstones")),
    )
    op.create_index(op.f("ix_tombstones_tenant_site"), "tombstones", ["tenant", "site"])
    op.create_index(op.f("ix_tombstones_claimed_until"), "tombstones", ["claimed_until"])
    op.create_table(
        "cleared_spaces",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "site", "space", name=op.f("pk_cleared_spaces")),
    )
