"""What a session's commands were given, and texts without it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from patina_nb.secrets import Vault, hide_all, vault_of

any_text = st.text(st.characters())  # lone surrogates included


def filled(*values: str) -> Vault:
    vault = Vault()
    vault.remember({f"S{n}": value.encode("utf-8", "surrogateescape") for n, value in enumerate(values)})
    return vault


def test_nothing_is_hidden_before_something_was_given():
    vault = Vault()
    text = "a text"
    assert vault.hide(text) is text
    assert vault.clear(b"bytes") == b"bytes"
    assert vault.names == frozenset()


def test_values_are_hidden_and_earlier_ones_stay_hidden():
    vault = filled("first value")
    vault.remember({"S0": b"second value"})
    assert vault.hide("first value, second value, third value") == "***, ***, third value"
    assert vault.clear(b"first value") == b"***"
    assert vault.names == {"S0"}


@given(any_text, any_text)
def test_texts_of_any_kind(before, after):
    vault = filled("välue of mine", "name-\udcff")
    assert "välue of mine" not in vault.hide(f"{before}välue of mine{after}")
    assert "name-\udcff" not in vault.hide(f"{before}name-\udcff{after}")
    whole = f"{before}{after}"
    assert vault.hide(whole) is whole or "***" in vault.hide(whole)


def test_each_session_has_one_vault_and_a_text_for_all_to_see_is_free_of_every_value():
    one, two = vault_of("project", "one"), vault_of("project", "two")
    assert vault_of("project", "one") is one
    one.remember({"A": b"value of one"})
    two.remember({"A": b"value of two"})
    assert one.hide("value of two") == "value of two"
    assert hide_all("value of one, value of two") == "***, ***"
