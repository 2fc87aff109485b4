"""The users and groups of a world."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from headwater.sandbox.entities import Group, Principals, User

GATEWAY_TOKEN = "sandbox-scoped-token"  # noqa: S105  (as below)
ADMIN_ACCOUNT = "5f0a1b2c3d4e5f6a7b8c9d0e"
ADMIN_EMAIL = "sandbox@headwater.example"
ADMIN_TOKEN = "sandbox-token"  # noqa: S105  (opens a made-up wiki on this machine only)
EVERYBODY = "confluence-users"
"""The group of all users; it may view every space that says nothing else."""


def _make_group_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def _make_admin() -> dict[str, User]:
    admin = User(ADMIN_ACCOUNT, ADMIN_EMAIL, "Sandbox Admin", ADMIN_TOKEN, is_admin=True)
    return {admin.account_id: admin}


def _make_groups() -> dict[str, Group]:
    group = Group(_make_group_id(1), EVERYBODY, {ADMIN_ACCOUNT})
    return {group.id: group}


@dataclass(frozen=True, slots=True)
class ScopedToken:
    """What the gateway takes: somebody's token, and the scopes it has (``None``: all)."""

    account_id: str
    scopes: frozenset[str] | None = None


def _make_scoped() -> dict[str, ScopedToken]:
    return {GATEWAY_TOKEN: ScopedToken(ADMIN_ACCOUNT)}


@dataclass(slots=True)
class People:
    """Users by account id, groups by id. The admin and everybody's group always exist."""

    users: dict[str, User] = field(default_factory=_make_admin)
    groups: dict[str, Group] = field(default_factory=_make_groups)
    scoped: dict[str, ScopedToken] = field(default_factory=_make_scoped, repr=False)
    """The gateway's tokens."""

    @property
    def admin(self) -> User:
        """The service account that sees everything."""
        return self.users[ADMIN_ACCOUNT]

    def add_user(
        self, account_id: str, email: str, name: str, *, token: str = "", groups: Iterable[str] = ()
    ) -> User:
        """Add a licensed user, a member of everybody's group and of ``groups`` (names or ids)."""
        user = self.users[account_id] = User(account_id, email, name, token)
        for group in (EVERYBODY, *groups):
            self.find_group(group).members.add(account_id)
        return user

    def add_group(
        self, name: str, *, members: Iterable[str] = (), group_id: str | None = None
    ) -> Group:
        """Add a group; without an id it gets a stable one."""
        identifier = group_id or _make_group_id(len(self.groups) + 1)
        group = self.groups[identifier] = Group(identifier, name, set(members))
        return group

    def find_group(self, name_or_id: str) -> Group:
        """Return a group by id or name."""
        if name_or_id in self.groups:
            return self.groups[name_or_id]
        found = next((group for group in self.groups.values() if group.name == name_or_id), None)
        if found is None:
            raise KeyError(f"no group {name_or_id!r}: add it with add_group first")
        return found

    def join_group(self, account_id: str, group: str) -> None:
        """Make a user a member."""
        self.find_group(group).members.add(account_id)

    def leave_group(self, account_id: str, group: str) -> None:
        """End a membership."""
        self.find_group(group).members.discard(account_id)

    def list_groups_of(self, account_id: str) -> frozenset[str]:
        """Return the ids of a user's groups."""
        return frozenset(item.id for item in self.groups.values() if account_id in item.members)

    def find_login(self, email: str, token: str) -> User | None:
        """Return the user whom this e-mail address and token open, if any."""
        for user in self.users.values():
            if user.token and user.token == token and user.email.casefold() == email.casefold():
                return user
        return None

    def grant_token(self, token: str, account_id: str, scopes: Iterable[str]) -> None:
        """Give a user a token for the gateway that may do what its scopes name."""
        self.scoped[token] = ScopedToken(account_id, frozenset(scopes))

    def find_password(self, username: str, token: str) -> User | None:
        """Return the user whom Data Center knows by this name and lets in by this token, if any."""
        for user in self.users.values():
            if user.token and user.token == token and user.username == username.casefold():
                return user
        return None

    def find_bearer(self, token: str) -> User | None:
        """Return the user whose personal access token this is, if any."""
        return next((user for user in self.users.values() if token and user.token == token), None)

    def name_principals(self, users: Iterable[str], groups: Iterable[str]) -> Principals:
        """Return the principals of account ids and group names or ids, all of which must exist."""
        accounts = frozenset(self.users[account].account_id for account in users)
        return Principals(accounts, frozenset(self.find_group(group).id for group in groups))
