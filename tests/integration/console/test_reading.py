"""Documents and search: what is shown, and to whom. All look at one handbook that stays as it is."""

import re

import pytest
import pytest_asyncio

from tests.integration.console.browsing import open_browser
from tests.integration.console.handbook import open_space, write_handbook
from tests.integration.sync.lab import KEY, TENANT, open_light_lab

READ = "knowledge:read"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory):
    async with open_light_lab(tmp_path_factory.mktemp("handbook")) as lab:
        yield lab


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(lab):
    """The handbook's pages by title."""
    return await write_handbook(lab)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(lab, ids):  # noqa: ARG001  (what is to be seen)
    """Somebody who may do everything."""
    async with open_browser(lab.ports, tenant=str(TENANT)) as browser:
        await browser.sign_in()
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(lab, ids):  # noqa: ARG001  (what is to be seen)
    """Somebody who may only read, once signed in."""
    async with open_browser(lab.ports, tenant=str(TENANT)) as browser:
        yield browser


async def find_document(browser, ids, title):
    return f"/documents/one?id=confluence:{await site_id(browser)}:{ids[title]}"


async def site_id(browser):
    return re.findall(r"site=([^&]*)", await open_space(browser))[0]


# ── documents ──────────────────────────────────────────────────────────────────────────────────


async def test_a_space_is_shown_as_a_tree(browser):
    space = await open_space(browser)
    told = await browser.read(space)
    assert "Handbook in restricted 1 document below" in told
    assert "Bonus" not in told
    below = (await browser.open(space)).text
    level = re.findall(r'hx-get="/console([^"]*)"', below)[0].replace("&amp;", "&")
    assert (
        await browser.read(level)
    ) == "Pay in restricted 1 document below Pay Show what is below Pay"
    assert "<html" not in (await browser.open(level)).text


async def test_a_document_is_shown_with_text_chunks_losses_and_way(ids, browser):
    told = await browser.read(await find_document(browser, ids, "Bonus"))
    for words in [
        "Documents LAB Handbook Pay Bonus",
        "version 1 is searchable",
        "Nothing: every construct of the page became text.",
        "a bonus of Überraschung",
        "1 chunk",
        "The page Pay a read restriction: one of group",
        "The space the audience of its last upload: everyone in the tenant",
    ]:
        assert words in told, words


async def test_the_clauses_say_who_may_read_a_document_and_what_blocks_him(ids, browser):
    page = await find_document(browser, ids, "Bonus")
    told = await browser.read(f"{page}&as=staff,board")
    assert "may not group staff : blocked by The page Pay" in told
    assert "may not group board : blocked by The space" in told
    assert "may one reader who is all of these" in told


async def test_a_document_links_to_confluence_only_by_a_web_address(ids, lab, browser):
    page = await find_document(browser, ids, "Handbook")
    assert f'href="{lab.site.web_url}' in (await browser.open(page)).text


async def test_a_reader_learns_nothing_of_what_he_may_not_read(ids, visitor, browser):
    hidden = await find_document(browser, ids, "Bonus")
    await visitor.sign_in(scope=READ, groups=["staff"])
    space = await open_space(visitor)
    told = await visitor.read(space)
    assert "Handbook" in told
    assert "below" not in told
    answer = await visitor.open(hidden)
    unknown = await visitor.open(f"{hidden}9")
    assert (answer.status_code, answer.text) == (404, unknown.text)
    pay = ids["Pay"]
    assert (await visitor.open(f"{space}&parent={pay}")).status_code == 404
    level = space.replace("/documents?", "/documents/level?")
    assert "Bonus" not in await visitor.read(f"{level}&parent={pay}")
    assert "Pay" not in await visitor.read("/search?q=salaries+bonus")
    assert "1 and 0 attachments" in await visitor.read("/")


async def test_a_reader_sees_no_clauses(ids, visitor, browser):
    page = await find_document(browser, ids, "Bonus")
    await visitor.sign_in(scope=READ, groups=["staff", "board"])
    told = await visitor.read(f"{page}&as=board")
    assert "a bonus of" in told
    assert "read restriction" not in told
    assert (await visitor.open("/search/why?url=x")).status_code == 403


async def test_a_stranger_s_tenant_sees_nothing(ids, lab, browser):
    page = await find_document(browser, ids, "Handbook")
    async with open_browser(lab.ports) as stranger:
        await stranger.sign_in()
        assert (await stranger.open(page)).status_code == 404
        assert "Nothing is in yet" in await stranger.read("/documents")
        assert "Nothing is in yet" in await stranger.read("/")


# ── search ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_shows_its_words_heading_score_and_link(lab, browser):
    path = "/search?q=bonus+uberraschung&as=groups&groups=staff,board"
    page = (await browser.open(path)).text
    assert "<mark>bonus</mark>" in page
    assert "<mark>Überraschung</mark>" in page
    assert re.search(r"score 0\.\d{3}|score 1\.000", page)
    assert f'href="{lab.site.web_url}' in page


async def test_who_may_write_asks_as_any_groups(browser):
    def ask(groups):
        return browser.read(f"/search?q=salaries&as=groups&groups={groups}")

    assert "salaries are paid" in await ask("staff,board")
    assert "salaries are paid" not in await ask("staff")
    assert "Nothing of what this reader may see answers that." in await ask("")


async def test_others_ask_as_their_own_groups_or_fewer(visitor):
    await visitor.sign_in(scope=READ, groups=["staff", "board"])
    assert "salaries are paid" in await visitor.read("/search?q=salaries")
    path = "/search?q=salaries&as=groups&groups="
    assert "salaries are paid" in await visitor.read(f"{path}board&groups=staff")
    assert "salaries are paid" not in await visitor.read(f"{path}staff")
    refused = await visitor.open(f"{path}auditors")
    assert refused.status_code == 403
    assert "salaries are paid" not in refused.text


async def test_a_search_is_within_a_space_where_one_is_chosen(browser):
    path = "/search?q=work&as=groups&groups=staff&space="
    assert "how we work" in await browser.read(path + KEY)
    assert "how we work" not in await browser.read(path + "OTHER")


async def test_why_a_page_is_not_found_is_told_for_the_groups_in_question(ids, lab, browser):
    link = f"{lab.site.web_url}/pages/viewpage.action?pageId={ids['Pay']}"
    told = await browser.read(f"/search/why?groups=staff&url={link.replace('?', '%3F')}")
    assert "in restricted version 1 is searchable" in told
    assert "may not group staff : blocked by The page Pay" in told
    told = await browser.read(f"/search/why?url={lab.site.web_url}/spaces/{KEY}/pages/999/x")
    assert "No such page here" in told
    assert (await browser.open("/search/why?url=nonsense")).status_code == 422
