"""One Data Center's REST interface: where it is, and who asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.adapters.confluence.client import Ask, JsonClient, Params
from headwater.adapters.confluence.spaces import check_caller


@dataclass(frozen=True, slots=True)
class Rest:
    """A client below ``{context}/rest/api``. Raises what :class:`JsonClient` raises."""

    client: JsonClient
    context: str
    """Empty, or with a slash at its beginning and none at its end."""

    @property
    def base(self) -> str:
        """The path below which everything is."""
        return f"{self.context}/rest/api"

    async def get(self, tail: str, params: Params | None = None, ask: Ask | None = None) -> object:
        """Return the JSON at a path below the interface, such as ``/space``."""
        url = self.client.locate(self.base + tail, params)
        return (await self.client.read(url, ask)).value

    async def check_caller(self) -> None:
        """Raise ``SourceRefusedError`` unless Confluence knows the caller.

        An invalid personal access token may be answered as if nobody had sent one.
        """
        await check_caller(self.client, self.base)


def demand_ids(ids: Sequence[str]) -> str:
    """Return the CQL that finds content by ids, which are numbers and need no quotes."""
    return f"id in ({','.join(ids)})"
