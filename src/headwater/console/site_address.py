"""Where a Confluence is, from what somebody copies out of the browser."""

import re
from typing import Final

from headwater.domain.errors import InvalidInputError
from headwater.domain.jobs import SiteAddress

_INNER: Final = re.compile(
    r"[?#]|/(?:spaces|display|pages|x|home|rest/api|api/v2|dashboard\.action)(?:/|$)"
)
"""Where the address of a page inside the wiki leaves that of the wiki."""

_GATEWAY: Final = "/ex/confluence/"


def read_site(site: str, api_url: str) -> SiteAddress:
    """Return where to call and where links begin; ``InvalidInputError`` at ``site`` if it is no base.

    ``site`` may be any page of the wiki; ``api_url`` is empty unless calls go elsewhere, as those of
    scoped tokens do.
    """
    whole = site if "://" in site else f"https://{site}"
    if _GATEWAY in whole:
        raise InvalidInputError(
            ("site",),
            "This is where scoped tokens call. Give it below, and here the address that you open in "
            "the browser.",
        )
    base = _INNER.split(whole, maxsplit=1)[0].rstrip("/")
    web_url = f"{base}/wiki" if base.endswith(".atlassian.net") else base
    return SiteAddress(api_url or web_url, web_url)
