from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from headwater.sandbox.generator import (
    Recipe,
    generate_world,
    name_page,
    write_body,
    write_title,
)
from headwater.sandbox.vocabulary import make_rare_word


def test_the_same_seed_makes_the_same_world():
    one, two = generate_world(Recipe(60, seed=3)), generate_world(Recipe(60, seed=3))
    other = generate_world(Recipe(60, seed=4))
    bodies = [[page.body for page in world.tree.contents.values()] for world in (one, two, other)]
    assert bodies[0] == bodies[1] != bodies[2]


@given(
    seed=st.integers(0, 100),
    numbers=st.sets(st.integers(0, 1_000_000), min_size=2, max_size=50),
)
def test_no_two_numbers_share_a_rare_word(seed, numbers):
    assert len({make_rare_word(seed, number) for number in numbers}) == len(numbers)


def test_a_page_is_the_only_one_with_its_rare_word():
    world = generate_world(Recipe(200))
    word = make_rare_word(0, 17)
    assert [item.id for item in world.tree.contents.values() if word in item.body] == [
        name_page(17)
    ]


def test_titles_are_unique():
    assert len({write_title(0, index) for index in range(500)}) == 500


@given(index=st.integers(0, 10_000))
def test_bodies_are_well_formed_storage_format(index):
    ET.fromstring(f'<r xmlns:ac="ac">{write_body(1, index, 80)}</r>')  # noqa: S314  (our own text)


def test_pages_form_one_tree_per_space():
    world = generate_world(Recipe(300, spaces=3))
    for space in world.spaces.values():
        pages = world.tree.list_space(space.id)
        assert len(pages) == 100
        assert [page.parent_id for page in pages].count(None) == 1
        assert max(len(world.tree.list_ancestors(page)) for page in pages) == 2


def test_every_nth_page_is_decorated():
    recipe = Recipe(40, attachments_every=10, restrictions_every=20, comments_every=5)
    world = generate_world(recipe)
    assert len(world.attachments) == 4
    assert len(world.comments) == 8
    assert [page.id for page in world.tree.contents.values() if page.readers] == [
        name_page(19),
        name_page(39),
    ]
    assert next(iter(world.attachments.values())).read().startswith(b"component,count\n")
