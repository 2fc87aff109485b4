import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.secret_box import FernetSecretBox
from headwater.domain.errors import ConfigError


@given(
    plain=st.binary(max_size=200), key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
)
def test_any_key_text_opens_what_it_sealed(plain, key):
    box = FernetSecretBox([key])
    sealed = box.seal(plain)
    assert FernetSecretBox([key]).open(sealed) == plain
    assert plain not in sealed or len(plain) < 4


def test_a_fernet_key_is_used_as_it_is():
    key = Fernet.generate_key()
    assert Fernet(key).decrypt(FernetSecretBox([key.decode()]).seal(b"x")) == b"x"


def test_a_derived_key_is_the_same_in_every_version():
    sealed_by_the_first_version = (
        b"gAAAAABrAirmXKDbnOENJKCc18GsCMTF-O6OHpFMvVfawlF7is_GOL6Yr_tUs89ie_jB50"
        b"YIoc-RSeRfLoVpsz3XWExxknLzxw=="
    )
    box = FernetSecretBox(["passphrase"])
    assert box.open(sealed_by_the_first_version) == b"kept for years"


def test_sealing_twice_gives_different_bytes():
    box = FernetSecretBox(["key"])
    assert box.seal(b"same") != box.seal(b"same")


def test_an_old_key_at_the_end_still_opens_and_the_first_one_seals():
    sealed = FernetSecretBox(["old"]).seal(b"token")
    both = FernetSecretBox(["new", "old"])
    assert both.open(sealed) == b"token"
    assert FernetSecretBox(["new"]).open(both.seal(b"token")) == b"token"


def test_resealing_frees_a_secret_from_its_old_key():
    sealed = FernetSecretBox(["old"]).seal(b"token")
    resealed = FernetSecretBox(["new", "old"]).reseal(sealed)
    assert FernetSecretBox(["new"]).open(resealed) == b"token"


@pytest.mark.parametrize("action", ["open", "reseal"])
def test_a_secret_of_another_key_is_a_config_error_that_names_the_setting(action):
    sealed = FernetSecretBox(["theirs"]).seal(b"token")
    with pytest.raises(ConfigError, match="HEADWATER_SECRET_KEY"):
        getattr(FernetSecretBox(["ours"]), action)(sealed)


def test_altered_bytes_do_not_open():
    box = FernetSecretBox(["key"])
    sealed = bytearray(box.seal(b"token"))
    sealed[-1] ^= 1
    with pytest.raises(ConfigError):
        box.open(bytes(sealed))


@pytest.mark.parametrize("keys", [[], [""], ["good", ""]])
def test_without_keys_it_refuses_to_start(keys):
    with pytest.raises(ConfigError, match="HEADWATER_SECRET_KEY"):
        FernetSecretBox(keys)


def test_neither_repr_nor_errors_show_a_key():
    box = FernetSecretBox(["my-very-secret-phrase"])
    assert "my-very" not in repr(box)
    with pytest.raises(ConfigError) as caught:
        box.open(b"nonsense")
    assert "my-very" not in str(caught.value)
