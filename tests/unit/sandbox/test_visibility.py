import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.sandbox.entities import Status
from headwater.sandbox.visibility import View
from headwater.sandbox.world import World


@pytest.fixture
def world():
    world = World()
    world.add_space("ENG", "Engineering")
    world.people.add_group("board")
    world.people.add_user("ann", "ann@example.org", "Ann", groups=["board"])
    world.people.add_user("bob", "bob@example.org", "Bob")
    return world


def view(world, account):
    return View(world, world.people.users[account])


def test_every_user_sees_an_unrestricted_page(world):
    page = world.create_page("ENG", "Open")
    assert view(world, "bob").sees(page)


def test_anonymous_callers_see_only_spaces_open_to_them(world):
    page = world.create_page("ENG", "Open")
    assert not View(world, None).sees(page)
    world.permit("ENG", groups=["confluence-users"], anonymous=True)
    assert View(world, None).sees(page)
    world.restrict(page.id, users=["ann"])
    assert not View(world, None).sees(page)


def test_the_space_gate_closes_pages_that_restrict_nobody(world):
    page = world.create_page("ENG", "Open")
    world.permit("ENG", groups=["board"])
    assert view(world, "ann").sees(page)
    assert not view(world, "bob").sees(page)


def test_a_restriction_does_not_open_the_space_to_its_readers(world):
    page = world.create_page("ENG", "For Bob")
    world.permit("ENG", groups=["board"])
    world.restrict(page.id, users=["bob"])
    assert not view(world, "bob").sees(page)


def test_restrictions_of_ancestors_add_up(world):
    top = world.create_folder("ENG", "Board")
    page = world.create_page("ENG", "For Bob", parent=top.id)
    world.restrict(top.id, groups=["board"])
    world.restrict(page.id, users=["bob"])
    assert not view(world, "ann").sees(page)
    assert not view(world, "bob").sees(page)
    world.people.join_group("bob", "board")
    assert view(world, "bob").sees(page)


def test_the_admin_sees_everything(world):
    page = world.create_page("ENG", "For Bob")
    world.permit("ENG", users=["bob"])
    world.restrict(page.id, users=["bob"])
    assert View(world, world.people.admin).find(page.id) is page


def test_a_draft_is_its_authors_alone(world):
    draft = world.add_content("ENG", "Draft", author="ann", status=Status.DRAFT)
    assert view(world, "ann").sees(draft)
    assert not view(world, "bob").sees(draft)
    assert not View(world, world.people.admin).sees(draft)


def test_remarks_follow_their_page(world):
    page = world.create_page("ENG", "For Ann")
    comment, file = world.comment(page.id, "<p>Hm</p>"), world.attach(page.id, "a.txt", b"a")
    world.restrict(page.id, users=["ann"])
    assert view(world, "ann").find_comment(comment.id) is comment
    assert view(world, "ann").find_attachment(file.id) is file
    assert view(world, "bob").find_comment(comment.id) is None
    assert view(world, "bob").find_attachment(file.id) is None


def test_a_space_is_found_by_key_or_id_only_by_its_viewers(world):
    space = world.find_space("ENG")
    world.permit("ENG", users=["ann"])
    assert view(world, "ann").find_space(space.id) is space
    assert view(world, "ann").find_space_by_key("ENG") is space
    assert view(world, "bob").find_space(space.id) is None
    assert view(world, "bob").find_space_by_key("ENG") is None


@given(gates=st.lists(st.sets(st.sampled_from(["ann", "bob"])), min_size=1, max_size=4))
def test_a_page_is_seen_iff_every_gate_above_it_admits(gates):
    world = World()
    world.add_space("ENG", "Engineering")
    world.people.add_user("ann", "ann@example.org", "Ann")
    world.people.add_user("bob", "bob@example.org", "Bob")
    parent = None
    for gate in gates:
        page = world.create_page("ENG", "Page", parent=parent)
        world.restrict(page.id, users=gate)
        parent = page.id
    assert view(world, "ann").sees(page) is all(not gate or "ann" in gate for gate in gates)
