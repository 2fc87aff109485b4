import socket
from contextlib import closing

import pytest

from headwater.cli.addresses import name_url, open_listener
from headwater.cli.output import CommandFailedError


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("wiki.example", "http://wiki.example:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104  (what an operator sets)
        ("::", "http://[::1]:80"),
        ("fe80::1", "http://[fe80::1]:80"),
    ],
)
def test_a_url_leads_to_the_server_from_this_machine(host, url):
    assert name_url(host, 80) == url


def test_a_listener_takes_a_free_port_and_may_be_reached():
    with closing(open_listener("127.0.0.1", 0)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname(), timeout=5):
            assert listener.getsockname()[1] > 0


def test_a_taken_port_is_refused_with_the_way_out():
    with closing(open_listener("127.0.0.1", 0)) as listener:
        listener.listen()
        with pytest.raises(CommandFailedError, match="cannot listen on") as error:
            open_listener("127.0.0.1", listener.getsockname()[1])
    assert "--port" in str(error.value.hint)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_refused_with_the_way_out(host):
    with pytest.raises(CommandFailedError) as error:
        open_listener(host, 0)
    assert "HEADWATER_HOST" in str(error.value.hint)
