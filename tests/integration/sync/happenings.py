"""What may happen in a small Confluence of two spaces, as data that reads well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

from hypothesis import strategies as st

from headwater.sandbox.entities import Attachment, Comment, Content, Kind, Status, User
from headwater.sandbox.faces import Cloud, Face
from headwater.sandbox.world import World
from tests.integration.sync.lab import KEY, paragraphs

CLOUD: Final = Cloud()
OTHER = "OLDLAB"
"""The second space's key."""

SPACES: Final = (KEY, OTHER)
GROUPS: Final = ("staff", "board", "audit")
MEMBERSHIPS: Final = {
    "ann": ("staff",),
    "bob": ("staff", "board"),
    "cy": ("audit",),
    "dan": (),
    "eve": ("board",),
}
CIRCLES: Final[Sequence[tuple[Sequence[str], Sequence[str]]]] = (
    ((), ("staff",)),
    ((), ("board",)),
    (("cy",), ()),
    (("ann",), ("audit",)),
    ((), ("confluence-users",)),
)
"""Users and groups that a restriction or a permission may name."""

MOST_PAGES: Final = 18
LABELS: Final = ("howto", "draft", "old")
COMMON: Final = "everywhere"
"""A word in every document."""

_WORDS: Final = ("rivers run deep", "stones lie still", "winds blow cold", "fires burn bright")
TEXTS: Final = tuple(
    "".join(
        f"<h2>{words}</h2>{paragraphs(f'{COMMON} the {words} ' + f'and {words} again ' * 16)}"
        for words in chosen
    )
    for chosen in (
        _WORDS[:1],
        _WORDS[:3],
        _WORDS[2::-1],
        _WORDS[1:],
        (_WORDS[0], _WORDS[0], _WORDS[3]),
    )
)
"""Bodies that share sections, in different orders and with repeats."""

FILES: Final = (
    (COMMON.encode() + b" in a file", "text/plain"),
    (COMMON.encode() + b" in another file", "text/plain"),
    (b"\x89PNG", "image/png"),
    (b"PK", "application/zip"),
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Happening:
    """One change: what it is called, and three numbers that choose what and where."""

    name: str
    what: int = 0
    where: int = 0
    how: int = 0

    def happen(self, world: World) -> str | None:
        """Do it; return what was done, ``None`` where there is nothing to do it to."""
        return HAPPENINGS[self.name](world, self)


def make_world(*, uses_roles: bool, face: Face = CLOUD) -> World:
    """Return two spaces with a little of everything, and a few people."""
    world = World(uses_roles=uses_roles)
    for name in GROUPS:
        world.people.add_group(name)
    for name, groups in MEMBERSHIPS.items():
        world.people.add_user(name, f"{name}@example.org", name.title(), groups=groups)
    for key in SPACES:
        world.add_space(key, key.title())
        _furnish(world, key, Kind.FOLDER if isinstance(face, Cloud) else Kind.PAGE)
    return world


def _furnish(world: World, key: str, between: Kind) -> None:
    """Give every change something to begin with."""
    top = world.create_page(key, f"Top {COMMON}", TEXTS[0]).id
    middle = world.create_page(key, f"Middle {COMMON}", TEXTS[1], parent=top).id
    leaf = world.create_page(key, f"Leaf {COMMON}", TEXTS[2], parent=middle).id
    shelf = world.add_content(key, "Shelf", kind=between, parent=top).id
    kept = world.create_page(key, f"Kept {COMMON}", TEXTS[3], parent=shelf).id
    world.create_blogpost(key, f"Post {COMMON}", TEXTS[4])
    world.restrict(middle, groups=["staff", "audit"])
    world.restrict(leaf, groups=["board", "audit"])
    remark = world.comment(leaf, paragraphs("a remark"), inline=True).id
    world.comment(leaf, paragraphs("a reply"), reply_to=remark)
    world.comment(kept, paragraphs("another remark"))
    for place, page in enumerate((leaf, kept, top)):
        data, media_type = FILES[place]
        world.attach(page, f"0 {COMMON}.bin", data, media_type=media_type)


def list_people(world: World) -> list[User | None]:
    """Return everybody whose view matters; ``None`` is anonymous."""
    return [None, *(world.people.users[name] for name in MEMBERSHIPS)]


def list_documents(world: World, key: str) -> list[Content]:
    """Return a space's current pages and blog posts."""
    space = world.find_space(key)
    return [item for item in world.tree.list_space(space.id) if _is_document(item)]


def list_files(world: World, page: Content) -> list[Attachment]:
    """Return a page's current attachments."""
    files = (world.attachments[item] for item in world.files_of.get(page.id, []))
    return [item for item in files if item.status is Status.CURRENT]


def _is_document(item: Content) -> bool:
    return item.status is Status.CURRENT and item.kind is not Kind.FOLDER


def _all_documents(world: World) -> list[Content]:
    return [item for key in SPACES for item in list_documents(world, key)]


def _all_places(world: World) -> list[Content]:
    return [
        item
        for item in world.tree.contents.values()
        if item.status is Status.CURRENT and item.kind is not Kind.BLOGPOST
    ]


def _all_gates(world: World) -> list[Content]:
    return [item for item in world.tree.contents.values() if item.status is Status.CURRENT]


def _withdrawn(world: World) -> list[Content]:
    return [item for item in world.tree.contents.values() if item.status is not Status.CURRENT]


def _all_files(world: World) -> list[Attachment]:
    return [file for page in _all_documents(world) for file in list_files(world, page)]


def _all_comments(world: World) -> list[Comment]:
    return list(world.comments.values())


def _pick(items: Sequence[T], number: int) -> T | None:
    return items[number % len(items)] if items else None


Doing = Callable[[World, Happening], str | None]


def _on(
    found: Callable[[World], Sequence[T]], do: Callable[[World, T, Happening], str | None]
) -> Doing:
    """Return a change of one of these, chosen by the happening's first number."""

    def happen(world: World, it: Happening) -> str | None:
        chosen = _pick(found(world), it.what)
        return None if chosen is None else do(world, chosen, it)

    return happen


def _add(kind: Kind) -> Doing:
    def happen(world: World, it: Happening) -> str | None:
        if len(world.tree.contents) >= MOST_PAGES:
            return None
        parents = [None, *_all_places(world)]
        parent = None if kind is Kind.BLOGPOST else _pick(parents, it.where)
        key = world.spaces[parent.space_id].key if parent else SPACES[it.what % 2]
        text = "" if kind is Kind.FOLDER else TEXTS[it.how % len(TEXTS)]
        title = f"{kind.title()} {it.how} {COMMON}"
        made = world.add_content(key, title, text, kind=kind, parent=parent.id if parent else None)
        return f"{made.id} {kind} in {key} under {parent and parent.id}"

    return happen


def _edit(world: World, page: Content, it: Happening) -> str:
    world.edit(page.id, (*TEXTS, "")[it.how % (len(TEXTS) + 1)])
    return f"{page.id} gets text {it.how % (len(TEXTS) + 1)}"


def _rename(world: World, page: Content, it: Happening) -> str:
    world.rename(page.id, f"{it.how} renamed {COMMON}")
    return f"{page.id} is called {page.title!r}"


def _move(world: World, page: Content, it: Happening) -> str:
    below = {page.id, *(item.id for item in world.tree.list_descendants(page.id))}
    parents = [item for item in _all_places(world) if item.id not in below]
    parent = None if page.kind is Kind.BLOGPOST else _pick([None, *parents], it.where)
    if parent:
        world.move(page.id, parent=parent.id)
        return f"{page.id} under {parent.id}"
    world.move(page.id, key=SPACES[it.how % 2])
    return f"{page.id} to the top of {SPACES[it.how % 2]}"


def _move_near(world: World, page: Content, it: Happening) -> str | None:
    below = {page.id, *(item.id for item in world.tree.list_descendants(page.id))}
    places = [item for item in _all_places(world) if item.space_id == page.space_id]
    parent = _pick([None, *(item for item in places if item.id not in below)], it.where)
    if page.kind is Kind.BLOGPOST:
        return None
    world.move(page.id, parent=parent.id if parent else None)
    return f"{page.id} under {parent and parent.id}"


def _label(world: World, page: Content, it: Happening) -> str:
    name = LABELS[it.how % len(LABELS)]
    (world.unlabel if name in page.labels else world.label)(page.id, name)
    return f"{page.id} has {page.labels}"


def _restrict(world: World, gate: Content, it: Happening) -> str:
    users, groups = CIRCLES[it.how % len(CIRCLES)]
    world.restrict(gate.id, users=users, groups=groups)
    return f"{gate.id} to {users} {groups}"


def _lift(world: World, gate: Content, _: Happening) -> str:
    world.restrict(gate.id)
    return f"{gate.id}"


def _permit(world: World, it: Happening) -> str:
    users, groups = (*CIRCLES, ((), ()))[it.how % (len(CIRCLES) + 1)]
    # Cloud's list of permissions keeps anonymous access to itself; the list of roles tells it.
    key, anonymous = SPACES[it.what % 2], world.uses_roles and it.where % 4 == 0
    world.permit(key, users=users, groups=groups, anonymous=anonymous)
    return f"{key} to {users} {groups} anonymous={anonymous}"


def _comment(world: World, page: Content, it: Happening) -> str:
    made = world.comment(page.id, paragraphs(f"remark {it.how}"), inline=it.where % 2 == 0)
    return f"{made.id} on {page.id} inline={made.inline}"


def _reply(world: World, comment: Comment, it: Happening) -> str:
    body = paragraphs(f"reply {it.how}")
    made = world.comment(comment.container_id, body, reply_to=comment.id)
    return f"{made.id} to {comment.id}"


def _resolve(_: World, comment: Comment, __: Happening) -> str:
    comment.resolution = "open" if comment.resolution == "resolved" else "resolved"
    return f"{comment.id} is {comment.resolution}"


def _edit_comment(world: World, comment: Comment, it: Happening) -> str:
    world.edit_comment(comment.id, paragraphs(f"second thought {it.how}"))
    return f"{comment.id}"


def _delete_comment(world: World, comment: Comment, _: Happening) -> str:
    world.delete_comment(comment.id)
    return f"{comment.id}"


def _attach(world: World, page: Content, it: Happening) -> str:
    data, media_type = FILES[it.how % len(FILES)]
    file = world.attach(page.id, f"{it.where % 2} {COMMON}.bin", data, media_type=media_type)
    return f"{file.id} on {page.id}, {media_type} version {file.version.number}"


def _detach(world: World, file: Attachment, _: Happening) -> str:
    world.detach(file.id)
    return f"{file.id}"


def _trash(world: World, page: Content, it: Happening) -> str:
    world.trash(page.id, descendants=it.how % 2 == 1)
    return f"{page.id} with all below={it.how % 2 == 1}"


def _archive(world: World, page: Content, it: Happening) -> str:
    world.archive(page.id, descendants=it.how % 2 == 1)
    return f"{page.id} with all below={it.how % 2 == 1}"


def _restore(world: World, page: Content, _: Happening) -> str:
    world.restore(page.id)
    return f"{page.id}"


def _purge(world: World, page: Content, _: Happening) -> str:
    world.purge(page.id)
    return f"{page.id}"


HAPPENINGS: Final[dict[str, Doing]] = {
    "page": _add(Kind.PAGE),
    "post": _add(Kind.BLOGPOST),
    "folder": _add(Kind.FOLDER),
    "edit": _on(_all_documents, _edit),
    "rename": _on(_all_documents, _rename),
    "move": _on(_all_gates, _move),
    "move near": _on(_all_gates, _move_near),
    "label": _on(_all_documents, _label),
    "restrict": _on(_all_gates, _restrict),
    "lift": _on(_all_gates, _lift),
    "permit": _permit,
    "comment": _on(_all_documents, _comment),
    "reply": _on(_all_comments, _reply),
    "resolve": _on(_all_comments, _resolve),
    "edit comment": _on(_all_comments, _edit_comment),
    "delete comment": _on(_all_comments, _delete_comment),
    "attach": _on(_all_documents, _attach),
    "detach": _on(_all_files, _detach),
    "trash": _on(_all_documents, _trash),
    "archive": _on(_all_documents, _archive),
    "restore": _on(_withdrawn, _restore),
    "purge": _on(_all_gates, _purge),
}

ON_DATA_CENTER: Final = tuple(name for name in HAPPENINGS if name != "folder")
"""What happens where there are no folders, by name."""

CHEAP: Final = frozenset({"move near", "label", "restrict", "lift", "permit", "detach"})
"""Changes of metadata and access alone, which embed nothing."""

_MOST = 20


def happenings(*names: str) -> st.SearchStrategy[Happening]:
    """Return one change, of these if they are named; each as often as any other."""
    chosen = names or tuple(HAPPENINGS)
    return st.integers(0, 2**32 - 1).map(lambda seed: _roll(chosen, Random(seed)))  # noqa: S311  (no secret)


def _roll(names: Sequence[str], dice: Random) -> Happening:
    numbers = (dice.randrange(_MOST) for _ in range(3))
    return Happening(dice.choice(names), *numbers)
