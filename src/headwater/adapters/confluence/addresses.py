"""What a tenant's two URLs say: where the REST interface may be, and where links begin.

Pure: nothing is resolved or dialled here. In ``instance_url`` the path decides, not the host:

    /ex/confluence/{cloudId}…    the gateway, on any host
    /wiki…                       Cloud, else Data Center with the context ``/wiki``
    [/context]/rest/api…         Data Center
    /context                     Data Center
    nothing                      Cloud under ``/wiki``, else Data Center there, else without a context
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from headwater.adapters.confluence.allowlist import (
    AllowList,
    is_public,
    parse_literal,
    spell_host,
)
from headwater.domain.errors import AddressRefusedError

WIKI = "/wiki"
_LONGEST_URL = 2048
_CLOUD_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_SEGMENT = re.compile(r"[A-Za-z0-9._~:@!$&'()*+,;=%-]+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_ENCODED_DOTS = re.compile(r"(\.|%2e){1,2}", re.IGNORECASE)
_LONGEST_HOST = 253


class Deployment(StrEnum):
    """The kinds of Confluence, by how they are entered."""

    CLOUD = "cloud"
    GATEWAY = "gateway"
    DATA_CENTER = "data_center"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place where the REST interface may be: ``{root}{context}/rest/api``."""

    deployment: Deployment
    root: str
    """Scheme, host, port; for the gateway also ``/ex/confluence/{cloudId}``."""
    context: str
    cloud_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Origin:
    scheme: str
    host: str
    port: int | None

    @property
    def text(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"https": 443, "http": 80}[self.scheme]
        port = "" if self.port in {None, default} else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse_instance_url(url: str, allow: AllowList) -> tuple[Candidate, ...]:
    """Return where to look for the REST interface, most likely first.

    Raises ``AddressRefusedError`` at ``instance_url`` for a malformed URL and for an address literal
    that is not to be reached; names are judged once they are resolved.
    """
    return _Judge("instance_url", allow).candidates(url)


def judge_web_url(url: str, allow: AllowList) -> str:
    """Return the base of every link handed out, without a trailing slash; judged by its form only.

    Raises ``AddressRefusedError`` at ``web_url_instance``.
    """
    judge = _Judge("web_url_instance", allow)
    parts = judge.split(url)
    segments = judge.segments(parts)
    return "/".join([judge.origin(parts).text, *segments])


@dataclass(frozen=True, slots=True)
class _Judge:
    field: str
    allow: AllowList

    def candidates(self, url: str) -> tuple[Candidate, ...]:
        parts = self.split(url)
        origin = self.origin(parts).text
        segments = self.segments(parts)
        if segments[:2] == ["ex", "confluence"]:
            return (self.gateway(origin, segments),)
        if segments[:1] in ([], ["wiki"]):
            contexts = (WIKI,) if segments else (WIKI, "")
            return (
                Candidate(Deployment.CLOUD, origin, WIKI),
                *(Candidate(Deployment.DATA_CENTER, origin, context) for context in contexts),
            )
        return (Candidate(Deployment.DATA_CENTER, origin, _context(segments)),)

    def gateway(self, origin: str, segments: list[str]) -> Candidate:
        cloud_id = segments[2].lower() if len(segments) > 2 else ""  # noqa: PLR2004  (/ex/confluence/ID)
        if not _CLOUD_ID.fullmatch(cloud_id):
            raise self.refusal(
                "path", "the gateway's path is /ex/confluence/{cloudId}; the cloudId is missing"
            )
        root = f"{origin}/ex/confluence/{cloud_id}"
        return Candidate(Deployment.GATEWAY, root, WIKI, cloud_id)

    def split(self, url: str) -> SplitResult:
        if not url or len(url) > _LONGEST_URL or _FORBIDDEN.search(url):
            raise self.refusal("extra", "give a URL without spaces, such as https://example.com")
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise self.refusal("host", "the host is not well-formed") from error
        if "@" in parts.netloc:
            raise self.refusal("userinfo", "leave user name and password out of the URL")
        if parts.query or parts.fragment or url.endswith(("?", "#")):
            raise self.refusal("extra", "leave out everything from '?' or '#' on")
        return parts

    def origin(self, parts: SplitResult) -> _Origin:
        if parts.scheme not in {"https", "http"}:
            raise self.refusal("scheme", "give a URL that begins with https://")
        host = self.host(parts)
        if parts.scheme == "http" and not self.allow.may_use_http(host):
            raise self.refusal("scheme", "use https; http is for hosts that the operator allows")
        return _Origin(parts.scheme, host, self.port(parts))

    def host(self, parts: SplitResult) -> str:
        host = spell_host(parts.hostname or "")
        literal = parse_literal(host)
        if literal is None and not _is_name(host):
            raise self.refusal("host", "the host is not well-formed")
        if literal is not None and not (
            self.allow.names(host) or self.allow.covers(literal) or is_public(literal)
        ):
            raise self.refusal(
                "host",
                f"{host} is a private address, which is not to be reached; if it should be, "
                "the operator can list it in HEADWATER_ALLOWED_PRIVATE_HOSTS",
            )
        return host

    def port(self, parts: SplitResult) -> int | None:
        try:
            port = parts.port
        except ValueError as error:
            raise self.refusal("port", "the port is a number from 1 to 65535") from error
        if port == 0:
            raise self.refusal("port", "the port is a number from 1 to 65535")
        return port

    def segments(self, parts: SplitResult) -> list[str]:
        segments = [segment for segment in parts.path.split("/") if segment]
        for segment in segments:
            if _ENCODED_DOTS.fullmatch(segment) or not _SEGMENT.fullmatch(segment):
                raise self.refusal("path", "the path is not well-formed")
        return segments

    def refusal(self, kind: str, message: str) -> AddressRefusedError:
        return AddressRefusedError((self.field,), message, f"value_error.url.{kind}")


def _context(segments: list[str]) -> str:
    """Return what stands before ``rest/api``, or the whole path where that is absent."""
    for index in range(len(segments) - 1):
        if segments[index : index + 2] == ["rest", "api"]:
            segments = segments[:index]
            break
    return "".join(f"/{segment}" for segment in segments)


def _is_name(host: str) -> bool:
    """Tell whether the host is a name. A last label in digits is an address in disguise (``127.1``)."""
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or _NUMBER.fullmatch(labels[-1]):
        return False
    return all(_LABEL.fullmatch(label) for label in labels)
