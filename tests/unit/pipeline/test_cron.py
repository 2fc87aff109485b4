import pytest

from headwater.pipeline.cron import is_cron


@pytest.mark.parametrize(
    "text",
    [
        "0 3 * * *",
        "*/15 * * * *",
        "0 8-18/2 * * mon-fri",
        "30 2 1,15 * *",
        "0 0 29 2 *",
        "59 23 31 dec *",
    ],
)
def test_the_five_classic_fields_are_a_schedule(text):
    assert is_cron(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "daily",
        "@daily",
        "0 3 * *",
        "0 3 * * * *",
        "0  3 * * *",
        "0 3 * * *\n",
        "60 3 * * *",
        "0 24 * * *",
        "0 3 0 * *",
        "0 3 * 13 *",
        "0 0 30 2 *",
        "R 3 * * *",
        "H 3 * * *",
        "0 3 L * *",
        "0 3 * * 5#2",
        "0 3 * * xyz",
        "\u0660 3 * * *",
    ],
)
def test_anything_else_is_none(text):
    assert not is_cron(text)
