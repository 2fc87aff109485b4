"""What a form may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.console.forms import MAX_FIELDS, Form, parse_form
from headwater.domain.errors import InvalidInputError


def test_fields_are_read_as_sent_without_the_space_around_them():
    form = parse_form(b"name=%20caf%C3%A9+au+lait%20&box=yes&empty=")
    assert form.text("name") == "café au lait"
    assert form.has("box")
    assert not form.has("empty")
    assert form.text("missing") == ""


def test_lines_keep_their_commas_and_come_once():
    form = Form({"groups": ["cn=a,ou=b\r\n\r\n staff \ncn=a,ou=b"]})
    assert form.lines("groups") == ("cn=a,ou=b", "staff")


@pytest.mark.parametrize(
    "raw",
    [b"\xff", b"name=%FF", b"name=a%00b", b"a=1&" * (MAX_FIELDS + 1)],
    ids=["bytes", "encoding", "nul", "number"],
)
def test_a_damaged_form_is_refused(raw):
    with pytest.raises(InvalidInputError):
        parse_form(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(raw):
    try:
        form = parse_form(raw)
    except InvalidInputError:
        return
    assert all(form.text(name) == form.fields[name][-1].strip() for name in form.fields)
