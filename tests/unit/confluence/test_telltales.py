from urllib.parse import quote

import pytest

from headwater.adapters.confluence.answers import RejectedRequestError
from headwater.adapters.confluence.client import make_authorization
from headwater.adapters.confluence.telltales import find_telltales, is_telltale
from headwater.domain.jobs import SiteCredential
from headwater.domain.secrets import Secret
from tests.unit.confluence.confluence_fakes import FakeConfluence, make_client

TOKEN = "ATATT3x+made/up=Token"
BASIC = make_authorization(SiteCredential("me@x.io", Secret(TOKEN)), bearer_allowed=False)
BEARER = make_authorization(SiteCredential("", Secret(TOKEN)), bearer_allowed=True)


@pytest.mark.parametrize("authorization", [BASIC, BEARER])
@pytest.mark.parametrize(
    "url",
    [
        f"https://acme.example/{TOKEN}",
        f"https://acme.example/a?token={quote(TOKEN, safe='')}",
        f"https://acme.example/{TOKEN.lower()}/a",
    ],
)
def test_a_url_with_the_token_is_known_in_every_spelling(authorization, url):
    assert is_telltale(url, find_telltales(authorization))


def test_the_whole_value_of_the_header_is_known_too():
    value = BASIC.partition(" ")[2]
    assert is_telltale(f"https://acme.example/{value}", find_telltales(BASIC))


@pytest.mark.parametrize("password", ["", "wiki", "confluence"])
def test_a_password_that_may_be_a_word_tells_nothing(password):
    authorization = make_authorization(
        SiteCredential("somebody", Secret(password)), bearer_allowed=False
    )
    assert not is_telltale("https://acme.example/confluence/wiki", find_telltales(authorization))


def test_without_a_credential_there_is_nothing_to_tell():
    assert find_telltales(None) == ()


async def test_nothing_is_sent_to_a_url_that_tells():
    confluence = FakeConfluence()
    client = make_client(confluence, authorization=BEARER)
    with pytest.raises(RejectedRequestError) as caught:
        await client.get(f"/wiki/api/v2/{TOKEN}")
    assert confluence.requests == []
    assert TOKEN not in str(caught.value)
