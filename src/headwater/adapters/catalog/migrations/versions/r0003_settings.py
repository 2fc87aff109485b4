"""Sync configurations and the blacklist."""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what tenants set for their syncs."""
    _create_sync_configurations()
    _create_blacklist_entries()
    # Not in a batch: SQLite would make the table anew, and what hangs on jobs would go with the old one.
    op.add_column("jobs", sa.Column("starts", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take it all away again."""
    op.drop_table("blacklist_entries")
    op.drop_table("sync_configurations")

    op.drop_column("jobs", "starts")

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
