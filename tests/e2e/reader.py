"""A process that reads a Confluence as a job does, over and over, and shares it with others.

    python -m tests.e2e.reader URL-OF-CATALOG INSTANCE-URL WEB-URL EMAIL TOKEN

It says ``ready``, begins when it reads a line, and tells how many spaces it has read when its input ends.
"""

import asyncio
import sys

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import PATIENT
from headwater.adapters.confluence.sites import Governors
from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.jobs.elsewhere import share_sites


async def read_on(catalog, address, credential):
    """Read one space after the other until the input ends; return how many those were."""
    stores = await open_catalog(catalog)
    governors = Governors(book=stores.paces)
    sources = ConfluenceSources(
        allowed_private_hosts=("127.0.0.1",), patience=PATIENT, governors=governors
    )
    count = 0
    async with share_sites(governors, None):
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        ending = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not ending.done():
            async with sources.open(address, credential) as source:
                space = await source.find_space(SpaceKey("GEN1"))
                listed = [item async for batch in source.list_documents(space) for item in batch]
                fetched = [page async for page in source.fetch_pages(listed)]
            assert len(fetched) == len(listed)
            count += 1
    await stores.close()
    return count


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main():
    catalog, instance_url, web_url, email, token = sys.argv[1:]
    address, credential = SiteAddress(instance_url, web_url), SiteCredential(email, Secret(token))
    say(asyncio.run(read_on(catalog, address, credential)))


if __name__ == "__main__":
    main()
