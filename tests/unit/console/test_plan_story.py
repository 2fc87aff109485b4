"""A plan tells of every count it has."""

from dataclasses import fields

import pytest

from headwater.console.plan_story import tell_plan
from headwater.domain.jobs import DocumentCounts
from headwater.services.costs import Cost
from headwater.services.plans import UploadPlan

OUTCOMES = {item.name for item in fields(DocumentCounts)} - {"listed", "done", "failed"}


def make_plan(documents=None, attachments=None):
    cost = Cost(chunks=1, tokens=2, requests=3, ocr_pages=4, seconds=5)
    return UploadPlan(
        documents or DocumentCounts(), attachments or DocumentCounts(), cost, samples={}, notes=()
    )


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_whatever_would_become_of_documents_is_told(name):
    for plan in (
        make_plan(DocumentCounts(**{name: 7})),
        make_plan(None, DocumentCounts(**{name: 7})),
    ):
        (told,) = tell_plan(plan).outcomes
        assert told.pages + told.files == 7


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_a_plan_is_idle_where_nothing_would_change(name):
    story = tell_plan(make_plan(DocumentCounts(**{name: 1})))
    assert story.is_idle is (name in {"unchanged", "skipped"})


def test_what_does_not_occur_is_not_told():
    assert tell_plan(make_plan()).outcomes == ()
