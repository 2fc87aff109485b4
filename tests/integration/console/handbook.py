"""A small wiki with something for the board alone, and the way through the pages that show it."""

import re

from headwater.domain.jobs import ContentRestriction
from tests.integration.sync.lab import KEY, paragraphs


async def write_handbook(lab) -> dict[str, str]:
    """Bring in a handbook that staff reads, and under it what only the board may read; return the ids."""
    world = lab.world
    for name in ("staff", "board"):
        world.people.add_group(name)
    world.permit(KEY, groups=["staff"])
    top = world.create_page(KEY, "Handbook", paragraphs("how we work here")).id
    pay = world.create_page(KEY, "Pay", paragraphs("salaries are paid monthly"), parent=top).id
    bonus = world.create_page(KEY, "Bonus", paragraphs("a bonus of Überraschung"), parent=pay).id
    world.restrict(pay, groups=["board"])
    await sync(lab)
    return {"Handbook": top, "Pay": pay, "Bonus": bonus}


async def sync(lab):
    return await lab.sync(restriction=ContentRestriction(source_restriction=True))


async def list_links(browser, path):
    """Return where the page's links lead, in order."""
    answer = await browser.open(path)
    assert answer.status_code == 200, answer.text
    return [
        link.replace("&amp;", "&") for link in re.findall(r'href="/console([^"]*)"', answer.text)
    ]


async def find_link(browser, path, wanted):
    return next(link for link in await list_links(browser, path) if wanted in link)


async def open_space(browser):
    return await find_link(browser, "/documents", "/documents?site=")
