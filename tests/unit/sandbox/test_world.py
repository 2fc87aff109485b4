from datetime import timedelta

import pytest

from headwater.sandbox.clock import SteppingClock, read_wall_clock
from headwater.sandbox.entities import Kind, Operation, Status
from headwater.sandbox.world import World


@pytest.fixture
def world():
    world = World()
    world.add_space("ENG", "Engineering")
    world.add_space("HR", "People")
    return world


@pytest.fixture
def family(world):
    top = world.create_page("ENG", "Top")
    middle = world.create_page("ENG", "Middle", parent=top.id)
    bottom = world.create_page("ENG", "Bottom", parent=middle.id)
    return top, middle, bottom


def test_an_edit_makes_a_new_version_and_keeps_the_old_one(world):
    page = world.create_page("ENG", "Page", "<p>one</p>")
    first = page.version
    world.edit(page.id, "<p>two</p>", message="why")
    assert (page.version.number, page.version.message, page.body) == (2, "why", "<p>two</p>")
    assert page.version.created_at > first.created_at
    assert page.history == (first,)


def test_a_rename_makes_a_new_version_of_the_page_but_not_of_those_below(world, family):
    world.rename(family[0].id, "New top")
    assert [page.version.number for page in family] == [2, 1, 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda world, page: world.move(page.id),
        lambda world, page: world.move(page.id, key="HR"),
        lambda world, page: world.label(page.id, "new"),
        lambda world, page: world.restrict(page.id, groups=["confluence-users"]),
        lambda world, page: world.comment(page.id, "<p>Hm</p>"),
        lambda world, page: world.attach(page.id, "a.txt", b"a"),
        lambda world, page: world.archive(page.id),
        lambda world, page: world.trash(page.id),
    ],
    ids=["move", "move to a space", "label", "restrict", "comment", "attach", "archive", "trash"],
)
def test_nothing_but_an_edit_makes_a_new_version(world, family, change):
    page = family[2]
    before, revision = page.version, world.revision
    change(world, page)
    assert page.version == before
    assert world.revision > revision


def test_a_page_takes_its_subtree_to_another_space(world, family):
    top, middle, bottom = family
    world.move(middle.id, key="HR")
    people = world.find_space("HR").id
    assert [page.space_id == people for page in family] == [False, True, True]
    assert middle.parent_id is None
    assert bottom.parent_id == middle.id
    assert world.tree.list_space(people) == [middle, bottom]
    assert world.tree.list_children(top.id) == []


def test_a_move_under_a_parent_takes_the_parents_space(world, family):
    home = world.create_page("HR", "Home")
    world.move(family[1].id, parent=home.id)
    assert family[2].space_id == home.space_id
    assert world.tree.list_ancestors(family[2]) == [home, family[1]]


def test_a_page_cannot_move_below_itself(world, family):
    with pytest.raises(ValueError, match="below itself"):
        world.move(family[0].id, parent=family[2].id)


@pytest.mark.parametrize("withdraw", [World.trash, World.archive])
def test_children_of_a_withdrawn_page_move_up(world, family, withdraw):
    top, middle, bottom = family
    withdraw(world, middle.id)
    assert middle.status is not Status.CURRENT
    assert (bottom.status, bottom.parent_id) == (Status.CURRENT, top.id)


def test_descendants_are_withdrawn_on_request(world, family):
    world.trash(family[0].id, descendants=True)
    assert [page.status for page in family] == [Status.TRASHED] * 3


def test_a_restored_page_keeps_its_old_version_and_place(world, family):
    top, middle, _ = family
    before = middle.version
    world.trash(middle.id)
    world.restore(middle.id)
    assert (middle.status, middle.version, middle.parent_id) == (Status.CURRENT, before, top.id)


def test_a_page_whose_parent_is_gone_is_restored_at_the_top(world, family):
    _, middle, bottom = family
    world.trash(middle.id, descendants=True)
    world.restore(bottom.id)
    assert bottom.parent_id is None


def test_purging_takes_remarks_along_and_lifts_children(world, family):
    top, middle, bottom = family
    world.comment(middle.id, "<p>Hm</p>")
    world.attach(middle.id, "a.txt", b"a")
    world.purge(middle.id)
    assert middle.id not in world.tree.contents
    assert (world.comments, world.attachments) == ({}, {})
    assert bottom.parent_id == top.id


def test_a_deleted_space_is_gone_with_everything_in_it(world, family):
    world.attach(family[0].id, "a.txt", b"a")
    world.delete_space("ENG")
    assert world.tree.contents == {}
    assert world.attachments == {}
    with pytest.raises(KeyError):
        world.find_space("ENG")


def test_a_space_goes_into_the_archive_and_back(world):
    world.archive_space("ENG")
    assert world.find_space("ENG").status == "archived"
    world.restore_space("ENG")
    assert world.find_space("ENG").status == "current"


def test_a_tilde_makes_a_space_personal(world):
    assert world.add_space("~712020abc", "Mine").type == "personal"


def test_a_replaced_file_keeps_its_id_and_its_former_data(world, family):
    first = world.attach(family[0].id, "a.txt", b"old")
    second = world.attach(family[0].id, "a.txt", lambda: b"new")
    assert second is first
    assert first.version.number == 2
    assert (first.read(1), first.read(2), first.read()) == (b"old", b"new", b"new")


def test_a_detached_file_does_not_take_the_name_of_its_successor(world, family):
    first = world.attach(family[0].id, "a.txt", b"old")
    world.detach(first.id)
    assert world.attach(family[0].id, "a.txt", b"new").id != first.id


def test_a_reply_is_inline_if_what_it_answers_is(world, family):
    root = world.comment(family[0].id, "<p>Hm</p>", inline=True, resolved=True)
    reply = world.comment(family[0].id, "<p>Yes</p>", reply_to=root.id)
    assert (root.resolution, reply.inline) == ("resolved", True)


def test_a_deleted_comment_takes_its_replies_along(world, family):
    root = world.comment(family[0].id, "<p>Hm</p>")
    world.comment(family[0].id, "<p>Yes</p>", reply_to=root.id)
    world.delete_comment(root.id)
    assert world.comments == {}


def test_an_edited_comment_has_a_new_version(world, family):
    comment = world.comment(family[0].id, "<p>Hm</p>")
    world.edit_comment(comment.id, "<p>Oh</p>")
    assert (comment.version.number, comment.body) == (2, "<p>Oh</p>")


def test_labels_are_a_set_in_order(world, family):
    world.label(family[0].id, "b", "a", "b")
    world.unlabel(family[0].id, "b")
    assert family[0].labels == ("a",)


def test_a_restriction_is_replaced_and_lifted(world, family):
    group = world.people.add_group("board")
    world.restrict(family[0].id, groups=["board"])
    assert family[0].readers.groups == {group.id}
    world.restrict(family[0].id)
    assert not family[0].readers


def test_an_edit_restriction_does_not_touch_reading(world, family):
    world.restrict(family[0].id, users=[world.people.admin.account_id], operation=Operation.UPDATE)
    assert not family[0].readers


def test_a_draft_is_published(world):
    draft = world.add_content("ENG", "", kind=Kind.PAGE, status=Status.DRAFT)
    world.publish(draft.id)
    assert draft.status is Status.CURRENT


def test_the_first_page_at_the_top_is_the_homepage(world, family):
    assert world.find_space("ENG").homepage_id == family[0].id


def test_a_given_id_is_never_taken_twice(world):
    taken = str(int(world.take_id()) + 1)
    world.add_content("ENG", "Given", content_id=taken)
    assert world.create_page("ENG", "Next").id != taken


def test_unknown_names_are_errors(world):
    with pytest.raises(KeyError, match="add_space"):
        world.create_page("NOPE", "Page")
    with pytest.raises(KeyError, match="add_group"):
        world.permit("ENG", groups=["nope"])


def test_members_join_and_leave(world):
    group = world.people.add_group("board")
    user = world.people.add_user("acc-1", "a@example.org", "A", groups=["board"])
    assert user.account_id in group.members
    world.people.leave_group("acc-1", "board")
    assert "acc-1" not in group.members
    world.people.join_group("acc-1", group.id)
    assert group.id in world.people.list_groups_of("acc-1")


def test_a_token_never_shows(world):
    assert world.people.admin.token not in repr(world.people.admin)


def test_the_clock_steps_and_advances():
    clock = SteppingClock()
    first = clock()
    assert clock() - first == timedelta(seconds=1)
    clock.advance(timedelta(days=1))
    assert clock() - first == timedelta(days=1, seconds=2)


def test_the_wall_clock_is_utc():
    assert read_wall_clock().utcoffset() == timedelta(0)
