"""Connecting a Confluence: site, user and token, and what they open."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from headwater.console.capabilities import explain_capabilities
from headwater.console.forms import Form
from headwater.console.refusals import describe_refusal
from headwater.console.rendering import render
from headwater.console.site_address import read_site
from headwater.console.visits import Visit, admit, admit_form, gate_of, ports_of
from headwater.domain.errors import (
    InvalidInputError,
    RequestError,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.domain.jobs import SiteCredential
from headwater.domain.secrets import Secret
from headwater.services.connections import probe_site, prove_login
from headwater.services.credentials import Login

MAX_TEXT: Final = 1_000
MAX_TOKEN: Final = 8_192

_FIELDS: Final = {"instance_url": "api_url", "web_url_instance": "site"}
"""Which field of the form an address comes from."""

router = APIRouter(prefix="/connect")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the form: in which field (empty: in none of them alone), and what to do."""

    field: str
    text: str


@router.get("")
async def show_connection(request: Request) -> Response:
    """Show what the session is connected to and what that opens, or ask for it."""
    visit = await admit(request)
    login = visit.session.login
    if login is None:
        return _ask(request, Form({}))
    try:
        capabilities = await probe_site(ports_of(request).sources, login)
    except (SourceRefusedError, SourceUnreachableError) as error:
        return render(request, "connection.html", login=login, findings=(), problem=str(error))
    findings = explain_capabilities(capabilities)
    return render(request, "connection.html", login=login, findings=findings, problem="")


@router.post("")
async def connect(request: Request) -> Response:
    """Connect, if Confluence knows the account; the credential is sealed and never sent back."""
    visit, form = await admit_form(request)
    try:
        login = _read_login(form)
        await prove_login(ports_of(request).sources, login)
    except (InvalidInputError, SourceRefusedError, SourceUnreachableError) as error:
        problem = Problem(_find_field(error, form), str(error))
        return _ask(request, form, problem, status_code=describe_refusal(error).status)
    return await _remember(request, visit, login)


@router.post("/forget")
async def disconnect(request: Request) -> Response:
    """Forget the credential."""
    visit, _ = await admit_form(request)
    return await _remember(request, visit, None)


async def _remember(request: Request, visit: Visit, login: Login | None) -> Response:
    await gate_of(request).sessions.connect(visit.session, login)
    return RedirectResponse(f"{request.scope['root_path']}/connect", 303)


def _ask(
    request: Request, form: Form, problem: Problem | None = None, *, status_code: int = 200
) -> Response:
    return render(request, "connect.html", form=form, problem=problem, status_code=status_code)


def _read_login(form: Form) -> Login:
    site, username, token = form.text("site"), form.text("username"), form.text("token")
    if not site:
        raise InvalidInputError(("site",), "Give the address of your Confluence.")
    if not token:
        raise InvalidInputError(
            ("token",), "Give an API token; Confluence shows it once, when it is made."
        )
    for name, most in (("site", MAX_TEXT), ("username", MAX_TEXT), ("token", MAX_TOKEN)):
        if len(form.text(name)) > most or not form.text(name).isprintable():
            raise InvalidInputError(
                (name,), f"This is longer than {most} characters, or not plain text."
            )
    return Login(read_site(site, form.text("api_url")), SiteCredential(username, Secret(token)))


def _find_field(
    error: RequestError | SourceRefusedError | SourceUnreachableError, form: Form
) -> str:
    """Return which field an error is about."""
    if not isinstance(error, InvalidInputError):
        return ""
    field = _FIELDS.get(str(error.loc[0]), str(error.loc[0]))
    return "site" if field == "api_url" and not form.text("api_url") else field
