"""Broken and hostile bodies: the text stays, the work is bounded, nothing is read or expanded."""

import re
import socket
import time

import pytest

from headwater.pipeline.markdown import document_from_page
from headwater.pipeline.storage_format import parse_storage, strip_tags
from tests.unit.pipeline.pages import REAL_PAGES, convert, losses, macro, make_page, recall


def _cut(source, share):
    """Cut a body off, but not inside a tag, whose attributes are no text."""
    end = int(len(source) * share)
    return (
        source[: source.rfind("<", 0, end)]
        if source.rfind("<", 0, end) > source.rfind(">", 0, end)
        else source[:end]
    )


def _without(tag):
    def damage(source):
        at = source.find(tag, len(source) // 3)
        return source if at < 0 else source[:at] + source[at + len(tag) :]

    return damage


def _with(markup):
    def damage(source):
        at = source.find("</p>", len(source) // 3) + len("</p>")
        return source[:at] + markup + source[at:]

    return damage


DAMAGE = {
    "cut at half": lambda source: _cut(source, 0.5),
    "cut near the end": lambda source: _cut(source, 0.9),
    "unclosed paragraph": _without("</p>"),
    "unclosed cell": _without("</td>"),
    "unclosed item": _without("</li>"),
    "unclosed macro": _without("</ac:structured-macro>"),
    "unclosed body": _without("</ac:rich-text-body>"),
    "unclosed parameter": _without("</ac:parameter>"),
    "unclosed link": _without("</ac:link>"),
    "unclosed image": _without("</ac:image>"),
    "unclosed CDATA": _without("]]>"),
    "stray cell end": _with("</td>"),
    "stray root end": _with("</r></body></html>"),
    "bare less-than": _with("<p>a < b</p>"),
    "crossed tags": _with("<b><i>x</b></i>"),
    "foreign prefix": _with("<o:p>office</o:p>"),
    "attribute twice": _with('<p a="1" a="2">twice</p>'),
    "unclosed quotation mark": _with('<p class="x>quoted</p>'),
    "unclosed comment": _with("<!-- open"),
}


@pytest.mark.skipif(not REAL_PAGES, reason="the reference pages are not there")
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_to_real_pages_keeps_their_words(damage):
    for path in REAL_PAGES:
        body = damage(path.read_text())
        shown = re.sub(r"<ac:adf-fallback>.*?(?:</ac:adf-fallback>|\Z)", "", body, flags=re.DOTALL)
        assert recall(strip_tags(shown), convert(body)) >= 0.98, path


@pytest.mark.parametrize(
    "body",
    [
        '<p>a <ac:link><ri:page ri:content-title="T"><ac:link-body>b</ac:link-body></p><p>c</p>',
        '<ac:structured-macro ac:name="info"><ac:parameter ac:name="title">a<ac:rich-text-body><p>b</p><p>c',
        '<ac:image><ri:attachment ri:filename="a"><p>b</p><p>c</p>',
        '<p>a<ac:emoticon ac:name="tick">b</p><p>c</p>',
        "<ac:task-list><ac:task><ac:task-id>1<ac:task-status>complete<ac:task-body>a b c",
        "<table><tr><td>a<td>b</tr><p>c</p></table>",
        "<ac:structured-macro ac:name=code><ac:plain-text-body><![CDATA[a b c",
        "<td>a</td><td>b</td><li>c",
    ],
)
def test_text_that_fell_into_an_open_element_is_kept(body):
    assert recall("a b c", convert(body)) >= 2 / 3
    assert "b" in convert(body)
    assert "c" in convert(body)


def test_broken_markup_keeps_code_byte_for_byte():
    body = "<p>open" + macro("code", "<![CDATA[<a b='1'/> &amp;\n  x]]>", language="xml")
    assert not parse_storage(body).strict
    assert "```xml\n<a b='1'/> &amp;\n  x\n```" in convert(body)


def test_entities_are_neither_expanded_nor_read_from_outside():
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    assert convert(f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><p>word &a11;</p>') == "word &a11;"
    outside = (
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><p>word &e;</p>'
    )
    assert convert(outside) == "word &e;"
    assert convert("<p>word</p><!DOCTYPE html>") == "word"
    assert convert("<p>word</p><!DOCTYPE html><p>open") == "word\n\nopen"
    assert convert("<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'><p>word</p>") == "word"


OUTSIDE = {
    "DTD": "<!DOCTYPE x SYSTEM '{url}'><p>word</p>",
    "public DTD": "<!DOCTYPE x PUBLIC 'p' '{url}'><p>word</p>",
    "entity": "<!DOCTYPE x [<!ENTITY e SYSTEM '{url}'>]><p>word &e;</p>",
    "parameter entity": "<!DOCTYPE x [<!ENTITY % e SYSTEM '{url}'> %e;]><p>word</p>",
    "entity in the middle": "<p>word</p><!DOCTYPE x [<!ENTITY e SYSTEM '{url}'>]><p>&e;</p>",
    "inclusion": '<p>word<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{url}"/></p>',
    "style sheet": "<?xml-stylesheet type='text/xsl' href='{url}'?><p>word</p>",
    "schema": '<p xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:noNamespaceSchemaLocation="{url}">word</p>',
    "damaged page": "<link rel='stylesheet' href='{url}'><base href='{url}'><p>word<img src='{url}'><p>",
}


@pytest.mark.parametrize("body", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_nothing_outside_of_a_body_is_ever_asked_for(body):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        assert "word" in convert(body.format(url=url))
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_characters_that_xml_forbids_are_removed():
    assert document_from_page(make_page("<p/>", title="a\ud800\x00b"), {}).title == "ab"
    assert convert("<p>a\x00b \ud800c&#0;&#xD800;&#x41;</p>") == "ab cA"


HOSTILE = {
    "deep blocks": "<div>" * 20_000 + "word" + "</div>" * 20_000,
    "deep lists": "<ul><li>" * 900 + "word" + "</li></ul>" * 900,
    "deep tables": "<table><tr><td>x</td><td>" * 500 + "word" + "</td></tr></table>" * 500,
    "deep spans": "<p>" + "<span>" * 1500 + "word" + "</span>" * 1500 + "</p>",
    "deep and unclosed": '<ac:parameter ac:name="x">word ' * 5_000,
    "spans without end": "<table>" + '<tr><td rowspan="99999" colspan="99999">word</td></tr>' * 50 + "<tr/>" * 20_000 + "</table>",
    "wide header": "<table><thead><tr>" + "<td>word</td>" * 20_000 + "</tr>" + "<tr><td>w</td></tr>" * 20_000 + "</thead></table>",
    "links in links": "<ac:link><ac:link-body>" * 90 + "word" + "</ac:link-body></ac:link>" * 90,
    "links around nothing": "<p>word" + "<ac:link>" * 45 + "<ri:page/>" + "</ac:link>" * 45 + "</p>",
    "one link, many people": "<p>word</p><ac:link>" + '<ri:user ri:account-id="a"/>' * 100_000 + "</ac:link>",
    "many people": "<p>word " + '<ac:link><ri:user ri:account-id="a"/></ac:link>' * 20_000 + "</p>",
    "bare ampersands": "<p>word " + "&" * 500_000 + "</p>",
    "bare less-thans": "<p>word " + "<" * 500_000,
    "open quotes": "word" + '<ac:a "' * 100_000,
    "open comments": "word" + "<!--" * 100_000,
    "open CDATA": "word" + "<![CDATA[" * 100_000,
    "open DOCTYPE": "word" + "<!DOCTYPE[" * 100_000,
    "long attribute": f'<p class="{"x" * 11_000_000}">word</p>',
    "white space": "<p>word" + " \n" * 1_000_000 + "</p>",
}  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_markup_costs_bounded_work_and_keeps_its_word(body):
    start = time.process_time()
    markdown = convert(body)
    assert "word" in markdown
    assert len(markdown) <= 20 * len(body)
    assert time.process_time() - start < 5


def test_text_below_the_deepest_level_is_kept_and_counted():
    assert convert("<div>" * 500 + "a <b>b</b>" + "</div>" * 500) == "a b"
    assert losses("<div>" * 500 + "a" + "</div>" * 500) == {"nested-too-deep": 1}


def test_what_no_parser_reads_is_kept_as_bare_text():
    assert losses("<div>" * 5000 + "a" + "</div>" * 5000) == {"unparsed-markup": 1}


def test_more_damage_than_page_is_kept_as_bare_text():
    body = "".join('<ac:parameter ac:name="x">word' for _ in range(1500))
    assert convert(body) == " ".join(["word"] * 1500)
    assert losses(body) == {"unparsed-markup": 1}


def test_names_of_losses_are_bounded_in_number_and_length():
    lost = losses("".join(macro(f"{'m' * 100}{n}"[-90:]) + macro(f"m{n}") for n in range(500)))
    assert len(lost) <= 101
    assert lost["other"] > 0
    assert max(map(len, lost)) <= 60
