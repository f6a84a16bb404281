"""The forms of a value that are looked for."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patina_nb.secrets import Patterns

TOKEN = "tök/en+of=mine & more?"
KEY = """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASC
BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj
short
-----END PRIVATE KEY-----"""


def found(value: str, text: str) -> bool:
    return Patterns([("S", value.encode())]).names_in(text.encode()) == {"S"}


@given(st.binary(min_size=8, max_size=90), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_is_found_wherever_the_value_stands_in_it(value, before, after):
    patterns = Patterns([("S", value)])
    whole = before + value + after
    assert patterns.names_in(base64.b64encode(whole)) == {"S"}
    assert patterns.names_in(base64.urlsafe_b64encode(whole)) == {"S"}


@pytest.mark.parametrize("length", [8, 56, 57, 58, 300])
def test_base64_in_lines_is_found(length):
    value = ("0123456789" * 30)[:length]
    wrapped = subprocess.run(["base64"], input=value.encode() + b"\n", capture_output=True, check=True).stdout
    assert found(value, wrapped.decode())


def test_other_forms_of_a_value():
    for text in (
        TOKEN,
        quote(TOKEN, safe=""),
        quote(TOKEN),
        json.dumps({"a": TOKEN}),
        json.dumps([TOKEN], ensure_ascii=False),
    ):
        assert found(TOKEN, f"x{text}y"), text
    assert found(f"  {TOKEN}\t", f"echo {TOKEN}")
    assert not found(TOKEN, TOKEN[:-1])
    assert found("plain-word/x", quote_plus("plain-word/x"))
    assert found("it's", "it's")
    assert not found("it's", shlex.quote("it's")), "how a shell would quote it is not known here"


def test_lines_of_a_longer_value_count_and_those_that_tell_nothing_do_not():
    assert found(KEY, KEY)
    assert found(KEY, KEY.replace("\n", "\r\n    "))
    assert found(KEY, "  key: MIIEvQIBADANBgkqhkiG9w0BAQEFAASC")
    for harmless in ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "short", KEY[:40]):
        assert not found(KEY, harmless), harmless


def test_the_names_of_all_secrets_that_a_text_gives_away():
    patterns = Patterns([("A", b"value-of-a"), ("B", b"value-of-b"), ("C", b"value-of-a")])
    assert patterns.names_in(b"value-of-a, value-of-b") == {"A", "B", "C"}
    assert patterns.names_in(b"value-of-a") == {"A", "C"}
    assert patterns.names_in(b"") == set()
    assert not Patterns()


def test_what_stands_everywhere_is_no_form():
    for value in (b"", b"\n\n\n\n\n", b"    a    "):
        assert Patterns([("A", value)]).names_in(b"a banana\n") == set(), value
