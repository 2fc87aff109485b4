import pytest

from headwater.jobs.serialization import JsonSerializer, StoredError

serializer = JsonSerializer()


def test_plain_values_come_back_as_they_were() -> None:
    value = {"args": ["a", 1, None], "kwargs": {"survey": {"notes": ["ü"], "complete": True}}}
    assert serializer.deserialize(serializer.serialize(value)) == value


def test_an_exception_comes_back_as_its_type_and_text() -> None:
    restored = serializer.deserialize(serializer.serialize(ValueError("why")))
    assert isinstance(restored, StoredError)
    assert str(restored) == "ValueError: why"


def test_what_is_not_plain_is_refused_rather_than_pickled() -> None:
    with pytest.raises(TypeError, match="not plain data"):
        serializer.serialize(object())
