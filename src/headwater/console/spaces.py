"""Spaces: choosing one, saying how it comes in, seeing what that would do, starting it."""

from typing import Final
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from headwater.adapters.tokens.callers import Permission
from headwater.console.choices import (
    SCHEDULES,
    Choices,
    check_choices,
    list_settings,
    name_configuration,
    read_choices,
    recall_choices,
)
from headwater.console.forms import Form
from headwater.console.parameters import read_parameter
from headwater.console.plan_story import tell_plan
from headwater.console.rendering import render
from headwater.console.visits import Visit, admit, admit_form, find_login, ports_of
from headwater.domain.errors import InvalidInputError, NotFoundError
from headwater.domain.ids import JobId, SpaceKey, is_job_id
from headwater.domain.jobs import SiteAddress
from headwater.ports import Ports
from headwater.services.job_reports import list_jobs
from headwater.services.listing import ListingQuestion, SpaceListing, list_content
from headwater.services.plans import plan_upload
from headwater.services.settings import list_configurations, set_schedule
from headwater.services.uploads import submit_upload

SPACES_PER_PAGE: Final = 50
MAX_KEY: Final = 255

router = APIRouter(prefix="/spaces")


@router.get("")
async def show_spaces(request: Request) -> Response:
    """Show the spaces of the connected Confluence, by words of their key or name."""
    visit = await admit(request)
    login, words = visit.session.login, read_parameter(request, "words").strip()
    if login is None:
        return render(request, "spaces.html", login=None, listing=None, words=words, known={})
    ports = ports_of(request)
    question = ListingQuestion(login.address, SPACES_PER_PAGE, words=words)
    cursor = read_parameter(request, "cursor")
    listing = await list_content(ports, visit.tenant, login.credential, question, cursor or None)
    assert isinstance(listing, SpaceListing)  # noqa: S101  (that is what no space asks for)
    known = {
        item.space: item
        for item in await ports.library.list_spaces(visit.tenant)
        if item.site == listing.site
    }
    return render(request, "spaces.html", login=login, listing=listing, words=words, known=known)


@router.get("/{key}")
async def show_space(request: Request, key: str) -> Response:
    """Ask how the space is to come in, beginning with how it did the last time."""
    visit = await admit(request, Permission.WRITE)
    login, space = find_login(visit), _read_key(key)
    choices = await _recall(ports_of(request), visit, login.address, space)
    return await _ask(request, visit, space, choices)


@router.post("/{key}/plan")
async def plan_space(request: Request, key: str) -> Response:
    """Show what the upload would do; nothing is written."""
    visit, form = await admit_form(request)
    login, space, ports = find_login(visit), _read_key(key), ports_of(request)
    choices = read_choices(form)
    try:
        check_choices(choices)
    except InvalidInputError as error:
        return await _ask(request, visit, space, choices, error)
    upload = choices.to_upload(login.address, space)
    plan = await plan_upload(ports, visit.tenant, upload, login.credential)
    return render(
        request,
        "plan.html",
        space=space,
        choices=choices,
        story=tell_plan(plan),
        job_id=f"console-{uuid4()}",
    )


@router.post("/{key}/start")
async def start_space(request: Request, key: str) -> Response:
    """Start the job that was planned, once however often the button is pressed."""
    visit, form = await admit_form(request)
    login, space, ports = find_login(visit), _read_key(key), ports_of(request)
    choices = read_choices(form)
    check_choices(choices)
    upload = choices.to_upload(login.address, space)
    job_id = await submit_upload(
        ports, visit.tenant, upload, login.credential, job_id=_read_job_id(form)
    )
    # Stored settings have a schedule of their own; two would repeat the space in two ways.
    schedule = None if choices.settings else choices.schedule or None
    name = name_configuration(login.address, space)
    await set_schedule(ports, visit.tenant, name, schedule)
    return RedirectResponse(f"{request.scope['root_path']}/jobs/{job_id}", 303)


async def _recall(ports: Ports, visit: Visit, address: SiteAddress, space: SpaceKey) -> Choices:
    page = await list_jobs(ports.jobs, visit.tenant, space=space, limit=1)
    name = name_configuration(address, space)
    configuration = await ports.configurations.find(visit.tenant, name)
    return recall_choices(
        next(iter(page.jobs), None), configuration.settings.schedule if configuration else None
    )


async def _ask(
    request: Request,
    visit: Visit,
    space: SpaceKey,
    choices: Choices,
    problem: InvalidInputError | None = None,
) -> Response:
    """Show the form as it is filled in, and what is wrong with it."""
    configurations = await list_configurations(ports_of(request), visit.tenant)
    return render(
        request,
        "space.html",
        status_code=422 if problem else 200,
        space=space,
        choices=choices,
        schedules=SCHEDULES,
        configurations=list_settings(item.id for item in configurations),
        problem=problem,
        field=problem.loc[0] if problem else "",
    )


def _read_key(key: str) -> SpaceKey:
    if len(key) > MAX_KEY or not key.isprintable():
        raise NotFoundError("No space has such a key.")
    return SpaceKey(key)


def _read_job_id(form: Form) -> JobId:
    name = form.text("job_id")
    if not is_job_id(name):
        raise InvalidInputError(("form",), "The form is damaged; plan the space again.")
    return JobId(name)
