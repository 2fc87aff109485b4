"""Who is calling a Data Center: a password or token by user name, or a personal access token."""

from collections import Counter
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse

from headwater.sandbox.access import Login, UnreadableHeaderError, read_bearer, read_login
from headwater.sandbox.calls import RefusalError, TurnedAwayError
from headwater.sandbox.entities import User
from headwater.sandbox.world import World

_REASON = "x-seraph-loginreason"
_UNAUTHORIZED = "<html><head><title>Unauthorized (401)</title></head><body></body></html>"
_FORBIDDEN = "<html><head><title>Forbidden (403)</title></head><body></body></html>"
_NO_BASIC = {"message": "Basic Authentication has been disabled on this instance."}


@dataclass(slots=True)
class DataCenterDoor:
    """Lets in by Basic (unless that is disabled) and by token; counts what fails.

    After ``most_failures`` wrong passwords for one name a person has to solve a CAPTCHA, and until
    then the right one does not help either. An invalid token makes its bearer anonymous.
    """

    basic_allowed: bool = True
    most_failures: int = 3
    failures: Counter[str] = field(default_factory=Counter)

    def __call__(self, world: World, request: Request, _template: str) -> User | None:
        """Return the caller; ``None`` is anonymous, which a site may allow."""
        header = request.headers.get("authorization", "")
        try:
            login = read_login(header)
        except UnreadableHeaderError as error:
            raise _turn_away_failed() from error
        user = self._check(world, login) if login else None
        user = user or world.people.find_bearer(read_bearer(header) or "")
        if user is None and not world.anonymous_access:
            raise RefusalError(403, "User is not permitted to use Confluence")
        return user

    def _check(self, world: World, login: Login) -> User:
        if not self.basic_allowed:
            raise TurnedAwayError(JSONResponse(_NO_BASIC, 403))
        if self.failures[login.name] >= self.most_failures:
            raise _turn_away_for_captcha()
        user = world.people.find_password(login.name, login.token)
        if user is None:
            self.failures[login.name] += 1
            raise _turn_away_failed()
        self.failures.pop(login.name, None)
        return user


def _turn_away_failed() -> TurnedAwayError:
    headers = {_REASON: "AUTHENTICATED_FAILED", "www-authenticate": 'OAuth realm="confluence"'}
    return TurnedAwayError(HTMLResponse(_UNAUTHORIZED, 401, headers=headers))


def _turn_away_for_captcha() -> TurnedAwayError:
    challenge = "CAPTCHA_CHALLENGE; login-url=http://localhost/login.action"
    headers = {_REASON: "AUTHENTICATION_DENIED", "x-authentication-denied-reason": challenge}
    return TurnedAwayError(HTMLResponse(_FORBIDDEN, 403, headers=headers))
