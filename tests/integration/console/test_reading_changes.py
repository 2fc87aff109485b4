"""Documents, search and overview of wikis of all kinds: long ones, changing ones, hostile ones."""

import re

import pytest

from tests.integration.console.handbook import (
    find_link,
    list_links,
    open_space,
    sync,
    write_handbook,
)
from tests.integration.sync.lab import KEY, pages, paragraphs

HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(2)">\"'&{{ 7 * 7 }}</td>"""
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#34;alert(2)&#34;&gt;"


async def test_what_failed_and_what_was_left_out_is_in_the_tree(lab, browser):
    pages(lab.world, 1)
    lab.world.attach(lab.world.create_page(KEY, "Files", "<p>x</p>").id, "a.bin", b"\0\1")
    await lab.sync()
    space = await open_space(browser)
    assert "left out" in await browser.read("/documents")
    assert "Files in 1 document below" in await browser.read(space)


async def test_long_levels_and_long_documents_are_shown_in_parts(lab, browser, monkeypatch):
    monkeypatch.setattr("headwater.console.documents.LEAVES", 2)
    monkeypatch.setattr("headwater.console.documents.CHUNKS", 2)
    body = "".join(f"<h1>Part {part}</h1><p>{'word ' * 90}{part}x</p>" for part in range(5))
    lab.world.create_page(KEY, "A long one", body)
    pages(lab.world, 4)
    await lab.sync()
    seen, link = [], await open_space(browser)
    while link:
        links = await list_links(browser, link)
        seen += [item for item in links if item.startswith("/documents/one")]
        link = next((item for item in links if "&after=" in item), None)
    assert len(seen) == len(set(seen)) == 5
    told = await browser.read(seen[0])
    assert "Part 1" in told
    assert "Part 2" not in told
    assert "Chunks before" not in told
    after = await find_link(browser, seen[0], "&from=2")
    told = await browser.read(after)
    assert "# Part 2" in told
    assert "Chunks before these" in told
    assert "Part 0" in await browser.read(f"{seen[0]}&from=99999999999999999999")


@pytest.mark.parametrize(
    "query", ["site=a&space=%00", f"site=a&space={'x' * 5000}", "site=a&space=NONE"]
)
async def test_an_address_that_names_nothing_is_refused(browser, query):
    for path in ("/documents", "/documents/level"):
        answer = await browser.open(f"{path}?{query}")
        assert answer.status_code in {200, 404, 422}
        assert "Something broke" not in answer.text


async def test_the_overview_sums_up_every_space(lab, browser):
    ids = await write_handbook(lab)
    told = await browser.read("/")
    assert "Documents 3" in told
    assert "no edit in 30 days" in told
    lab.world.edit(ids["Bonus"], paragraphs("a larger bonus"))
    await sync(lab)
    page = (await browser.open("/")).text
    assert "half within" in page
    assert 'aria-label="3 in"' in page


async def test_hostile_text_stays_text_on_every_page(lab, browser):
    code = HOSTILE.replace("&", "&amp;").replace("<", "&lt;")
    page = lab.world.create_page(KEY, HOSTILE, f"<h1>{code}</h1><p>turnip {code}</p>").id
    lab.world.label(page, HOSTILE)
    lab.world.create_page(KEY, "Below", paragraphs("x"), parent=page)
    await lab.sync()
    space = await open_space(browser)
    one = await find_link(browser, space, "/documents/one")
    paths = [
        "/",
        "/documents",
        space,
        f"{space}&parent={page}",
        space.replace("/documents?", "/documents/level?"),
        f"{one}&as={code}".replace("&lt;", "<"),
        "/search?q=turnip+script",
        f"/search?q={HOSTILE.replace('&', '%26')}&as=groups&groups={HOSTILE.replace('&', '%26')}",
        f"/search/why?url={lab.site.web_url}/pages/viewpage.action%3FpageId%3D{page}",
    ]
    for path in paths:
        answer = await browser.open(path)
        assert answer.status_code == 200, (path, answer.text)
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert not re.search(r"\son\w+=\"", answer.text)
        assert not re.search(r"\sstyle=", answer.text)
        assert "&amp;49" not in answer.text
    assert ESCAPED in (await browser.open(one)).text
