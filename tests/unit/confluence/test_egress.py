import socket

import httpx2
import pytest

from headwater.adapters.confluence.allowlist import parse_allow_list
from headwater.adapters.confluence.egress import GuardedTransport, resolve_name
from headwater.domain.errors import AddressRefusedError, SourceUnreachableError


class Network:
    """A name server and a pool, both recording."""

    def __init__(self, *answers: object, refusing=()) -> None:
        self.answers = list(answers)
        self.refusing = set(refusing)
        self.lookups: list[tuple[str, int]] = []
        self.sent: list[httpx2.Request] = []
        self.pools = 0

    async def resolve(self, host, port):
        self.lookups.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def make_pool(self):
        self.pools += 1
        return httpx2.MockTransport(self.serve)

    def serve(self, request):
        self.sent.append(request)
        if request.url.host in self.refusing:
            raise httpx2.ConnectError("refused")
        return httpx2.Response(204)

    def client(self, *allowed: str):
        guard = GuardedTransport(
            parse_allow_list(allowed), resolve=self.resolve, make_pool=self.make_pool
        )
        return httpx2.AsyncClient(transport=guard)


async def test_the_connection_goes_to_the_checked_address_and_keeps_the_name():
    network = Network(["93.184.216.34"])
    async with network.client() as client:
        await client.get("https://acme.example/wiki?x=1")
    sent = network.sent[0]
    assert str(sent.url) == "https://93.184.216.34/wiki?x=1"
    assert sent.headers["host"] == "acme.example"
    assert sent.extensions["sni_hostname"] == "acme.example"


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::ffff:10.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["169.254.169.254"]],
)
async def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(addresses):
    network = Network(addresses)
    async with network.client() as client:
        with pytest.raises(AddressRefusedError) as caught:
            await client.get("https://innocent.example/wiki")
    assert caught.value.loc == ("instance_url",)
    assert network.sent == []


async def test_a_second_answer_of_the_name_server_cannot_lead_inside():
    network = Network(["93.184.216.34"], ["127.0.0.1"])
    async with network.client() as client:
        await client.get("https://rebinding.example/")
        await client.get("https://rebinding.example/")
    assert [request.url.host for request in network.sent] == ["93.184.216.34"] * 2
    assert len(network.lookups) == 1


async def test_the_next_address_is_tried_when_one_takes_no_connections():
    network = Network(["2606:4700::1", "1.1.1.1"], refusing=["2606:4700::1"])
    async with network.client() as client:
        response = await client.get("https://acme.example/")
    assert response.status_code == 204
    assert [request.url.host for request in network.sent] == ["2606:4700::1", "1.1.1.1"]


async def test_a_host_that_moved_is_resolved_and_judged_again():
    network = Network(["1.1.1.1"], ["10.0.0.1"], refusing=["1.1.1.1"])
    async with network.client() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get("https://acme.example/")
        with pytest.raises(AddressRefusedError):
            await client.get("https://acme.example/")


async def test_an_allowed_name_may_lead_inside_also_by_http():
    network = Network(["10.0.0.1"])
    async with network.client("wiki.corp") as client:
        await client.get("http://wiki.corp:8090/")
    assert str(network.sent[0].url) == "http://10.0.0.1:8090/"


async def test_http_to_a_public_address_is_refused_though_networks_are_listed():
    network = Network(["93.184.216.34"])
    async with network.client("10.0.0.0/8") as client:
        with pytest.raises(AddressRefusedError):
            await client.get("http://acme.example/")


async def test_an_address_literal_is_judged_without_a_name_server():
    network = Network(["1.1.1.1"])
    async with network.client("127.0.0.1") as client:
        await client.get("http://127.0.0.1:1/")
        with pytest.raises(AddressRefusedError):
            await client.get("https://[::1]/")
    assert network.lookups == []


async def test_names_do_not_share_connections_though_they_share_an_address():
    network = Network(["1.1.1.1"])
    async with network.client() as client:
        await client.get("https://a.example/")
        await client.get("https://b.example/")
    assert network.pools == 2


async def test_a_name_that_does_not_exist_is_unreachable_at_once():
    network = Network(socket.gaierror(socket.EAI_NONAME, "unknown"))
    async with network.client() as client:
        with pytest.raises(SourceUnreachableError, match="does not resolve"):
            await client.get("https://nowhere.example/")


async def test_a_name_server_that_is_away_counts_as_connection_trouble():
    network = Network(socket.gaierror(socket.EAI_AGAIN, "later"))
    async with network.client() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get("https://acme.example/")


async def test_the_system_resolver_gives_each_address_once():
    found = await resolve_name("localhost", 80)
    assert found
    assert len(set(found)) == len(found)
    assert set(found) <= {"127.0.0.1", "::1"}
