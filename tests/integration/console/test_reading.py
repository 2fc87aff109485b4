"""Documents, search and overview: what is shown, to whom, and that markup stays text."""

import re

import pytest

from headwater.domain.jobs import ContentRestriction
from tests.integration.console.browsing import open_browser
from tests.integration.sync.lab import KEY, TENANT, pages, paragraphs

HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(2)">\"'&{{ 7 * 7 }}</td>"""
READ = "knowledge:read"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#34;alert(2)&#34;&gt;"


@pytest.fixture
async def wiki(lab):
    """A handbook that staff reads, and under it what only the board may read."""
    world = lab.world
    for name in ("staff", "board"):
        world.people.add_group(name)
    world.permit(KEY, groups=["staff"])
    top = world.create_page(KEY, "Handbook", paragraphs("how we work here")).id
    pay = world.create_page(KEY, "Pay", paragraphs("salaries are paid monthly"), parent=top).id
    bonus = world.create_page(KEY, "Bonus", paragraphs("a bonus of Überraschung"), parent=pay).id
    world.restrict(pay, groups=["board"])
    await sync(lab)
    lab.ids = {"Handbook": top, "Pay": pay, "Bonus": bonus}
    return lab


async def sync(lab):
    return await lab.sync(restriction=ContentRestriction(source_restriction=True))


@pytest.fixture
async def visitor(lab):
    """Somebody who may only read."""
    async with open_browser(lab.ports, tenant=str(TENANT)) as browser:
        yield browser


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


async def find_document(browser, wiki, title):
    return f"/documents/one?id=confluence:{await site_id(browser)}:{wiki.ids[title]}"


async def site_id(browser):
    return re.search(r"site=([^&]*)", await open_space(browser))[1]


# ── documents ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("wiki")
async def test_a_space_is_shown_as_a_tree(browser):
    space = await open_space(browser)
    told = await browser.read(space)
    assert "Handbook in restricted 1 document below" in told
    assert "Bonus" not in told
    below = (await browser.open(space)).text
    level = re.search(r'hx-get="/console([^"]*)"', below)[1].replace("&amp;", "&")
    assert (
        await browser.read(level)
    ) == "Pay in restricted 1 document below Pay Show what is below Pay"
    assert "<html" not in (await browser.open(level)).text


async def test_a_document_is_shown_with_text_chunks_losses_and_way(wiki, browser):
    told = await browser.read(await find_document(browser, wiki, "Bonus"))
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


async def test_the_clauses_say_who_may_read_a_document_and_what_blocks_him(wiki, browser):
    page = await find_document(browser, wiki, "Bonus")
    told = await browser.read(f"{page}&as=staff,board")
    assert "may not group staff : blocked by The page Pay" in told
    assert "may not group board : blocked by The space" in told
    assert "may one reader who is all of these" in told


async def test_a_document_links_to_confluence_only_by_a_web_address(wiki, browser):
    page = await find_document(browser, wiki, "Handbook")
    assert f'href="{wiki.site.web_url}' in (await browser.open(page)).text


async def test_a_reader_learns_nothing_of_what_he_may_not_read(wiki, visitor, browser):
    hidden = await find_document(browser, wiki, "Bonus")
    await visitor.sign_in(scope=READ, groups=["staff"])
    space = await open_space(visitor)
    told = await visitor.read(space)
    assert "Handbook" in told
    assert "below" not in told
    answer = await visitor.open(hidden)
    unknown = await visitor.open(f"{hidden}9")
    assert (answer.status_code, answer.text) == (404, unknown.text)
    pay = wiki.ids["Pay"]
    assert (await visitor.open(f"{space}&parent={pay}")).status_code == 404
    level = space.replace("/documents?", "/documents/level?")
    assert "Bonus" not in await visitor.read(f"{level}&parent={pay}")
    assert "Pay" not in await visitor.read("/search?q=salaries+bonus")
    assert "1 and 0 attachments" in await visitor.read("/")


async def test_a_reader_sees_no_clauses(wiki, visitor, browser):
    page = await find_document(browser, wiki, "Bonus")
    await visitor.sign_in(scope=READ, groups=["staff", "board"])
    told = await visitor.read(f"{page}&as=board")
    assert "a bonus of" in told
    assert "read restriction" not in told
    assert (await visitor.open("/search/why?url=x")).status_code == 403


async def test_a_stranger_s_tenant_sees_nothing(wiki, lab, browser):
    page = await find_document(browser, wiki, "Handbook")
    async with open_browser(lab.ports) as stranger:
        await stranger.sign_in()
        assert (await stranger.open(page)).status_code == 404
        assert "Nothing is in yet" in await stranger.read("/documents")
        assert "Nothing is in yet" in await stranger.read("/")


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


# ── search ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_shows_its_words_heading_score_and_link(wiki, browser):
    path = "/search?q=bonus+uberraschung&as=groups&groups=staff,board"
    page = (await browser.open(path)).text
    assert "<mark>bonus</mark>" in page
    assert "<mark>Überraschung</mark>" in page
    assert re.search(r"score 0\.\d{3}|score 1\.000", page)
    assert f'href="{wiki.site.web_url}' in page


@pytest.mark.usefixtures("wiki")
async def test_who_may_write_asks_as_any_groups(browser):
    def ask(groups):
        return browser.read(f"/search?q=salaries&as=groups&groups={groups}")

    assert "salaries are paid" in await ask("staff,board")
    assert "salaries are paid" not in await ask("staff")
    assert "Nothing of what this reader may see answers that." in await ask("")


@pytest.mark.usefixtures("wiki")
async def test_others_ask_as_their_own_groups_or_fewer(visitor):
    await visitor.sign_in(scope=READ, groups=["staff", "board"])
    assert "salaries are paid" in await visitor.read("/search?q=salaries")
    path = "/search?q=salaries&as=groups&groups="
    assert "salaries are paid" in await visitor.read(f"{path}board&groups=staff")
    assert "salaries are paid" not in await visitor.read(f"{path}staff")
    refused = await visitor.open(f"{path}auditors")
    assert refused.status_code == 403
    assert "salaries are paid" not in refused.text


@pytest.mark.usefixtures("wiki")
async def test_a_search_is_within_a_space_where_one_is_chosen(browser):
    path = "/search?q=work&as=groups&groups=staff&space="
    assert "how we work" in await browser.read(path + KEY)
    assert "how we work" not in await browser.read(path + "OTHER")


async def test_why_a_page_is_not_found_is_told_for_the_groups_in_question(wiki, browser):
    link = f"{wiki.site.web_url}/pages/viewpage.action?pageId={wiki.ids['Pay']}"
    told = await browser.read(f"/search/why?groups=staff&url={link.replace('?', '%3F')}")
    assert "in restricted version 1 is searchable" in told
    assert "may not group staff : blocked by The page Pay" in told
    told = await browser.read(f"/search/why?url={wiki.site.web_url}/spaces/{KEY}/pages/999/x")
    assert "No such page here" in told
    assert (await browser.open("/search/why?url=nonsense")).status_code == 422


# ── overview ───────────────────────────────────────────────────────────────────────────────────


async def test_the_overview_sums_up_every_space(wiki, browser):
    told = await browser.read("/")
    assert "Documents 3" in told
    assert "no edit in 30 days" in told
    wiki.world.edit(wiki.ids["Bonus"], paragraphs("a larger bonus"))
    await sync(wiki)
    page = (await browser.open("/")).text
    assert "half within" in page
    assert 'aria-label="3 in"' in page


# ── markup ─────────────────────────────────────────────────────────────────────────────────────


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
