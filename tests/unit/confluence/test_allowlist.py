from ipaddress import ip_address

import pytest

from headwater.adapters.confluence.allowlist import is_public, parse_allow_list
from headwater.domain.errors import ConfigError

PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2002:101:101::1",
]
CLOSED = [
    "0.0.0.0",  # noqa: S104  (the point of the case)
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:a00:1::1",
    "2001:0:a00:1::f5ff:fffe",
    "2001:0:101:101::f5ff:fffe",
    "2001:20::1",
    "2001:db8::1",
    "2600:1f00::5efe:a00:1",
    "2606:4700::1111%eth0",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_globally_routable_unicast_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", CLOSED)
def test_everything_else_is_closed_however_it_is_wrapped(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["10.2.3.4", "::ffff:10.2.3.4", "64:ff9b::a02:304"])
def test_a_listed_network_covers_an_address_and_its_wrapped_forms(address):
    allow = parse_allow_list(["10.0.0.0/8"])
    assert allow.permits("any.name", ip_address(address), scheme="http")


@pytest.mark.parametrize(
    "address", ["2001:0:a02:304::80ff:fffe", "2001:0:7f00:1::f5fd:fcfb", "2002:7f00:1::"]
)
def test_a_listed_network_covers_no_address_that_also_leads_elsewhere(address):
    allow = parse_allow_list(["10.0.0.0/8"])
    assert not allow.permits("any.name", ip_address(address), scheme="https")


def test_a_listed_name_permits_what_it_resolves_to_and_no_other_name():
    allow = parse_allow_list(["wiki.corp."])
    assert allow.permits("wiki.corp", ip_address("10.0.0.1"), scheme="http")
    assert not allow.permits("other.corp", ip_address("10.0.0.1"), scheme="https")


def test_http_is_not_permitted_to_a_public_address_that_is_not_listed():
    allow = parse_allow_list(["10.0.0.0/8"])
    assert not allow.permits("acme.example", ip_address("1.1.1.1"), scheme="http")
    assert allow.permits("acme.example", ip_address("1.1.1.1"), scheme="https")


@pytest.mark.parametrize("entry", ["", "http://wiki.corp", "wiki.corp:8090", "*.corp", "a b"])
def test_an_unusable_entry_refuses_to_start_and_says_which(entry):
    with pytest.raises(ConfigError, match="HEADWATER_ALLOWED_PRIVATE_HOSTS"):
        parse_allow_list([entry])
