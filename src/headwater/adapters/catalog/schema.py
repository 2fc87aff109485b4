"""The catalog's tables. Every key begins with the tenant, and every statement names one.

A change here needs a revision in ``migrations/versions``; a test compares the two.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from headwater.adapters.catalog.times import UtcTime

NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _tenant() -> Column[str]:
    return Column("tenant", String(36), primary_key=True)


def _job() -> Column[str]:
    return Column("job_id", String(200), primary_key=True)


def _job_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant", "job_id"], ["jobs.tenant", "jobs.job_id"], ondelete="CASCADE"
    )


metadata = MetaData(naming_convention=NAMES)

jobs = Table(
    "jobs",
    metadata,
    _tenant(),
    _job(),
    Column("kind", String(40), nullable=False),
    Column("status", String(20), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("space", Text, nullable=False),
    Column("request", JSON, nullable=False),
    Column("request_digest", String(128), nullable=False),
    Column("credential_id", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("progress", JSON, nullable=False),
    Column("throttled_until", UtcTime),
    Column("message", Text),
    Column("cancel_requested", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("starts", Integer, nullable=False, server_default="0"),
    Column("trace", String(100)),
    Index(None, "tenant", "created_at", "job_id"),
    Index(None, "tenant", "space", "created_at", "job_id"),
    Index(None, "tenant", "status", "created_at", "job_id"),
    Index(None, "status", "created_at"),  # the one question that is asked for all tenants at once
)

failures = Table(
    "failures",
    metadata,
    _tenant(),
    _job(),
    Column("document_id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("source_url", Text, nullable=False),
    Column("error_type", String(40), nullable=False),
    Column("error_message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failed_at", UtcTime, nullable=False),
    _job_key(),
    Index(None, "tenant", "job_id", "failed_at", "document_id"),
)

credentials = Table(
    "credentials",
    metadata,
    _tenant(),
    Column("credential_id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

work_items = Table(
    "work_items",
    metadata,
    _tenant(),
    _job(),
    # Ids are numbers of up to 19 digits: the length before the text sorts them as numbers.
    Column("id_length", Integer, primary_key=True, autoincrement=False),
    Column("content_id", Text, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("last_modified", UtcTime, nullable=False),
    Column("parent_id", Text),
    Column("author_id", Text),
    Column("web_path", Text),
    Column("media_type", Text),
    Column("file_size", BigInteger),
    Column("download_path", Text),
    Column("created_at", UtcTime),
    Column("labels", JSON, nullable=False),
    Column("restriction", JSON(none_as_null=True)),
    Column("annotated", Boolean, nullable=False),
    Column("scope", Text),
    Column("action", String(20)),
    Column("reason", Text),
    Column("settled", Boolean, nullable=False),
    # By which hand, as one process's part in a job is called; null while it is anybody's.
    Column("claimed_by", Text),
    # Tried once in vain, in a way that may pass.
    Column("passed_over", Boolean, nullable=False, server_default=false()),
    _job_key(),
)

# Partial: what is left to do shrinks, and so do these, as the job goes on.
Index(
    "ix_work_items_unannotated",
    *(work_items.c[name] for name in ("tenant", "job_id", "id_length", "content_id")),
    sqlite_where=work_items.c.annotated == false(),
    postgresql_where=work_items.c.annotated == false(),
)
Index(
    "ix_work_items_unsettled",
    *(work_items.c[name] for name in ("tenant", "job_id", "id_length", "content_id")),
    sqlite_where=work_items.c.settled == false(),
    postgresql_where=work_items.c.settled == false(),
)
Index(
    "ix_work_items_claimed",
    work_items.c.claimed_by,
    sqlite_where=work_items.c.claimed_by.is_not(None),
    postgresql_where=work_items.c.claimed_by.is_not(None),
)

work_comments = Table(
    "work_comments",
    metadata,
    _tenant(),
    _job(),
    Column("comment_id", Text, primary_key=True),
    Column("page_id", Text, nullable=False),
    Column("parent_id", Text),
    Column("author_id", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    _job_key(),
    Index(None, "tenant", "job_id", "page_id"),
)

documents = Table(
    "documents",
    metadata,
    _tenant(),
    Column("document_id", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("content_id", Text, nullable=False),
    Column("page_id", Text, nullable=False),
    Column("attachment_id", Text),
    Column("kind", String(20), nullable=False),
    Column("space", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("source_url", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("last_modified", UtcTime, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("author_id", Text),
    Column("recipe", Text, nullable=False),
    Column("comments_digest", Text, nullable=False),
    Column("body_digest", Text, nullable=False),
    Column("metadata_digest", Text, nullable=False),
    Column("access_scope", Text, nullable=False),
    Column("stored_scope", Text),  # of the records in the store, which may lag behind
    Column("chunk_hashes", JSON, nullable=False),
    Column("skip_reason", Text),
    Column("indexed_at", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("last_error_type", String(40)),
    Column("last_error_message", Text),
    Column("last_failed_at", UtcTime),
    Column("parent_id", Text),
    Column("created_at", UtcTime),
    Column("file_type", Text),
    Column("file_size", BigInteger),
    Column("losses", JSON(none_as_null=True)),  # null where they were not recorded
    Column(
        "lag_seconds", Float
    ),  # from its last edit until it could be found; null for a first reading
    Index(None, "tenant", "content_id", "site"),
    Index(None, "tenant", "page_id"),
    Index(None, "tenant", "site", "parent_id"),
    Index(None, "tenant", "site", "space", "state"),
    Index(None, "tenant", "access_scope"),
    Index(None, "tenant", "stored_scope"),
    # Hashes: a link may be longer than a sorted index of Postgres takes.
    Index(None, "source_url", postgresql_using="hash"),
    Index(None, "title", postgresql_using="hash"),
)
Index(
    "ix_documents_failed",
    *(documents.c[name] for name in ("tenant", "document_id")),
    sqlite_where=documents.c.last_error_type.is_not(None),
    postgresql_where=documents.c.last_error_type.is_not(None),
)

scope_rules = Table(
    "scope_rules",
    metadata,
    _tenant(),
    Column("scope", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("clauses", JSON, nullable=False),
    Column("parent", Text),
)

spaces = Table(
    "spaces",
    metadata,
    _tenant(),
    Column("site", Text, primary_key=True),
    Column("space", Text, primary_key=True),
    Column("space_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("restriction", JSON, nullable=False),
    Column("last_complete_sync", UtcTime),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("key", Text, primary_key=True),  # a digest of the name that the browser holds
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

sync_configurations = Table(
    "sync_configurations",
    metadata,
    _tenant(),
    Column("id", Text, primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

named_uploads = Table(
    "named_uploads",
    metadata,
    _tenant(),
    Column("id", Text, primary_key=True),  # of the configuration, which there may be later
    Column("site", Text, primary_key=True),
    Column("space", Text, primary_key=True),
    Column("job_id", String(200), nullable=False),
    _job_key(),
)

blacklist_entries = Table(
    "blacklist_entries",
    metadata,
    _tenant(),
    Column("id", Text, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("value", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "tenant", "kind", "value", unique=True),
)

tombstones = Table(
    "tombstones",
    metadata,
    _tenant(),
    Column("document_id", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("content_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted_at", UtcTime, nullable=False),
    # Of an attachment that went with its page, and comes back with it.
    Column("follows_page", Boolean, nullable=False),
    # Until when somebody is at removing its vectors; null once they are gone.
    Column("claimed_until", UtcTime),
    Index(None, "tenant", "site"),
    Index(None, "claimed_until"),  # what is left to do is asked for all tenants at once
)

cleared_spaces = Table(
    "cleared_spaces",
    metadata,
    _tenant(),
    Column("site", Text, primary_key=True),
    Column("space", Text, primary_key=True),
    Column("cleared_at", UtcTime, nullable=False),
)

# What was written to a vector store that is elsewhere, and how words spread there (their hashes).
store_ledger = Table(
    "store_ledger",
    metadata,
    _tenant(),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("document_id", Text, primary_key=True),
    Column("records", Integer, nullable=False),
)

store_terms = Table(
    "store_terms",
    metadata,
    _tenant(),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("records", Integer, nullable=False),
)

# Which vectors answer for a tenant, and which are in the making: by embedding model, and by index.
generations = Table(
    "generations",
    metadata,
    _tenant(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("model", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("state", String(20), nullable=False),
)

# Which processes execute jobs. No row of these two is any tenant's.
worker_seats = Table(
    "worker_seats",
    metadata,
    Column("name", Text, primary_key=True),
    # Grows while the process lives: others judge by whether it does, and compare no clocks.
    Column("beats", BigInteger, nullable=False),
)

# What each process makes of each Confluence that it has open.
site_paces = Table(
    "site_paces",
    metadata,
    Column("site", Text, primary_key=True),
    Column("seat", Text, primary_key=True),
    Column("setbacks", BigInteger, nullable=False),
    Column("paused_seconds", Float, nullable=False),
    Column("at_once", Integer, nullable=False, server_default="1"),
    Column("is_prompt", Boolean, nullable=False, server_default=false()),
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in ("wanted", "held", "since", "beats")
    ),
)

# The embedded vector store that holds the catalog's records. There is one row at most.
store_homes = Table(
    "store_homes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("identity", Text, nullable=False),
    Column("machine", Text, nullable=False),
)
