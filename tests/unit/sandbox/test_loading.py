import json
from pathlib import Path

import pytest

from headwater.domain.errors import ConfigError
from headwater.sandbox.clock import read_wall_clock
from headwater.sandbox.entities import Kind, Principals, Status
from headwater.sandbox.loading import load_folder, load_recorded, load_wiki

DATA = Path(__file__).parents[3] / "../shared/data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data is not here")


def write_lines(file, rows):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")


PAGE = {
    "id": "500",
    "parent_id": "400",
    "parent_type": "folder",
    "title": "Pâge",
    "file": "page.xhtml",
    "type": "page",
    "labels": ["a"],
    "author": "ann",
    "modified": "2026-02-03T04:05:06Z",
    "version": 3,
    "restrictions": {"groups": ["board"], "users": ["ann"]},
    "comments": [
        {
            "author": "ann",
            "body": "<p>Hm</p>",
            "inline": True,
            "resolved": True,
            "replies": [{"author": "ann", "body": "<p>Yes</p>"}],
        }
    ],
    "attachments": [{"file": "a.txt", "media_type": "text/plain", "title": "A file.txt"}],
}
FOLDER = {"id": "400", "parent_id": None, "title": "Box", "file": None, "type": "folder"}


@pytest.fixture
def wiki(tmp_path):
    site = {
        "spaces": [
            {"key": "ENG", "name": "Engineering", "type": "global", "description": "How"},
            {"key": "OLD", "name": "Old", "type": "global", "status": "archived"},
        ],
        "users": [{"account_id": "ann", "email": "ann@example.org", "name": "Ann"}],
        "groups": [{"id": "g-1", "name": "board", "members": ["ann"]}],
        "permissions": {"ENG": {"groups": ["board"], "users": ["ann"]}},
    }
    (tmp_path / "wiki.json").write_text(json.dumps(site))
    blog = {**FOLDER, "id": "600", "type": "blogpost", "title": "News", "status": "trashed"}
    moment = {"modified": "2026-01-01T00:00:00Z"}
    write_lines(tmp_path / "ENG/pages.jsonl", [PAGE, {**FOLDER, **moment}, {**blog, **moment}])
    write_lines(tmp_path / "OLD/pages.jsonl", [])
    for name, text in (("pages/page.xhtml", "<p>Bödy</p>"), ("attachments/a.txt", "data")):
        (tmp_path / "ENG" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "ENG" / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_wiki_is_read_whole(wiki):
    world = load_wiki(wiki)
    page = world.find_content("500")
    assert (page.title, page.body, page.labels) == ("Pâge", "<p>Bödy</p>", ("a",))
    assert (page.version.number, len(page.history), page.version.author_id) == (3, 2, "ann")
    assert page.version.created_at.isoformat() == "2026-02-03T04:05:06+00:00"
    assert page.readers == Principals(frozenset({"ann"}), frozenset({"g-1"}))
    assert [it.kind for it in world.tree.list_ancestors(page)] == [Kind.FOLDER]
    root, reply = world.comments.values()
    assert (root.inline, root.resolution) == (True, "resolved")
    assert (reply.parent_id, reply.inline) == (root.id, True)
    assert [(it.title, it.read()) for it in world.attachments.values()] == [("A file.txt", b"data")]
    assert world.find_content("600").status is Status.TRASHED
    assert world.find_space("ENG").viewers.groups == {"g-1"}
    assert world.find_space("OLD").status == "archived"
    assert world.people.find_login("ANN@example.org", "token-ann")


def test_time_goes_on_from_the_latest_page_unless_a_clock_is_given(wiki):
    world = load_wiki(wiki)
    page = world.find_content("500")
    before = page.version.created_at
    assert world.edit(page.id, "<p>new</p>").version.created_at > before
    assert load_wiki(wiki, clock=read_wall_clock).clock is read_wall_clock


@pytest.mark.parametrize("name", ["pages/page.xhtml", "attachments/a.txt", "pages.jsonl"])
def test_a_missing_file_is_named(wiki, name):
    (wiki / "ENG" / name).unlink()
    with pytest.raises(ConfigError, match=Path(name).name):
        load_wiki(wiki)


def test_an_unknown_parent_is_named(wiki):
    write_lines(wiki / "ENG/pages.jsonl", [PAGE])
    with pytest.raises(ConfigError, match="500 has a parent"):
        load_wiki(wiki)


def test_the_packaged_wiki_loads():
    world = load_wiki()
    assert {"IT", "HR", "ENG"} <= {space.key for space in world.spaces.values()}
    assert all(page.body for page in world.tree.contents.values() if page.kind is not Kind.FOLDER)


@pytest.fixture
def folder(tmp_path):
    rows = [
        {"id": "1", "parent_id": None, "title": "", "storage": "index.xml"},
        {"id": "2", "parent_id": "1", "title": "", "storage": "how-to/index.xml"},
        {"id": "3", "parent_id": "2", "title": "", "storage": "how-to/how_to.xml"},
        {"id": "4", "parent_id": "2", "title": "Listed only", "storage": None},
    ]
    write_lines(tmp_path / "storage.pages.jsonl", rows)
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage/index.xml").write_text("<p>Top</p>")
    (tmp_path / "attachments/img").mkdir(parents=True)
    (tmp_path / "attachments/img/a.png").write_bytes(b"png")
    return tmp_path


def test_pages_without_a_title_are_named_after_their_files(folder):
    world = load_folder(folder, key="DOC", name="Documents")
    titles = [page.title for page in world.tree.contents.values()]
    assert titles == ["Documents", "How to", "How to (3)", "Listed only"]
    assert [page.body for page in world.tree.contents.values()] == ["<p>Top</p>", "", "", ""]
    assert [it.title for it in world.attachments.values()] == ["img-a.png"]
    assert next(iter(world.attachments.values())).read() == b"png"


def test_two_folders_with_the_same_ids_fit_into_one_world(folder):
    world = load_folder(folder, key="A")
    load_folder(folder, key="B", world=world)
    second = world.tree.list_space(world.find_space("B").id)
    assert len(world.tree.contents) == 8
    assert [page.parent_id for page in second[1:]] == [second[0].id, second[1].id, second[1].id]


def test_a_folder_with_several_listings_needs_a_choice(folder):
    write_lines(folder / "other.pages.jsonl", [])
    with pytest.raises(ConfigError, match="listing="):
        load_folder(folder)
    assert load_folder(folder, listing="storage.pages.jsonl").tree.contents


def test_recorded_pages_stand_under_their_ancestors(tmp_path):
    page = {"id": "7", "title": "Real", "ancestors": [{"id": "5", "title": "Above"}]}
    (tmp_path / "7").mkdir()
    (tmp_path / "7/page.v1.json").write_text(json.dumps(page))
    (tmp_path / "7/page.xhtml").write_text("<p>Real</p>")
    world = load_recorded(tmp_path)
    assert [(it.title, it.body) for it in world.tree.contents.values()] == [
        ("Above", ""),
        ("Real", "<p>Real</p>"),
    ]
    assert world.find_content("7").parent_id == "5"


@needs_data
def test_real_spaces_load():
    world = load_folder(DATA / "space-18f-handbook", key="TTS")
    load_folder(DATA / "space-querypie", key="QM", world=world)
    load_recorded(DATA / "storage/querypie", world=world)
    sizes = [len(world.tree.list_space(space.id)) for space in world.spaces.values()]
    assert min(sizes) > 25
    for space in world.spaces.values():
        titles = [page.title for page in world.tree.list_space(space.id)]
        assert all(titles)
        assert len(set(titles)) == len(titles)
