"""How the two deployments word the same answers of the v1 interface."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.sandbox.entities import Group, Kind, Space, User
from headwater.sandbox.search import Found
from headwater.sandbox.world import World

_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The parts of v1's JSON that Cloud and Data Center write differently.

    The functions that describe take the base of REST links, such as ``http://host/wiki/rest/api``.
    """

    describe_user: Callable[[User, str], _Json]
    describe_group: Callable[[Group, str], _Json]
    describe_space: Callable[[Space, str], _Json]
    describe_links: Callable[[World, Found], _Json]
    write_mentions: Callable[[World, str], str]
    """Turns the account ids in a body into what the deployment calls people by."""
    format_date: Callable[[datetime], str]
    kinds: frozenset[Kind]
    """What there is; anything else does not exist for a caller."""
    principals_shown: int
    """How many users or groups one answer about a restriction shows at most."""
