"""What a form says is what the upload asks for, and what the next form shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.console.choices import (
    OWN,
    SCHEDULES,
    Choices,
    check_choices,
    list_settings,
    name_configuration,
    read_choices,
    recall_choices,
)
from headwater.console.forms import Form
from headwater.domain.errors import InvalidInputError
from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import SiteAddress
from tests.contract.api.fakes import make_job

ADDRESS = SiteAddress("https://acme.atlassian.net/wiki", "https://acme.atlassian.net/wiki")
CRONS = st.sampled_from([*(name for name in SCHEDULES if name != OWN), "30 6 * * 1-5"])
NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)
CHOICES = st.builds(
    Choices,
    audience=st.lists(NAMES, max_size=5, unique=True).map(tuple),
    source_restriction=st.booleans(),
    blacklisted=st.booleans(),
    use_ocr=st.booleans(),
    settings=st.sampled_from(["", "handbook"]),
    incremental=st.booleans(),
    schedule=CRONS,
)


def make_form(fields):
    return Form({name: [value] for name, value in fields})


def read(fields):
    choices = read_choices(make_form(fields))
    check_choices(choices)
    return choices


@given(CHOICES)
def test_choices_survive_the_way_through_a_form(choices):
    assert read(choices.to_fields()) == choices


@given(CHOICES)
def test_an_upload_asks_for_what_was_chosen_and_is_recalled(choices):
    upload = choices.to_upload(ADDRESS, SpaceKey("KB"))
    assert upload.restriction.audience == choices.audience
    assert upload.restriction.source_restriction is choices.source_restriction
    assert upload.incremental is choices.incremental
    recalled = recall_choices(make_job(request=upload), choices.schedule)
    assert recalled.to_upload(ADDRESS, SpaceKey("KB")).restriction == upload.restriction
    assert recalled.use_ocr is choices.use_ocr
    assert recalled.settings == choices.settings


def test_a_space_that_never_came_in_is_closed_as_in_confluence_until_somebody_says_otherwise():
    assert recall_choices(None, None).source_restriction


@pytest.mark.parametrize(
    ("schedule", "chosen"), [("", ""), ("0 * * * *", "0 * * * *"), ("5 5 * * *", OWN)]
)
def test_a_schedule_is_shown_as_the_entry_it_is(schedule, chosen):
    choices = Choices(schedule=schedule)
    assert choices.chosen_schedule == chosen
    assert choices.own_times == (schedule if chosen == OWN else "")


@pytest.mark.parametrize("cron", ["every day", "0 3 * *", "* * * * * *", "99 * * * *"])
def test_what_is_no_schedule_is_refused_at_its_field(cron):
    with pytest.raises(InvalidInputError) as refused:
        read([("schedule", OWN), ("cron", cron)])
    assert refused.value.loc == ("cron",)


def test_own_times_count_only_where_they_were_chosen():
    assert read([("schedule", ""), ("cron", "not used")]).schedule == ""


@pytest.mark.parametrize("text", ["a\x00b", "x" * 1001, "\n".join(map(str, range(1001)))])
def test_groups_that_cannot_be_names_are_refused(text):
    with pytest.raises(InvalidInputError) as refused:
        read([("audience", text)])
    assert refused.value.loc == ("audience",)


def test_what_only_keeps_a_schedule_is_not_offered_as_settings():
    name = name_configuration(ADDRESS, SpaceKey("KB"))
    assert list_settings(["handbook", name]) == ["handbook"]


def test_each_space_of_each_site_has_a_schedule_of_its_own():
    other = SiteAddress(ADDRESS.instance_url, "https://wiki.acme.example")
    spaces = [SpaceKey(key) for key in ("KB", "~me@acme", "~me-acme")]
    names = {name_configuration(site, key) for site in (ADDRESS, other) for key in spaces}
    assert len(names) == 6
    gateway = SiteAddress("https://api.atlassian.com/ex/confluence/abc", ADDRESS.web_url)
    assert name_configuration(gateway, spaces[0]) == name_configuration(ADDRESS, spaces[0])
