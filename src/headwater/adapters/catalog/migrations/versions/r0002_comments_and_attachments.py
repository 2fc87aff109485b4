"""Comments and attachments."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a job keeps of comments and attachments, and what a document was made from."""
    for column in (
        sa.Column("media_type", sa.Text()),
        sa.Column("file_size", sa.BigInteger()),
        sa.Column("download_path", sa.Text()),
    ):
        op.add_column("work_items", column)
    for name in ("comments_digest", "body_digest"):
        with op.batch_alter_table("documents") as documents:
            documents.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=""))
            documents.alter_column(name, server_default=None)
    _create_work_comments()


def downgrade() -> None:
    """Take it all away again."""
    op.drop_table("work_comments")
    for table, names in (
        ("documents", ("body_digest", "comments_digest")),
        ("work_items", ("download_path", "file_size", "media_type")),
    ):
        with op.batch_alter_table(table) as batch:
            for name in names:
                batch.drop_column(name)


def _create_work_comments() -> None:
    op.create_table(
        "work_comments",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=200), nullable=False),
        sa.Column("comment_id", sa.Text(), nullable=False),
        sa.Column("page_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text()),
        sa.Column("author_id", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "job_id"],
            ["jobs.tenant", "jobs.job_id"],
            name=op.f("fk_work_comments_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "job_id", "comment_id", name=op.f("pk_work_comments")),
    )
    op.create_index(
        op.f("ix_work_comments_tenant_job_id_page_id"),
        "work_comments",
        ["tenant", "job_id", "page_id"],
    )
