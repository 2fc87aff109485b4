"""The JSON that clients were promised, word for word."""

import copy

LISTING_PATH = "/v2/confluence/space-listing"
UPLOAD_PATH = "/v2/confluence/upload"
SEARCH_PATH = "/v2/confluence/search"

CREDENTIALS = {
    "instance_url": "https://acme.atlassian.net/wiki/rest/api",
    "web_url_instance": "https://acme.atlassian.net/wiki",
    "username": "admin@acme.com",
    "api_token": "ATATT3xFfGF0...",
}
PINECONE = {
    "rezolve_domain": "acme.rezolve.ai",
    "tenant_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
}


def _upload(restriction, sync, space, job_id=""):
    return {
        "authorization": dict(CREDENTIALS),
        "content_restriction": restriction,
        "pinecone_config": dict(PINECONE),
        "sync_config": sync,
        "space": space,
        "job_id": job_id,
    }


_EVERYONE = {"audience": ["all"], "blacklisted": False, "source_restriction": False}

CURL = _upload(
    _EVERYONE,
    {
        "sync_configuration_id": "",
        "incremental": True,
        "last_sync": "2025-12-13T13:03:32.317Z",
        "processor_mode": "auto",
        "use_ocr": False,
    },
    "KB",
)
FULL_SYNC = _upload(
    _EVERYONE,
    {
        "sync_configuration_id": "",
        "incremental": False,
        "last_sync": "",
        "processor_mode": "auto",
        "use_ocr": False,
    },
    "KB",
)
INCREMENTAL_WITH_OCR = _upload(
    _EVERYONE,
    {
        "sync_configuration_id": "sync-config-001",
        "incremental": True,
        "last_sync": "2025-12-01T00:00:00.000Z",
        "processor_mode": "auto",
        "use_ocr": True,
    },
    "IT",
    "job-550e8400-e29b-41d4-a716-446655440001",
)
WITH_RESTRICTIONS = _upload(
    {"audience": ["engineering", "support"], "blacklisted": True, "source_restriction": True},
    {
        "sync_configuration_id": "",
        "incremental": True,
        "last_sync": "2025-12-12T10:39:43.660Z",
        "processor_mode": "auto",
        "use_ocr": False,
    },
    "ENG",
)
UPLOADS = {
    "curl": CURL,
    "full sync": FULL_SYNC,
    "incremental with OCR": INCREMENTAL_WITH_OCR,
    "with restrictions": WITH_RESTRICTIONS,
}
PLACEHOLDER_UPLOAD = {
    **CURL,
    "authorization": dict.fromkeys(CREDENTIALS, "string"),
    "pinecone_config": {"rezolve_domain": "string", "tenant_id": "string"},
}
PLACEHOLDER_LISTING = dict.fromkeys(CREDENTIALS, "string")
SPACES_ANSWER = {
    "spaces": [
        {"key": "KB", "name": "Knowledge Base", "type": "global", "status": "current"},
        {"key": "IT", "name": "IT Documentation", "type": "global", "status": "current"},
        {"key": "HR", "name": "HR Policies", "type": "global", "status": "current"},
    ]
}
MISSING_TOKEN_UPLOAD = {
    "detail": [
        {
            "loc": ["body", "authorization", "api_token"],
            "msg": "field required",
            "type": "value_error.missing",
        }
    ]
}
MISSING_TOKEN_LISTING = {
    "detail": [
        {"loc": ["body", "api_token"], "msg": "field required", "type": "value_error.missing"}
    ]
}
SEARCH = {"query": "reset password", "pinecone_config": dict(PINECONE)}


def changed(body, path, value):
    """Return a copy of the body with the value at a dotted path."""
    *parents, last = path.split(".")
    copied = copy.deepcopy(body)
    place = copied
    for parent in parents:
        place = place[parent]
    place[last] = value
    return copied


def without(body, path):
    """Return a copy of the body without the field at a dotted path."""
    *parents, last = path.split(".")
    copied = copy.deepcopy(body)
    place = copied
    for parent in parents:
        place = place[parent]
    del place[last]
    return copied
