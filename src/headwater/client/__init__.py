"""A typed client of Headwater's HTTP API, for programs that wait and for programs that await.

    from headwater.client import Client, Login, Upload

    with Client("http://127.0.0.1:8000", token=TOKEN, tenant=TENANT) as headwater:
        login = Login("https://acme.atlassian.net/wiki/rest/api", "me@acme.com", API_TOKEN)
        job_id = headwater.upload(Upload(login, "KB", source_restriction=True))
        job = headwater.wait_for_job(job_id, on_progress=lambda job: print(job.stage))
        for match in headwater.search("How do I reset my password?").results:
            print(match.title, match.source_url)

``AsyncClient`` has the same methods, to be awaited. Answers are frozen values with the API's own
field names; ``answer.to_json()`` is what was sent. Every error is a ``ClientError``::

    ClientError                  .next_step says what to do
    ├── NoAnswerError            nobody answered, or somebody who is no Headwater
    ├── UnfinishedJobError       the time for waiting is over; .job as it was last seen
    └── RefusalError             .status, .code, .problems, .retry_after, .request_id
        ├── UnauthenticatedError     401
        ├── NotAllowedError          403: tenant, scope, or Confluence refuses
        ├── NotFoundError            404
        ├── ConflictError            409
        ├── InvalidRequestError      400, 405, 422
        ├── TooManyRequestsError     429
        └── UnavailableError         500, 502, 503

It needs nothing of the server's rooms and may be imported alone.
"""

from headwater.client.answers import Answer, Job
from headwater.client.asynchronous import AsyncClient
from headwater.client.errors import (
    ClientError,
    ConflictError,
    InvalidRequestError,
    NoAnswerError,
    NotAllowedError,
    NotFoundError,
    Problem,
    RefusalError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
    UnfinishedJobError,
)
from headwater.client.inputs import Login, Settings, Upload
from headwater.client.synchronous import Client

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "ClientError",
    "ConflictError",
    "InvalidRequestError",
    "Job",
    "Login",
    "NoAnswerError",
    "NotAllowedError",
    "NotFoundError",
    "Problem",
    "RefusalError",
    "Settings",
    "TooManyRequestsError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnfinishedJobError",
    "Upload",
]
