import json
from datetime import timedelta

import httpx2
import pytest

from headwater.adapters.confluence.answers import BrokenAnswerError
from headwater.adapters.confluence.people import (
    NAME_LASTS,
    NOTHING_LASTS,
    Directory,
    NameBook,
    fetch_names,
    make_shelf,
)
from headwater.domain.errors import SourceRefusedError
from tests.unit.confluence.confluence_fakes import (
    NOW,
    FakeConfluence,
    answer,
    make_client,
    results,
    status,
)

USERS = "/wiki/api/v2/users-bulk"
USER = "/wiki/rest/api/user/current"


def tell_everybody(request):
    ids = json.loads(request.content)["accountIds"]
    return results([{"accountId": key, "displayName": f"Name {key}"} for key in ids])


async def test_accounts_are_asked_for_250_at_a_time():
    confluence = FakeConfluence({USERS: tell_everybody})
    ids = [str(number) for number in range(600)]
    names = await fetch_names(make_client(confluence), ids)
    assert names == {key: f"Name {key}" for key in ids}
    sent = [len(json.loads(it.content)["accountIds"]) for it in confluence.requests]
    assert sent == [250, 250, 100]
    assert {it.method for it in confluence.requests} == {"POST"}
    assert confluence.requests[0].headers["content-type"] == "application/json"


async def test_a_private_profile_shows_the_public_name_or_none():
    people = [{"accountId": "1", "displayName": None, "publicName": "Pip"}, {"accountId": "2"}, {}]
    confluence = FakeConfluence({USERS: results(people)})
    assert await fetch_names(make_client(confluence), ["1", "2"]) == {"1": "Pip", "2": ""}


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
async def test_a_refused_look_up_tells_no_names_while_the_caller_is_known(code):
    confluence = FakeConfluence({USERS: status(code)})
    assert await fetch_names(make_client(confluence), ["1"]) == {}
    confluence = FakeConfluence({USERS: status(code), USER: status(401)})
    with pytest.raises(SourceRefusedError):
        await fetch_names(make_client(confluence), ["1"])


class Office:
    """Tells the names of people whose id begins with a letter, and counts how often it is asked."""

    def __init__(self):
        self.asked = []
        self.moment = NOW

    async def tell(self, ids):
        self.asked.append(list(ids))
        return {key: key.title() for key in ids if key[0].isalpha()}

    def now(self):
        return self.moment


async def test_a_name_is_believed_for_a_day_and_its_absence_for_an_hour():
    office, directory = Office(), Directory(NameBook(), "")
    assert await directory.read_names(["ann", "9"], office.tell, office.now) == {"ann": "Ann"}
    office.moment += NOTHING_LASTS - timedelta(seconds=1)
    assert await directory.read_names(["9", "ann"], office.tell, office.now) == {"ann": "Ann"}
    office.moment += timedelta(seconds=1)
    assert await directory.read_names(["ann", "9"], office.tell, office.now) == {"ann": "Ann"}
    office.moment = NOW + NAME_LASTS
    await directory.read_names(["ann"], office.tell, office.now)
    assert office.asked == [["9", "ann"], ["9"], ["ann"]]


async def test_no_credential_is_told_what_another_has_read():
    office, book = Office(), NameBook()
    for authorization in ("Basic a", "Basic b"):
        shelf = make_shelf("https://acme.example.com/wiki", authorization)
        assert authorization not in shelf
        await Directory(book, shelf).read_names(["ann"], office.tell, office.now)
    assert office.asked == [["ann"], ["ann"]]


async def test_the_book_forgets_what_it_has_held_longest():
    office, book = Office(), NameBook(most=3)
    directory = Directory(book, "")
    await directory.read_names(["a", "b", "c", "d"], office.tell, office.now)
    assert len(book) == 3
    await directory.read_names(["b", "c", "d"], office.tell, office.now)
    await directory.read_names(["a"], office.tell, office.now)
    assert office.asked == [["a", "b", "c", "d"], ["a"]]


async def test_a_web_page_for_an_answer_is_no_word_on_names():
    page = httpx2.Response(200, headers={"content-type": "text/html"}, content=b"<html>")
    confluence = FakeConfluence({USERS: lambda _: page, USER: answer({"type": "known"})})
    with pytest.raises(BrokenAnswerError):
        await fetch_names(make_client(confluence), ["1"])


async def test_nonsense_for_an_answer_is_no_word_on_names():
    confluence = FakeConfluence({USERS: answer({"results": "x"})})
    with pytest.raises(BrokenAnswerError):
        await fetch_names(make_client(confluence), ["1"])
