"""Which Confluence a sandbox shows its world as."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """A Cloud site under ``/wiki``, and the gateway to it under ``/ex/confluence/{cloudId}``."""


@dataclass(frozen=True, slots=True)
class DataCenter:
    """A Data Center under a context, which may be empty."""

    context: str = "/confluence"
    basic_allowed: bool = True
    has_scan: bool = True
    """Whether ``/content/scan`` is there, which older versions lack."""
    has_permissions: bool = True
    """Whether ``/space/{key}/permissions`` is there, as from 9.1 on."""


Face = Cloud | DataCenter
