"""Lines, columns and cells from boxes."""

from math import cos, radians, sin

from headwater.adapters.extraction.ocr.reading_order import Word, order_text


def word(text, left, top, width=100.0, *, turned=0.0):
    height = 20.0
    angle = radians(turned)
    right, bottom = left + width, top + height

    def turn(x, y):
        return (x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle))

    corners = (turn(left, top), turn(right, top), turn(right, bottom), turn(left, bottom))
    return Word(text, corners)


def column(name, left, top=0.0):
    return [word(f"{name}{n}", left, top + n * 30.0, 300.0) for n in range(6)]


def test_words_of_a_line_are_joined_from_left_to_right():
    assert order_text([word("two", 115, 3), word("one", 0, 0)]) == "one two"


def test_a_wide_gap_is_a_cell():
    assert order_text([word("name", 0, 0), word("value", 200, 0)]) == "name | value"


def test_nothing_is_nothing():
    assert order_text([]) == ""
    assert order_text([word("  ", 0, 0)]) == ""


def test_a_skewed_page_is_read_as_if_it_lay_straight():
    page = [
        word(f"{n}-{side}", side * 160.0, n * 30.0, turned=-5)
        for n in range(20)
        for side in (0, 1, 2)
    ]
    lines = order_text(page[::-1]).split("\n")
    assert lines[:2] == ["0-0 | 0-1 | 0-2", "1-0 | 1-1 | 1-2"]
    assert len(lines) == 20


def test_columns_are_read_one_after_the_other():
    page = [*column("left", 0), *column("right", 340)]
    left, right = order_text(page).split("\n\n")
    assert left.split("\n") == [f"left{n}" for n in range(6)]
    assert right.split("\n") == [f"right{n}" for n in range(6)]


def test_a_heading_across_columns_comes_first_and_a_footer_last():
    page = [
        word("heading", 0, 0, 640),
        *column("left", 0, top=40),
        *column("right", 340, top=40),
        word("footer", 0, 260, 640),
    ]
    found = order_text(page).replace("\n\n", "\n").split("\n")
    assert found[0] == "heading"
    assert found[-1] == "footer"
    assert found.index("left5") < found.index("right0")


def test_the_columns_of_a_table_stay_rows():
    page = [word(f"{row}{name}", left, row * 30.0, 60) for row in range(8) for name, left in (("a", 0), ("b", 200), ("c", 400))]  # fmt: skip
    assert order_text(page).split("\n")[0] == "0a | 0b | 0c"


def test_three_columns():
    page = [*column("a", 0), *column("b", 340), *column("c", 680)]
    found = order_text(page).replace("\n\n", "\n").split("\n")
    assert found == [f"{name}{n}" for name in "abc" for n in range(6)]
