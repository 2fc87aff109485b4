"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table, then the indexes."""
    _create_jobs()
    _create_failures()
    _create_credentials()
    _create_work_items()
    _create_documents()
    _create_scope_rules()
    _create_spaces()
    _create_job_indexes()
    _create_work_indexes()
    _create_document_indexes()


def downgrade() -> None:
    """Drop every table; the indexes go with them."""
    for table in (
        "spaces",
        "scope_rules",
        "documents",
        "work_items",
        "credentials",
        "failures",
        "jobs",
    ):
        op.drop_table(table)


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("request_digest", sa.String(length=128), nullable=False),
        sa.Column("credential_id", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("throttled_until", sa.DateTime(timezone=True)),
        sa.Column("message", sa.Text()),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "job_id", name="pk_jobs"),
    )


def _create_failures() -> None:
    op.create_table(
        "failures",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=200), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("error_type", sa.String(length=40), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "job_id"],
            ["jobs.tenant", "jobs.job_id"],
            name="fk_failures_jobs",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "job_id", "document_id", name="pk_failures"),
    )


def _create_credentials() -> None:
    op.create_table(
        "credentials",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "credential_id", name="pk_credentials"),
    )


def _create_work_items() -> None:
    op.create_table(
        "work_items",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=200), nullable=False),
        sa.Column("id_length", sa.Integer(), autoincrement=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parent_id", sa.Text()),
        sa.Column("author_id", sa.Text()),
        sa.Column("web_path", sa.Text()),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("restriction", sa.JSON(none_as_null=True)),
        sa.Column("annotated", sa.Boolean(), nullable=False),
        sa.Column("scope", sa.Text()),
        sa.Column("action", sa.String(length=20)),
        sa.Column("reason", sa.Text()),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "job_id"],
            ["jobs.tenant", "jobs.job_id"],
            name="fk_work_items_jobs",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "tenant", "job_id", "id_length", "content_id", name="pk_work_items"
        ),
    )


def _create_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("page_id", sa.Text(), nullable=False),
        sa.Column("attachment_id", sa.Text()),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("author_id", sa.Text()),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("metadata_digest", sa.Text(), nullable=False),
        sa.Column("access_scope", sa.Text(), nullable=False),
        sa.Column("chunk_hashes", sa.JSON(), nullable=False),
        sa.Column("skip_reason", sa.Text()),
        sa.Column("indexed_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error_type", sa.String(length=40)),
        sa.Column("last_error_message", sa.Text()),
        sa.Column("last_failed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant", "document_id", name="pk_documents"),
    )


def _create_scope_rules() -> None:
    op.create_table(
        "scope_rules",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("clauses", sa.JSON(), nullable=False),
        sa.Column("parent", sa.Text()),
        sa.PrimaryKeyConstraint("tenant", "scope", name="pk_scope_rules"),
    )


def _create_spaces() -> None:
    op.create_table(
        "spaces",
        sa.Column("tenant", sa.String(length=36), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("restriction", sa.JSON(), nullable=False),
        sa.Column("last_complete_sync", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant", "site", "space", name="pk_spaces"),
    )


def _create_job_indexes() -> None:
    op.create_index("ix_jobs_status_created_at", "jobs", ["status", "created_at"])
    op.create_index("ix_jobs_tenant_created_at_job_id", "jobs", ["tenant", "created_at", "job_id"])
    op.create_index(
        "ix_jobs_tenant_space_created_at_job_id",
        "jobs",
        ["tenant", "space", "created_at", "job_id"],
    )
    op.create_index(
        "ix_jobs_tenant_status_created_at_job_id",
        "jobs",
        ["tenant", "status", "created_at", "job_id"],
    )
    op.create_index(
        "ix_failures_tenant_job_id_failed_at_document_id",
        "failures",
        ["tenant", "job_id", "failed_at", "document_id"],
    )


def _create_work_indexes() -> None:
    op.create_index(
        "ix_work_items_unannotated",
        "work_items",
        ["tenant", "job_id", "id_length", "content_id"],
        sqlite_where=_is_false("annotated"),
        postgresql_where=_is_false("annotated"),
    )
    op.create_index(
        "ix_work_items_unsettled",
        "work_items",
        ["tenant", "job_id", "id_length", "content_id"],
        sqlite_where=_is_false("settled"),
        postgresql_where=_is_false("settled"),
    )


def _create_document_indexes() -> None:
    op.create_index("ix_documents_tenant_access_scope", "documents", ["tenant", "access_scope"])
    op.create_index(
        "ix_documents_tenant_site_content_id", "documents", ["tenant", "site", "content_id"]
    )
    op.create_index(
        "ix_documents_tenant_site_space_state", "documents", ["tenant", "site", "space", "state"]
    )


def _is_false(column: str) -> sa.ColumnElement[bool]:
    return sa.column(column, sa.Boolean()) == sa.false()
