"""Keyed hashes, encryption, and what a rotation of the secret key keeps working."""

import pytest

from paymux.keyring import Keyring, Undecipherable, UnknownKey

OLD, NEW = "old-" * 10, "new-" * 10


def test_a_hash_names_its_key_and_does_not_show_the_api_key() -> None:
    ring = Keyring(NEW)
    version, key_id, digest = ring.hash_key("pk_live_abc").split(".")
    assert (version, key_id, len(digest)) == ("k1", ring.key_id, 64)
    assert ring.hash_key("pk_live_abc") == ring.hash_key("pk_live_abc") != ring.hash_key("pk_live_abd")


def test_a_key_stored_before_a_rotation_is_found_after_it() -> None:
    stored = Keyring(OLD).hash_key("pk_live_abc")
    rotated = Keyring(NEW, [OLD])
    assert stored in rotated.hashes("pk_live_abc")
    assert rotated.hash_key("pk_live_abc") == rotated.hashes("pk_live_abc")[0] != stored
    assert not rotated.is_current(stored)
    assert rotated.is_current(rotated.hash_key("x"))


def test_what_is_encrypted_comes_back_and_looks_different_each_time() -> None:
    ring = Keyring(NEW)
    stored = ring.encrypt("geheim ✓", "webhook:12")
    assert stored.startswith(f"e1.{ring.key_id}.")
    assert "geheim" not in stored
    assert ring.encrypt("geheim ✓", "webhook:12") != stored
    assert ring.decrypt(stored, "webhook:12") == "geheim ✓"
    assert ring.decrypt(ring.encrypt("", "x"), "x") == ""


def test_what_was_encrypted_for_one_thing_cannot_be_read_for_another() -> None:
    ring = Keyring(NEW)
    with pytest.raises(Undecipherable, match="not about webhook:13"):
        ring.decrypt(ring.encrypt("secret", "webhook:12"), "webhook:13")


@pytest.mark.parametrize("change", ["", "e1", "e1.", "k1.{id}.00", "e1.{id}.", "e1.{id}.!!", "e1.{id}.AAAA", "plain"])
def test_a_value_that_is_not_ours_is_undecipherable(change: str) -> None:
    ring = Keyring(NEW)
    with pytest.raises(Undecipherable):
        ring.decrypt(change.format(id=ring.key_id), "x")


def test_every_changed_character_is_noticed() -> None:
    ring = Keyring(NEW)
    stored = ring.encrypt("secret", "x")
    for place in range(12, len(stored) - 1):  # the last character may carry bits that mean nothing
        changed = stored[:place] + ("A" if stored[place] != "A" else "B") + stored[place + 1 :]
        with pytest.raises(Undecipherable):
            ring.decrypt(changed, "x")


def test_old_values_are_read_after_a_rotation_and_a_missing_key_is_named() -> None:
    before = Keyring(OLD)
    stored = before.encrypt("secret", "x")
    assert Keyring(NEW, [OLD]).decrypt(stored, "x") == "secret"
    with pytest.raises(UnknownKey, match=before.key_id) as caught:
        Keyring(NEW).decrypt(stored, "x")
    assert caught.value.key_id == before.key_id
    assert OLD not in str(caught.value)


def test_a_mac_holds_for_its_purpose_and_message_under_any_known_key() -> None:
    before, after = Keyring(OLD), Keyring(NEW, [OLD])
    mac = before.mac("csrf", "session 7")
    assert after.mac_ok("csrf", "session 7", mac)
    assert after.mac_ok("csrf", "session 7", after.mac("csrf", "session 7"))
    assert not after.mac_ok("csrf", "session 8", mac)
    assert not after.mac_ok("echelon-token", "session 7", mac)
    assert not Keyring(NEW).mac_ok("csrf", "session 7", mac)
    assert not after.mac_ok("csrf", "session 7", "é")


def test_each_purpose_has_a_key_of_its_own_and_none_is_the_master() -> None:
    ring = Keyring(NEW)
    keys = {ring.subkey(purpose) for purpose in ("key-hash", "encrypt", "csrf", "echelon-token")}
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 4
    with pytest.raises(UnknownKey):
        ring.subkey("csrf", "ffffffff")


def test_derived_values_never_change_between_versions() -> None:
    ring = Keyring("0123456789abcdef0123456789abcdef")
    assert ring.key_id == "5c6e259f"
    assert ring.hash_key("pk_test") == "k1.5c6e259f.1d86e7987b49f0ef59d9edc353d1c1bcf8232269671658c0bd87b4a3f0e79d47"


def test_a_keyring_never_shows_its_keys_and_lists_the_same_key_once() -> None:
    ring = Keyring(NEW, [OLD, NEW])
    assert NEW not in repr(ring)
    assert OLD not in repr(ring)
    assert len(ring.key_ids()) == 2
