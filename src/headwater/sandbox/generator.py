"""Made-up wikis of any size from a seed: the same seed and number make the same page for ever.

Bodies are written when they are read, so that 100,000 pages fit into memory.
"""

import random
from dataclasses import dataclass
from functools import partial

from headwater.sandbox import vocabulary as words
from headwater.sandbox.vocabulary import make_rare_word
from headwater.sandbox.world import World

_FIRST_PAGE = 1_000_000
_CHILDREN = 12


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to generate. ``…_every`` gives every n-th page one; 0 gives none."""

    pages: int
    seed: int = 0
    spaces: int = 1
    words_per_page: int = 180
    attachments_every: int = 0
    restrictions_every: int = 0
    comments_every: int = 0


def generate_world(recipe: Recipe) -> World:
    """Return a world with spaces ``GEN1``, ``GEN2``, …, each a tree about 12 pages wide."""
    world = World()
    world.people.add_group("insiders")
    for number in range(recipe.spaces):
        _generate_space(world, recipe, number)
    return world


def name_page(index: int) -> str:
    """Return the id of the page with this index, counted from 0 over all spaces."""
    return str(_FIRST_PAGE + index)


def write_title(seed: int, index: int) -> str:
    """Return the title of a page; no two pages have the same."""
    dice = _make_dice(seed, index, "title")
    system, topic = dice.choice(words.SYSTEMS), dice.choice(words.TOPICS)
    return f"{system.capitalize()} {topic} {index + 1}"


def write_body(seed: int, index: int, length: int) -> str:
    """Return a page's body in storage format, about ``length`` words, its rare word among them."""
    dice = _make_dice(seed, index, "body")
    sections, written = [_write_opening(dice, seed, index)], 0
    while written < length:
        section = _write_section(dice)
        written += section.count(" ")
        sections.append(section)
    return "".join(sections)


def _make_dice(seed: int, index: int, purpose: str) -> random.Random:
    return random.Random(f"{seed}/{index}/{purpose}")  # noqa: S311  (made-up text, no secret)


def _generate_space(world: World, recipe: Recipe, number: int) -> None:
    key = f"GEN{number + 1}"
    world.add_space(key, f"Generated space {number + 1}")
    first, last = (recipe.pages * place // recipe.spaces for place in (number, number + 1))
    for index in range(first, last):
        above = first + (index - first - 1) // _CHILDREN
        world.add_content(
            key,
            write_title(recipe.seed, index),
            partial(write_body, recipe.seed, index, recipe.words_per_page),
            parent=name_page(above) if index > first else None,
            content_id=name_page(index),
            labels=_choose_labels(recipe.seed, index),
        )
        _decorate(world, recipe, index)


def _decorate(world: World, recipe: Recipe, index: int) -> None:
    page = name_page(index)
    if _is_turn(index, recipe.attachments_every):
        data = partial(_write_table, recipe.seed, index)
        world.attach(page, f"figures-{index + 1}.csv", data, media_type="text/csv")
    if _is_turn(index, recipe.restrictions_every):
        world.restrict(page, groups=["insiders"])
    if _is_turn(index, recipe.comments_every):
        dice = _make_dice(recipe.seed, index, "comment")
        world.comment(page, f"<p>{_write_sentence(dice)}</p>")


def _is_turn(index: int, every: int) -> bool:
    return every > 0 and index % every == every - 1


def _choose_labels(seed: int, index: int) -> list[str]:
    dice = _make_dice(seed, index, "labels")
    return dice.sample(words.LABELS, dice.randrange(3))


def _write_opening(dice: random.Random, seed: int, index: int) -> str:
    team, rare = dice.choice(words.TEAMS), make_rare_word(seed, index)
    return f"<p>The {team} team keeps this page. Its reference code is {rare}.</p>"


def _write_section(dice: random.Random) -> str:
    heading = f"<h2>{dice.choice(words.HEADINGS)}</h2>"
    return heading + dice.choice((_write_paragraph, _write_list, _write_note, _write_code))(dice)


def _write_paragraph(dice: random.Random) -> str:
    return f"<p>{' '.join(_write_sentence(dice) for _ in range(dice.randint(2, 5)))}</p>"


def _write_list(dice: random.Random) -> str:
    items = (f"<li>{_write_sentence(dice)}</li>" for _ in range(dice.randint(3, 6)))
    return f"<ul>{''.join(items)}</ul>"


def _write_note(dice: random.Random) -> str:
    body = f"<ac:rich-text-body>{_write_paragraph(dice)}</ac:rich-text-body>"
    return f'<ac:structured-macro ac:name="info">{body}</ac:structured-macro>'


def _write_code(dice: random.Random) -> str:
    command = f"{dice.choice(words.SYSTEMS)}ctl status --limit {dice.randint(10, 500)}"
    body = f"<ac:plain-text-body><![CDATA[{command}]]></ac:plain-text-body>"
    return (
        f'<ac:structured-macro ac:name="code">{body}</ac:structured-macro>{_write_paragraph(dice)}'
    )


def _write_sentence(dice: random.Random) -> str:
    subject = f"The {dice.choice(words.QUALITIES)} {dice.choice(words.COMPONENTS)}"
    target = f"the {dice.choice(words.SYSTEMS)} {dice.choice(words.COMPONENTS)}"
    return f"{subject} {dice.choice(words.ACTIONS)} {target} {dice.choice(words.CONDITIONS)}."


def _write_table(seed: int, index: int) -> bytes:
    dice = _make_dice(seed, index, "table")
    rows = [f"{name},{dice.randint(1, 9_999)}" for name in dice.sample(words.COMPONENTS, 8)]
    return "\n".join(("component,count", *rows, "")).encode()
