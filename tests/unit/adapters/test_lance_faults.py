import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.lance.faults import is_conflict, is_missing_table, lance_faults
from headwater.adapters.lance.filters import has_any, is_in, quote
from headwater.domain.errors import BackendAwayError, ConfigError, RetryableError


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            "lance error: LanceError(IO): No space left on device (os error 28), x.rs:1",
            "disk is full",
        ),
        ("lance error: LanceError(IO): Disk quota exceeded (os error 122)", "disk is full"),
        ("lance error: LanceError(IO): File too large (os error 27)", "ulimit"),
        ("Permission denied (os error 13)", "write access"),
        ("Read-only file system (os error 30)", "write access"),
        ("[Errno 2] No usable temporary directory", "missing or in the way"),
        ("lance error: Retryable commit conflict for version 3", "other writers"),
        ("lance error: something new\nsecond line", r"something new\. Retry"),
        ("", "RuntimeError"),
    ],
)
def test_an_error_says_what_to_do(text, advice):
    with (
        pytest.raises(RetryableError, match=f"could not write: .*{advice}") as caught,
        lance_faults("write"),
    ):
        raise RuntimeError(text)
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("code", "takes_nothing"), [(28, True), (122, True), (30, True), (5, True), (27, False)]
)
def test_a_disk_that_takes_nothing_is_no_documents_fault(code, takes_nothing):
    with pytest.raises(RetryableError) as caught, lance_faults("write"):
        raise RuntimeError(f"lance error: LanceError(IO): x (os error {code}), x.rs:1")
    assert isinstance(caught.value, BackendAwayError) is takes_nothing


def test_an_operating_system_error_is_translated():
    with pytest.raises(RetryableError, match="write access"), lance_faults("write"):
        raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    "error", [ConfigError("ours"), ValueError("a bad predicate"), KeyError("x")]
)
def test_other_errors_pass_as_they_are(error):
    with pytest.raises(type(error)) as caught, lance_faults("write"):
        raise error
    assert caught.value is error


def test_a_conflict_is_told_from_other_trouble():
    assert is_conflict(RuntimeError("lance error: Retryable commit conflict for version 3"))
    assert not is_conflict(RuntimeError("lance error: No space left on device"))
    assert not is_conflict(ValueError("conflict"))


def test_a_missing_table_is_told_from_a_bad_name():
    assert is_missing_table(ValueError("Table 'x' was not found"))
    assert not is_missing_table(ValueError('Invalid table name ("a/b")'))


@given(st.text())
def test_a_quoted_text_ends_at_its_own_last_quote(text):
    literal = quote(text)
    inner = literal[1:-1]
    assert literal[0] == literal[-1] == "'"
    assert "'" not in inner.replace("''", "")
    assert inner.replace("''", "'") == text


def test_an_empty_list_of_values_is_never_satisfied():
    assert is_in("space", []) == has_any("labels", []) == "false"
