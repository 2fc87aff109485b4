"""The API over the lab's ports."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import httpx2
import jwt

from headwater.api.application import create_app
from headwater.config import load_settings
from tests.integration.sync.lab import TENANT, Lab

SECRET = "a-shared-secret-of-more-than-32-bytes"


@asynccontextmanager
async def call_lab(
    lab: Lab, *, scope: str = "knowledge:read knowledge:write"
) -> AsyncIterator[httpx2.AsyncClient]:
    claims = {"tenant_id": str(TENANT), "scope": scope, "exp": int(time.time()) + 600}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    headers = {"authorization": f"Bearer {token}", "x-tenantid": str(TENANT)}
    app = create_app(load_settings(jwt_secret=SECRET), lambda: nullcontext(lab.ports))
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://lab", headers=headers) as client,
    ):
        yield client
