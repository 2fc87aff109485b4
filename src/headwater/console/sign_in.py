"""Signing in with a token, and out again."""

import re
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from headwater.adapters.tokens.callers import Permission
from headwater.console.cookies import DOOR, SESSION, drop_cookie, read_cookie, set_cookie
from headwater.console.forms import read_form
from headwater.console.refusals import describe_refusal
from headwater.console.rendering import render
from headwater.console.sessions import make_name
from headwater.console.visits import admit_form, check_csrf, check_origin, find_visit, gate_of
from headwater.domain.errors import NotAllowedError, NoTenantError, UnauthenticatedError
from headwater.domain.secrets import Secret

_PLACE: Final = re.compile(r"/(?![/\\])[A-Za-z0-9/._~:?=&%+,;@!$'()*-]{0,1000}", re.ASCII)
"""A path below the console and nothing else: who is sent on goes nowhere else."""

router = APIRouter()


@router.get("/sign-in")
async def show_sign_in(request: Request) -> Response:
    """Ask for a token."""
    if await find_visit(request):
        return _send_on(request, request.query_params.get("next", ""))
    return _ask(request, request.query_params.get("next", ""))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session for a valid token, under a new name whatever the browser had before."""
    check_origin(request)
    form = await read_form(request)
    check_csrf(form, _read_door(request))
    gate, token = gate_of(request), form.text("token")
    try:
        caller = await gate.authenticator.identify(token)
    except (UnauthenticatedError, NoTenantError) as error:
        status = describe_refusal(error).status
        return _ask(request, form.text("next"), problem=str(error), status=status)
    gate.limiter.admit(caller.tenant)
    before = read_cookie(request, SESSION)
    if before:
        await gate.sessions.end(before)
    session = await gate.sessions.begin(Secret(token), expires_at=caller.expires_at)
    response = _send_on(request, form.text("next"))
    set_cookie(request, response, SESSION, session.name.reveal())
    drop_cookie(request, response, DOOR)
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session, here and in the browser."""
    visit, _ = await admit_form(request, Permission.READ)
    await gate_of(request).sessions.end(visit.session.name.reveal())
    response = RedirectResponse(f"{request.scope['root_path']}/sign-in", 303)
    drop_cookie(request, response, SESSION)
    return response


def _read_door(request: Request) -> str:
    """Return the token of the sign-in form; ``NotAllowedError`` where the browser kept no cookie."""
    door = read_cookie(request, DOOR)
    if door is None:
        raise NotAllowedError(
            "The browser kept no cookie of this form. Anywhere but on the server's own machine the"
            " console needs https, and it needs cookies; open it that way and sign in again."
        )
    return door


def _ask(request: Request, place: str, *, problem: str = "", status: int = 200) -> Response:
    door = make_name()
    response = render(
        request, "sign_in.html", status_code=status, csrf=door, next=place, problem=problem
    )
    set_cookie(request, response, DOOR, door)
    return response


def _send_on(request: Request, place: str) -> Response:
    below = place if _PLACE.fullmatch(place) else "/"
    return RedirectResponse(f"{request.scope['root_path']}{below}", 303)
