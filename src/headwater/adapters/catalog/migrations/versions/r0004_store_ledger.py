"""What was written to a vector store that is elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the ledger of records, and of the words in them."""
    _create_counts("store_ledger", sa.Column("document_id", sa.Text(), nullable=False))
    _create_counts("store_terms", sa.Column("term", sa.BigInteger(), nullable=False))


def downgrade() -> None:
    """Take it all away again."""
    op.drop_table("store_terms")
    op.drop_table("store_ledger")


def _create_counts(table: str, key: sa.Column[object]) -> None:
    op.create_table(
        table,
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        key,
        sa.Column("records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "generation", key.name, name=op.f(f"pk_{table}")),
    )
