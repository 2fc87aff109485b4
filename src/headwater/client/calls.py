"""Every call of the API as data: what is sent, and how its answer is read. Pure; nothing is sent here.

Both clients take their methods from these functions, so that each call is written once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from headwater.client import answers
from headwater.client.inputs import Login, Settings, Upload

T = TypeVar("T")

_BASE: Final = "/v2/confluence"


class Tenancy(StrEnum):
    """Where a body names the tenant, beside the header that every call carries."""

    NOWHERE = "nowhere"
    PINECONE_CONFIG = "pinecone_config"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call whose answer is a ``T``.

    ``repeatable``: a second time does no more than the first, so it may be sent again after an answer
    was lost. ``inside``: the key of the answer's own data, where it comes in an envelope.
    """

    method: str
    path: str
    answer: type[T]
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict)
    tenancy: Tenancy = Tenancy.NOWHERE
    inside: str | None = None
    repeatable: bool = True


def list_spaces(login: Login) -> Call[answers.Spaces]:
    """List every space that a Confluence account may see."""
    return Call("POST", f"{_BASE}/space-listing", answers.Spaces, login.to_json())


def count_spaces(
    login: Login, *, cursor: str | None = None, limit: int | None = None
) -> Call[answers.SpaceListing]:
    """List the spaces of a Confluence with their sizes, page by page."""
    body = {**login.to_json(), "cursor": cursor, "limit": limit}
    return Call("POST", f"{_BASE}/listing", answers.SpaceListing, body, inside="data")


def list_content(
    login: Login,
    space: str,
    *,
    parent_id: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[answers.ContentListing]:
    """List a space's pages and blog posts beside what is in of them, page by page."""
    body = {
        **login.to_json(),
        "space": space,
        "parent_id": parent_id,
        "cursor": cursor,
        "limit": limit,
    }
    return Call("POST", f"{_BASE}/listing", answers.ContentListing, body, inside="data")


def upload(wanted: Upload) -> Call[str]:
    """Begin to bring a space in, or up to date; answers the id of the job that does it."""
    return _with_tenant("upload", str, wanted.to_json())


def plan(wanted: Upload) -> Call[answers.Plan]:
    """Say what an upload would do and cost; nothing is changed."""
    return _with_tenant("plan", answers.Plan, wanted.to_json(), inside="data")


def list_jobs(
    *,
    space: str | None = None,
    status: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[answers.Jobs]:
    """List the tenant's jobs, newest first."""
    query = {"space": space, "status": status, "cursor": cursor, "limit": limit}
    return Call("GET", f"{_BASE}/jobs", answers.Jobs, query=_drop_absent(query))


def read_job(job_id: str) -> Call[answers.Job]:
    """Read how far a job is, what it did, and what went wrong."""
    return Call("GET", _job(job_id), answers.Job)


def list_failures(job_id: str, *, cursor: str | None = None) -> Call[answers.Failures]:
    """List what a job could not bring in, oldest first."""
    query = _drop_absent({"cursor": cursor})
    return Call("GET", f"{_job(job_id)}/failures", answers.Failures, query=query)


def cancel_job(job_id: str) -> Call[answers.Job]:
    """Ask a job to stop."""
    return Call("POST", f"{_job(job_id)}/cancel", answers.Job)


def retry_job(job_id: str, login: Login | None = None) -> Call[str]:
    """Try again what failed in a job, and nothing else; answers the new job's id."""
    return Call("POST", f"{_job(job_id)}/retry", str, _follow_up(login), repeatable=False)


def approve_job(job_id: str, login: Login | None = None) -> Call[answers.Job]:
    """Carry out the deletions that the job's space holds."""
    return Call("POST", f"{_job(job_id)}/approve", answers.Job, _follow_up(login))


def search(
    query: str,
    *,
    top_k: int | None = None,
    space: str | None = None,
    labels: Sequence[str] = (),
    modified_after: datetime | None = None,
    content_types: Sequence[str] = (),
) -> Call[answers.Matches]:
    """Find the chunks that answer a question, among those the token's reader may see."""
    body = {
        "query": query,
        "top_k": top_k,
        "space": space,
        "labels": list(labels),
        "modified_after": modified_after.isoformat() if modified_after else None,
        "content_types": list(content_types),
    }
    return _with_tenant("search", answers.Matches, body)


def list_known_spaces() -> Call[answers.KnownSpaces]:
    """List the spaces that are in and hold something the token's reader may see."""
    return Call("GET", f"{_BASE}/spaces", answers.KnownSpaces)


def read_document(
    document: str, *, cursor: str | None = None, limit: int | None = None
) -> Call[answers.Document]:
    """Read a document as Markdown, by its link, its id, or the id of a search result."""
    query = _drop_absent({"document": document, "cursor": cursor, "limit": limit})
    return Call("GET", f"{_BASE}/document", answers.Document, query=query)


def explain_presence(source_url: str, login: Login | None = None) -> Call[answers.Why]:
    """Say where a page stands: here since when, or why not; ``login`` asks Confluence what is not in."""
    body = {"source_url": source_url, **(_follow_up(login) or {})}
    return _with_tenant("why", answers.Why, body, inside="data")


def explain_access(source_url: str, principals: Sequence[str]) -> Call[answers.Access]:
    """Say which clauses of a page's access admit or block each principal."""
    body = {"source_url": source_url, "principals": list(principals)}
    return _with_tenant("access/explain", answers.Access, body, inside="data")


def delete(source_url: str, *, include_descendants: bool = False) -> Call[answers.Receipt]:
    """Delete a page, blog post, attachment, space or site by its link, and answer a receipt."""
    body = {"source_url": source_url, "include_descendants": include_descendants}
    return _with_tenant("delete", answers.Receipt, body, inside="data", repeatable=False)


def list_configurations() -> Call[answers.SyncConfigurations]:
    """List the tenant's sync configurations, by id."""
    return Call("GET", f"{_BASE}/sync-configurations", answers.SyncConfigurations)


def read_configuration(configuration_id: str) -> Call[answers.SyncConfiguration]:
    """Read a sync configuration."""
    return Call("GET", _configuration(configuration_id), answers.SyncConfiguration)


def put_configuration(configuration_id: str, settings: Settings) -> Call[answers.SyncConfiguration]:
    """Store settings under a name, replacing what was there; answers them as stored."""
    body = {"settings": settings.to_json()}
    return Call("PUT", _configuration(configuration_id), answers.SyncConfiguration, body)


def delete_configuration(configuration_id: str) -> Call[None]:
    """Remove a sync configuration."""
    path = _configuration(configuration_id)
    return Call("DELETE", path, type(None), repeatable=False)


def list_blacklist() -> Call[answers.Blacklist]:
    """List what the tenant keeps out, oldest entry first."""
    return Call("GET", f"{_BASE}/blacklist", answers.Blacklist)


def add_blacklist_entry(kind: str, value: str) -> Call[answers.BlacklistEntry]:
    """Keep out a ``page``, ``tree``, ``label`` or ``url_prefix`` from the next sync on."""
    body = {"kind": kind, "value": value}
    return Call("POST", f"{_BASE}/blacklist", answers.BlacklistEntry, body)


def delete_blacklist_entry(entry_id: str) -> Call[None]:
    """Take an entry off the blacklist."""
    path = f"{_BASE}/blacklist/{_quote(entry_id)}"
    return Call("DELETE", path, type(None), repeatable=False)


def locate_events(job_id: str) -> str:
    """Return the path of a job's event stream."""
    return f"{_job(job_id)}/events"


def _with_tenant(
    name: str,
    answer: type[T],
    body: Mapping[str, Any],
    *,
    inside: str | None = None,
    repeatable: bool = True,
) -> Call[T]:
    return Call(
        "POST",
        f"{_BASE}/{name}",
        answer,
        body,
        tenancy=Tenancy.PINECONE_CONFIG,
        inside=inside,
        repeatable=repeatable,
    )


def _follow_up(login: Login | None) -> Mapping[str, Any] | None:
    return {"authorization": login.to_json()} if login else None


def _job(job_id: str) -> str:
    return f"{_BASE}/jobs/{_quote(job_id)}"


def _configuration(configuration_id: str) -> str:
    return f"{_BASE}/sync-configurations/{_quote(configuration_id)}"


def _quote(name: str) -> str:
    """Return one step of a path; ``ValueError`` for names that would be another path."""
    if name in {"", ".", ".."}:
        raise ValueError(f"{name!r} names nothing; give an id")
    return quote(name, safe="")


def _drop_absent(query: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
