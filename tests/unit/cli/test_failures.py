"""What a job could not bring in, on the command line."""

import json
from typing import cast

import pytest

from headwater.cli.knowledge import print_failures, read_failures
from headwater.client import AsyncClient
from headwater.client.answers import Failures

FIRST = {
    "document_id": "confluence:s:7",
    "title": "Figures",
    "source_url": "https://wiki.example/7",
    "error_type": "PARSE_ERROR",
    "error_message": "the file is corrupt",
    "attempts": 2,
    "failed_at": "2026-01-02T03:04:05Z",
}
SECOND = {**FIRST, "document_id": "confluence:s:8", "title": "Plan [draft]"}


class TwoPages:
    """A server's answers, a failure a page."""

    async def list_failures(self, job_id, *, cursor=None):
        assert job_id == "first"
        sent = {
            None: {"failures": [FIRST], "total": 2, "next": "more"},
            "more": {"failures": [SECOND], "total": 2, "next": None},
        }[cursor]
        page = Failures.model_validate(sent)
        page.remember(sent)
        return page


@pytest.mark.parametrize("json_output", [False, True], ids=["text", "json"])
async def test_all_failures_of_a_job_are_shown(capsys, json_output):
    pages = await read_failures(cast("AsyncClient", TwoPages()), "first")
    print_failures(pages, json_output=json_output)
    shown = capsys.readouterr().out
    if json_output:
        assert json.loads(shown) == {"failures": [FIRST, SECOND], "total": 2, "next": None}
    else:
        assert "PARSE_ERROR  Figures: the file is corrupt\n    https://wiki.example/7\n" in shown
        assert "PARSE_ERROR  Plan [draft]: the file is corrupt" in shown
