"""The four ways into one world: a Cloud site, its gateway, and Data Center with a context and without."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import Patience
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.sandbox.faces import Cloud, DataCenter, Face
from headwater.sandbox.people import GATEWAY_TOKEN
from headwater.sandbox.server import run_sandbox
from headwater.sandbox.world import World

HASTY = Patience(attempts=2, first_wait=0.001, longest_wait=0.002, budget=1.0)
KEY = "LAB"


@dataclass(frozen=True)
class Way:
    """A face, and how it is entered."""

    name: str
    face: Face = field(default_factory=Cloud)
    by_gateway: bool = False
    by_token: bool = False
    is_bare: bool = False
    """Entered by the bare root, with no hint of what is there."""

    @property
    def is_data_center(self):
        return isinstance(self.face, DataCenter)

    def login_of(self, sandbox):
        if self.by_gateway:
            return SiteCredential("" if self.by_token else sandbox.email, Secret(GATEWAY_TOKEN))
        return SiteCredential("" if self.by_token else sandbox.username, Secret(sandbox.token))

    def names_of(self, user):
        """Return every id by which a reader's token may name a user."""
        return (user.user_key, user.username) if self.is_data_center else (user.account_id,)


WAYS = [
    Way("cloud by site"),
    Way("cloud by gateway", by_gateway=True),
    Way("cloud by gateway and bearer", by_gateway=True, by_token=True),
    Way("data center with context", DataCenter("/confluence")),
    Way("data center at the root, by token", DataCenter(""), by_token=True, is_bare=True),
    Way("data center under /wiki", DataCenter("/wiki"), is_bare=True),
    Way("old data center", DataCenter("/old", has_scan=False)),
]


@asynccontextmanager
async def enter(way, world=None):
    """Run a world the way's face shows it, and open a source on it."""
    async with (
        run_sandbox(world or make_world(), face=way.face) as sandbox,
        open_source(way, sandbox) as source,
    ):
        yield sandbox, source


def open_source(way, sandbox, credential=None, *, asked=None, **options):
    sources = ConfluenceSources(allowed_private_hosts=("127.0.0.1",), patience=HASTY, **options)
    url = sandbox.url if way.is_bare else sandbox.instance_url
    address = SiteAddress(sandbox.gateway_url if way.by_gateway else url, sandbox.web_url)
    return sources.open(address, credential or way.login_of(sandbox), options=asked)


def make_world():
    """A small site with one of everything that both deployments have."""
    world = World()
    people = world.people
    people.add_group("board & co")
    people.add_user("ann", "ann@example.org", "Ann", token="ann-token", groups=["board & co"])
    people.add_user("bob", "bob@example.org", "Bob", token="bob-token")
    world.add_space(KEY, "Lab")
    world.add_space("~ann", "Ann")
    world.permit("~ann", users=["ann"])
    world.add_space("BOARD", "Board")
    world.permit("BOARD", groups=["board & co"])
    world.add_space("OLD", "Old")
    world.create_page("OLD", "Kept")
    world.archive_space("OLD")
    home = world.create_page(KEY, "Home", "<p>Welcome</p>")
    guide = world.create_page(KEY, "Guide: a & b", "<p>Rotate</p>", parent=home.id)
    world.edit(guide.id, "<p>Rotate the key</p>", author="ann")
    world.label(guide.id, "howto", "keys")
    secret = world.create_page(KEY, "Secret", "<p>Numbers</p>", parent=guide.id)
    world.restrict(secret.id, users=["ann"])
    world.restrict(guide.id, groups=["board & co"])
    world.create_page(KEY, "Below", "", parent=secret.id)
    world.label(world.create_blogpost(KEY, "News", "<p>It works</p>").id, "news")
    world.trash(world.create_page(KEY, "Trashed").id)
    root = world.comment(guide.id, "<p>Hm</p>", author="bob")
    world.comment(guide.id, "<p>Yes</p>", reply_to=root.id)
    settled = world.comment(home.id, "<p>Old</p>", inline=True, resolved=True)
    world.comment(home.id, "<p>Older</p>", reply_to=settled.id)
    world.attach(home.id, "a b+c%.txt", b"some bytes", media_type="text/plain")
    world.attach(home.id, "a b+c%.txt", b"newer bytes", media_type="text/plain")
    return world


def find(world, title):
    return next(item for item in world.tree.contents.values() if item.title == title)


async def collect(batches):
    return [item async for batch in batches for item in batch]
