"""The sample wiki is data that people edit by hand: these claims keep it loadable and believable."""

import csv
import io
import json
import re
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html.entities import name2codepoint
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

import headwater.sandbox

WIKI = Path(headwater.sandbox.__file__).parent / "wiki"
NAMESPACES = {name: f"urn:confluence:{name}" for name in ("ac", "ri", "at")}
XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
Row = dict[str, Any]
Case = tuple[str, Row]
BIG_SPACES = ("IT", "HR", "ENG")


def read_rows(key: str) -> list[Row]:
    lines = (WIKI / key / "pages.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


SITE = json.loads((WIKI / "wiki.json").read_text(encoding="utf-8"))
QUESTIONS = json.loads((WIKI / "questions.json").read_text(encoding="utf-8"))
KEYS = [space["key"] for space in SITE["spaces"]]
ROWS = [(key, row) for key in KEYS for row in read_rows(key)]
BY_ID = {row["id"]: (key, row) for key, row in ROWS}
ACCOUNTS = {user["account_id"] for user in SITE["users"]}
GROUPS = {group["name"]: set(group["members"]) for group in SITE["groups"]}
SERVICE = next(u["account_id"] for u in SITE["users"] if u["email"].startswith("headwater@"))


def row_name(case: Case) -> str:
    key, row = case
    return f"{key}:{row['title']}"


def resolve_entity(match: re.Match[str]) -> str:
    name = match[1]
    return str(match[0]) if name in XML_ENTITIES else chr(name2codepoint[name])


def parse_storage(text: str) -> Any:
    parts = re.split(r"(<!\[CDATA\[.*?\]\]>)", text, flags=re.DOTALL)
    parts[::2] = [re.sub(r"&([A-Za-z]\w*);", resolve_entity, part) for part in parts[::2]]
    declared = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMESPACES.items())
    return etree.fromstring(
        f"<r {declared}>{''.join(parts)}</r>", etree.XMLParser(resolve_entities=False)
    )


def qualified(prefix: str, name: str) -> str:
    return f"{{{NAMESPACES[prefix]}}}{name}"


def body_text(key: str, row: Row) -> str:
    return Path(WIKI, key, "pages", row["file"]).read_text(encoding="utf-8")


def body_of(key: str, row: Row) -> Any:
    return parse_storage(body_text(key, row))


def comments_of(row: Row) -> Iterator[Row]:
    for comment in row.get("comments", []):
        yield comment
        yield from comment.get("replies", [])


def find_current(key: str, title: str, kind: str) -> list[Row]:
    return [
        row
        for space, row in ROWS
        if (space, row["title"], row["type"]) == (key, title, kind)
        and row.get("status", "current") == "current"
    ]


def allows(restrictions: Row, account: str) -> bool:
    members = set().union(*(GROUPS[name] for name in restrictions["groups"]))
    return account in members | set(restrictions["users"])


PAGES = [case for case in ROWS if case[1]["file"]]
DISCUSSED = [case for case in ROWS if case[1].get("comments")]
RESTRICTED = [case for case in ROWS if "restrictions" in case[1]]
ATTACHMENTS = [(key, row, item) for key, row in ROWS for item in row.get("attachments", [])]
each_page = pytest.mark.parametrize("case", PAGES, ids=map(row_name, PAGES))


def test_the_wiki_has_three_global_spaces_a_personal_one_and_three_posts():
    kinds = Counter(row["type"] for _, row in ROWS)
    assert [space["type"] for space in SITE["spaces"]] == ["global"] * 3 + ["personal"]
    assert kinds["page"] >= 52
    assert kinds["blogpost"] == 3
    assert kinds["folder"] >= 2


def test_every_id_is_a_number_and_used_once():
    assert len(BY_ID) == len(ROWS)
    assert all(re.fullmatch(r"\d+", row["id"]) for _, row in ROWS)


def test_a_title_is_used_once_in_a_space():
    counted = Counter((key, row["title"]) for key, row in ROWS)
    assert [title for title, times in counted.items() if times > 1] == []


def test_every_parent_exists_in_the_same_space_and_no_page_is_its_own_ancestor():
    for key, row in ROWS:
        seen, parent = {row["id"]}, row["parent_id"]
        while parent is not None:
            assert BY_ID[parent][0] == key
            assert parent not in seen
            seen.add(parent)
            parent = BY_ID[parent][1]["parent_id"]


def test_a_parent_stands_before_its_children():
    places = {row["id"]: place for place, (_, row) in enumerate(ROWS)}
    assert all(places[row["parent_id"]] < places[row["id"]] for _, row in ROWS if row["parent_id"])


def test_parent_type_is_folder_exactly_where_the_parent_is_a_folder():
    for _, row in ROWS:
        parent = row["parent_id"] and BY_ID[row["parent_id"]][1]["type"]
        assert (row.get("parent_type") == "folder") == (parent == "folder")


@pytest.mark.parametrize("key", KEYS)
def test_body_and_attachment_files_are_exactly_those_the_rows_name(key):
    rows = [row for space, row in ROWS if space == key]
    held = {path.name for path in (WIKI / key / "pages").iterdir()}
    attached = {path.name for path in (WIKI / key).glob("attachments/*")}
    assert held == {row["file"] for row in rows if row["file"]}
    assert attached == {item["file"] for row in rows for item in row.get("attachments", [])}


@each_page
def test_a_body_parses_as_storage_format(case):
    body = body_of(*case)
    assert len("".join(body.itertext()).split()) > 10


@pytest.mark.parametrize("case", DISCUSSED, ids=map(row_name, DISCUSSED))
def test_comments_parse_as_storage_format_and_have_known_authors(case):
    for comment in comments_of(case[1]):
        assert "".join(parse_storage(comment["body"]).itertext()).strip()
        assert comment["author"] in ACCOUNTS


@each_page
def test_page_links_and_includes_reach_a_page_that_exists(case):
    key, _ = case
    for kind, tag in (("page", "page"), ("blogpost", "blog-post")):
        for link in body_of(*case).iter(qualified("ri", tag)):
            space = link.get(qualified("ri", "space-key"), key)
            title = link.get(qualified("ri", "content-title"))
            assert find_current(space, title, kind), f"{space}:{title}"


@each_page
def test_mentions_and_attachment_references_resolve(case):
    _, row = case
    body = body_of(*case)
    mentioned = {u.get(qualified("ri", "account-id")) for u in body.iter(qualified("ri", "user"))}
    used = {a.get(qualified("ri", "filename")) for a in body.iter(qualified("ri", "attachment"))}
    assert mentioned <= ACCOUNTS
    assert used <= {item["title"] for item in row.get("attachments", [])}


@pytest.mark.parametrize(
    ("key", "row", "item"), ATTACHMENTS, ids=[item["file"] for _, _, item in ATTACHMENTS]
)
def test_an_attachment_is_used_by_its_page(key, row, item):
    stem = item["file"].removesuffix(".drawio")
    assert stem in body_text(key, row)


def is_png(data: bytes) -> bool:
    return data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")


def is_pdf(data: bytes) -> bool:
    start = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    return data.startswith(b"%PDF-1.") and data[start:].startswith(b"xref")


def is_docx(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = etree.fromstring(archive.read("word/document.xml"))
        return archive.testzip() is None and root.tag.endswith("}document")


def is_xml_of(tag: str) -> Callable[[bytes], bool]:
    return lambda data: etree.QName(etree.fromstring(data)).localname == tag


def is_csv(data: bytes) -> bool:
    return len({len(line) for line in csv.reader(io.StringIO(data.decode()))}) == 1


CHECKS: dict[str, Callable[[bytes], bool]] = {
    "image/png": is_png,
    "image/svg+xml": is_xml_of("svg"),
    "application/pdf": is_pdf,
    "application/vnd.jgraph.mxfile": is_xml_of("mxfile"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": is_docx,
    "text/csv": is_csv,
    "text/plain": lambda data: bool(data.decode().strip()),
}


def test_attachments_are_what_they_claim_and_small():
    held = [(item, (WIKI / key / "attachments" / item["file"])) for key, _, item in ATTACHMENTS]
    assert {item["media_type"] for item, _ in held} == set(CHECKS)
    assert all(CHECKS[item["media_type"]](path.read_bytes()) for item, path in held)
    assert sum(path.stat().st_size for _, path in held) < 300_000


def test_users_groups_and_space_permissions_resolve():
    assert len(ACCOUNTS) == len(SITE["users"]) >= 15
    assert all(group["id"] == str(uuid.UUID(group["id"])) for group in SITE["groups"])
    assert set().union(*GROUPS.values()) <= ACCOUNTS
    assert set(SITE["permissions"]) == set(KEYS)
    for allowed in SITE["permissions"].values():
        assert set(allowed["groups"]) <= set(GROUPS)
        assert set(allowed["users"]) <= ACCOUNTS


def test_rows_name_known_authors_plain_labels_and_a_date_in_utc():
    for _, row in ROWS:
        assert row["author"] in ACCOUNTS
        assert row["version"] >= 1
        assert all(re.fullmatch(r"[a-z0-9-]+", label) for label in row["labels"])
        assert len(row["labels"]) == len(set(row["labels"]))
        assert datetime.fromisoformat(row["modified"]).tzinfo == UTC


@pytest.mark.parametrize("case", RESTRICTED, ids=map(row_name, RESTRICTED))
def test_a_restriction_names_known_readers_and_admits_the_service_account(case):
    restrictions = case[1]["restrictions"]
    assert set(restrictions["groups"]) <= set(GROUPS)
    assert set(restrictions["users"]) <= ACCOUNTS
    assert allows(restrictions, SERVICE)


def test_the_service_account_is_in_every_group_and_may_view_every_space():
    assert all(SERVICE in members for members in GROUPS.values())
    assert all(allows(allowed, SERVICE) for allowed in SITE["permissions"].values())


def test_the_works_council_tree_is_restricted_and_one_page_in_it_is_narrower():
    root = find_current("HR", "Works council", "page")[0]
    tree: set[str] = set()
    last = {root["id"]}
    while last:
        tree |= last
        last = {row["id"] for _, row in ROWS if row["parent_id"] in last}
    narrower = [BY_ID[i][1] for i in tree - {root["id"]} if "restrictions" in BY_ID[i][1]]
    assert "restrictions" in root
    assert len(tree) >= 5
    assert any(
        set(row["restrictions"]["groups"]) < set(root["restrictions"]["groups"]) for row in narrower
    )


@pytest.mark.parametrize("key", BIG_SPACES)
def test_a_big_space_has_one_archived_and_one_trashed_page(key):
    states = Counter(row.get("status", "current") for space, row in ROWS if space == key)
    assert (states["archived"], states["trashed"]) == (1, 1)


def test_the_macros_and_elements_that_editors_produce_all_occur():
    bodies = [body_of(*case) for case in PAGES]
    names = {
        m.get(qualified("ac", "name"))
        for b in bodies
        for m in b.iter(qualified("ac", "structured-macro"))
    }
    tags = {etree.QName(element).localname for b in bodies for element in b.iter()}
    assert names >= {
        *("info", "note", "tip", "warning", "panel", "expand", "code", "noformat", "status", "toc"),
        *("children", "excerpt", "excerpt-include", "include", "details", "jira", "view-file"),
        *("drawio", "acme-timeline"),
    }
    assert tags >= {
        *("task-list", "layout-section", "layout-cell", "adf-extension", "adf-fallback", "time"),
        *("placeholder", "emoticon", "inline-comment-marker", "image", "caption", "url", "user"),
        *("blog-post", "space", "blockquote", "pre", "del", "sup"),
    }


def test_a_code_block_survives_the_split_of_its_cdata_section():
    row = find_current("ENG", "Coding guidelines", "page")[0]
    assert "]]]]><![CDATA[>" in body_text("ENG", row)
    assert "if (v[idx[i]]>limit)" in "".join(body_of("ENG", row).itertext())


def test_twenty_four_questions_point_at_pages_and_three_are_for_the_demo():
    demo = [question for question in QUESTIONS if question.get("demo")]
    assert len(QUESTIONS) == len({question["question"] for question in QUESTIONS}) == 24
    assert (
        len({question["title"] for question in demo if question["space"] == "IT"}) == len(demo) == 3
    )
    for question in QUESTIONS:
        assert question["answer"]
        assert find_current(question["space"], question["title"], "page"), question["title"]
