"""Example bodies for the OpenAPI document, by what they show."""

from typing import Any, Final

CREDENTIALS: Final[dict[str, Any]] = {
    "instance_url": "https://acme.atlassian.net/wiki/rest/api",
    "web_url_instance": "https://acme.atlassian.net/wiki",
    "username": "admin@acme.com",
    "api_token": "ATATT3xFfGF0...",
}
PINECONE: Final[dict[str, Any]] = {
    "rezolve_domain": "acme.rezolve.ai",
    "tenant_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
}
PAGE_URL: Final = "https://acme.atlassian.net/wiki/spaces/KB/pages/123/Title"
_EVERYONE: Final[dict[str, Any]] = {
    "audience": ["all"],
    "blacklisted": False,
    "source_restriction": False,
}
_INCREMENTAL: Final[dict[str, Any]] = {
    "sync_configuration_id": "",
    "incremental": True,
    "last_sync": "2025-12-13T13:03:32.317Z",
    "processor_mode": "auto",
    "use_ocr": False,
}


def _upload(**changes: Any) -> dict[str, Any]:
    return {
        "authorization": CREDENTIALS,
        "content_restriction": _EVERYONE,
        "pinecone_config": PINECONE,
        "sync_config": _INCREMENTAL,
        "space": "KB",
        "job_id": "",
        **changes,
    }


UPLOADS: Final[dict[str, dict[str, Any]]] = {
    "Incremental sync": _upload(),
    "Full sync": _upload(sync_config={**_INCREMENTAL, "incremental": False, "last_sync": ""}),
    "Incremental sync with OCR": _upload(
        sync_config={
            **_INCREMENTAL,
            "sync_configuration_id": "sync-config-001",
            "last_sync": "2025-12-01T00:00:00.000Z",
            "use_ocr": True,
        },
        space="IT",
        job_id="job-550e8400-e29b-41d4-a716-446655440001",
    ),
    "With content restrictions": _upload(
        content_restriction={
            "audience": ["engineering", "support"],
            "blacklisted": True,
            "source_restriction": True,
        },
        sync_config={**_INCREMENTAL, "last_sync": "2025-12-12T10:39:43.660Z"},
        space="ENG",
    ),
    "Required fields only": {
        "authorization": CREDENTIALS,
        "pinecone_config": PINECONE,
        "sync_config": {"incremental": True, "processor_mode": "auto", "use_ocr": False},
        "space": "KB",
    },
}
SPACE_LISTINGS: Final[dict[str, dict[str, Any]]] = {"Every space": CREDENTIALS}
LISTINGS: Final[dict[str, dict[str, Any]]] = {
    "The spaces, with their sizes": CREDENTIALS,
    "A space's content": {**CREDENTIALS, "space": "KB", "limit": 100},
    "What is below a page": {**CREDENTIALS, "space": "KB", "parent_id": "123"},
}
SPACES_ANSWER: Final[dict[str, Any]] = {
    "spaces": [
        {"key": "KB", "name": "Knowledge Base", "type": "global", "status": "current"},
        {"key": "IT", "name": "IT Documentation", "type": "global", "status": "current"},
        {"key": "HR", "name": "HR Policies", "type": "global", "status": "current"},
    ]
}
