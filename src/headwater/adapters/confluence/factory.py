"""Opening a source: from the two URLs and the credential of a request to a Confluence that answers."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self
from urllib.parse import urlsplit

import httpx2

from headwater.adapters.confluence.addresses import (
    Candidate,
    Deployment,
    judge_web_url,
    parse_instance_url,
)
from headwater.adapters.confluence.allowlist import AllowList, parse_allow_list
from headwater.adapters.confluence.answers import (
    AbsentError,
    LoginFailedError,
    RejectedRequestError,
)
from headwater.adapters.confluence.client import JsonClient, Limits, make_authorization
from headwater.adapters.confluence.cloud import CloudSource
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.data_center.source import DataCenterSource
from headwater.adapters.confluence.egress import GuardedTransport
from headwater.adapters.confluence.patience import PATIENT, Patience, Timing, WaitListener
from headwater.adapters.confluence.payloads import CURRENT, WITH_ARCHIVED
from headwater.adapters.confluence.people import Directory, NameBook, make_shelf
from headwater.adapters.confluence.probing import (
    Reason,
    Verdict,
    probe_cloud,
    probe_data_center,
)
from headwater.adapters.confluence.sites import Governors, Visit
from headwater.adapters.confluence.spaces import check_caller
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.domain.ids import SiteId
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.ports import Source, SourceOptions

_CLOUD_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

MakeTransport = Callable[[AllowList], httpx2.AsyncBaseTransport]
_MakeClient = Callable[[Candidate, str | None], JsonClient]


class ConfluenceSources:
    """Implements :class:`headwater.ports.SourceFactory`.

    ``allowed_private_hosts`` lists the hosts and CIDRs that a tenant's URL may reach although private.
    ``patience`` is how long each request keeps trying: ``PATIENT`` for jobs, ``PROMPT`` where somebody
    waits for the answer. ``governors`` pace all requests to each site; factories that may lead to the
    same sites share them. Raises ``ConfigError`` for an unusable list.
    """

    def __init__(
        self,
        *,
        allowed_private_hosts: tuple[str, ...],
        patience: Patience = PATIENT,
        limits: Limits | None = None,
        timing: Timing | None = None,
        governors: Governors | None = None,
        make_transport: MakeTransport = GuardedTransport,
    ) -> None:
        self._allow = parse_allow_list(allowed_private_hosts)
        self._patience = patience
        self._limits = limits or Limits()
        self._timing = timing or Timing()
        self._governors = governors or Governors(self._timing, ceiling=self._limits.in_flight)
        self.make_transport = make_transport
        self._names = NameBook()

    def through(
        self, wrap: Callable[[httpx2.AsyncBaseTransport], httpx2.AsyncBaseTransport]
    ) -> Self:
        """Return the same sources, whose every request goes through what ``wrap`` makes of its way."""
        make = self.make_transport
        other = copy(self)
        other.make_transport = lambda allow: wrap(make(allow))
        return other

    @asynccontextmanager
    async def open(
        self,
        address: SiteAddress,
        credential: SiteCredential,
        *,
        on_wait: WaitListener | None = None,
        options: SourceOptions | None = None,
    ) -> AsyncIterator[Source]:
        """Probe which Confluence the address names and open it; see ``SourceFactory.open``.

        ``on_wait`` is told until when everything waits because Confluence throttles, whoever's
        request caused it, and ``None`` when it goes on.
        """
        options = options or SourceOptions()
        candidates = parse_instance_url(address.instance_url, self._allow)
        judge_web_url(address.web_url, self._allow)
        async with (
            self._governors.join(on_wait) as visit,
            httpx2.AsyncClient(
                transport=self.make_transport(self._allow),
                timeout=self._limits.timeout(),
                follow_redirects=False,
                cookies=CookieJar(
                    DefaultCookiePolicy(allowed_domains=[])
                ),  # each call proves itself
                trust_env=False,
            ) as http,
        ):
            most = min(options.concurrency or self._limits.in_flight, self._limits.in_flight)
            limits = replace(self._limits, in_flight=most)
            make_client = partial(self._make_client, http, visit, limits)
            knock = await _connect(candidates, credential, make_client, self._names)
            yield await _enter(knock, options)

    def _make_client(
        self,
        http: httpx2.AsyncClient,
        visit: Visit,
        limits: Limits,
        candidate: Candidate,
        authorization: str | None,
    ) -> JsonClient:
        return JsonClient(
            http,
            candidate.root,
            authorization,
            limits=limits,
            patience=self._patience,
            timing=self._timing,
            visitor=visit(candidate.root + candidate.context),
        )


@dataclass(frozen=True, slots=True)
class _Knock:
    """One candidate's clients: with the credential, and without."""

    candidate: Candidate
    client: JsonClient
    anonymous: JsonClient
    directory: Directory


async def _connect(
    candidates: tuple[Candidate, ...],
    credential: SiteCredential,
    make_client: _MakeClient,
    names: NameBook,
) -> _Knock:
    """Return the first candidate that answers as what it is looked for."""
    reasons: list[Reason] = []
    for candidate in candidates:
        knock = _knock(candidate, credential, make_client, names)
        verdict = await _judge(knock, has_name=bool(credential.username))
        if verdict.deployment is candidate.deployment and verdict.reason is None:
            return knock
        if verdict.deployment is not None and not _is_expected_next(candidate, verdict):
            raise verdict.reason or _misplaced_cloud(candidate)
        reasons.extend(filter(None, [verdict.reason]))
    raise _choose(reasons)


def _knock(
    candidate: Candidate, credential: SiteCredential, make_client: _MakeClient, names: NameBook
) -> _Knock:
    bearer_allowed = candidate.deployment is not Deployment.CLOUD
    authorization = make_authorization(credential, bearer_allowed=bearer_allowed)
    shelf = make_shelf(candidate.root + candidate.context, authorization)
    return _Knock(
        candidate,
        make_client(candidate, authorization),
        make_client(candidate, None),
        Directory(names, shelf),
    )


def _is_expected_next(candidate: Candidate, verdict: Verdict) -> bool:
    """Tell whether a Data Center answers where Cloud was looked for: it is the next candidate."""
    looked_for = (candidate.deployment, verdict.deployment)
    return looked_for == (Deployment.CLOUD, Deployment.DATA_CENTER)


async def _judge(knock: _Knock, *, has_name: bool) -> Verdict:
    """Return the verdict on one candidate; a login that failed by name is raised at once.

    Without a name Cloud's form of the header is none that Data Center could let in, so its refusal
    says nothing about the token.
    """
    try:
        return await _probe(knock)
    except LoginFailedError as error:
        if has_name:
            raise
        return Verdict(None, error)


async def _probe(knock: _Knock) -> Verdict:
    if knock.candidate.deployment is Deployment.DATA_CENTER:
        return await probe_data_center(knock.client, knock.anonymous, knock.candidate)
    return await probe_cloud(knock.client, knock.candidate)


def _misplaced_cloud(candidate: Candidate) -> SourceUnreachableError:
    return SourceUnreachableError(
        "Confluence Cloud begins at /wiki; "
        f"give https://{urlsplit(candidate.root).netloc}/wiki as instance_url"
    )


def _choose(reasons: list[Reason]) -> Reason:
    """Return the reason that helps most: a refusal tells more than a place where nothing is."""
    for reason in reasons:
        if isinstance(reason, SourceRefusedError):
            return reason
    return SourceUnreachableError(
        f"No Confluence answers at this address; check instance_url ({reasons[0]})"
    )


async def _enter(knock: _Knock, options: SourceOptions) -> Source:
    if knock.candidate.deployment is Deployment.DATA_CENTER:
        rest = Rest(knock.client, knock.candidate.context)
        await rest.check_caller()
        return DataCenterSource(rest, _name_site(knock.candidate), knock.directory)
    await check_caller(knock.client)
    site = await _read_site_id(knock, options.site)
    statuses = WITH_ARCHIVED if options.include_archived else CURRENT
    by_gateway = knock.candidate.deployment is Deployment.GATEWAY
    return CloudSource(knock.client, site, knock.directory, statuses, by_gateway=by_gateway)


def _name_site(candidate: Candidate) -> SiteId:
    return SiteId(f"{urlsplit(candidate.root).netloc}{candidate.context}")


async def _read_site_id(knock: _Knock, before: SiteId | None) -> SiteId:
    """Return the cloudId, which is the same by site URL and by gateway; else host and context.

    Where it is not told, what it was ``before`` holds. Passing trouble is raised and not taken for an
    answer: stored ids begin with the site's, which must not change from one sync to the next.
    """
    candidate = knock.candidate
    cloud_id = candidate.cloud_id or await _read_cloud_id(knock.anonymous)
    return SiteId(cloud_id) if cloud_id else before or _name_site(candidate)


async def _read_cloud_id(client: JsonClient) -> str | None:
    try:
        info = await client.get("/_edge/tenant_info")
    except (SourceRefusedError, AbsentError, RejectedRequestError):
        return None
    cloud_id = info.get("cloudId") if isinstance(info, dict) else None
    is_usable = isinstance(cloud_id, str) and _CLOUD_ID.fullmatch(cloud_id)
    return str(cloud_id).lower() if is_usable else None
