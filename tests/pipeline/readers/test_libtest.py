"""What ``cargo test`` prints."""

import json

from hypothesis import given
from hypothesis import strategies as st

from patina_nb.events import Case
from patina_nb.pipeline.readers.libtest import read_libtest

STDOUT = b"""
running 4 tests
test tests::adds ... ok
test tests::fails ... FAILED
test tests::panics - should panic ... ok
test tests::skips ... ignored, slow

failures:

---- tests::fails stdout ----

thread 'tests::fails' (29286) panicked at src/lib.rs:12:26:
assertion `left == right` failed: sum
  left: 3
 right: 4
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::fails

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.09s


running 1 test
test adds ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

"""
STDERR = b"""   Compiling x v0.1.0 (/workspace)
     Running unittests src/lib.rs (target/debug/deps/x-b885370c02d1f6ea)
     Running tests/it.rs (target/debug/deps/it-97a530dcf0405fc9)
"""


def test_sections_get_the_names_of_their_binaries():
    found = read_libtest(STDOUT, STDERR)
    assert found.complete
    assert [(case.suite, case.name, case.status) for case in found.cases] == [
        ("src/lib.rs", "tests::adds", "passed"),
        ("src/lib.rs", "tests::fails", "failed"),
        ("src/lib.rs", "tests::panics", "passed"),
        ("src/lib.rs", "tests::skips", "skipped"),
        ("tests/it.rs", "adds", "passed"),
    ]
    failed = found.cases[1]
    assert (failed.path, failed.line) == ("src/lib.rs", 12)
    assert failed.message == "assertion `left == right` failed: sum"
    assert failed.duration_s is None
    assert found.cases[3].message == "slow"


def test_the_older_form_of_a_panic():
    old = STDOUT.replace(
        b"panicked at src/lib.rs:12:26:\nassertion", b"panicked at 'it broke', src/lib.rs:12:26\nassertion"
    )
    failed = read_libtest(old, STDERR).cases[1]
    assert (failed.message, failed.path, failed.line) == ("it broke", "src/lib.rs", 12)


def test_output_that_breaks_off_keeps_what_had_ended():
    found = read_libtest(STDOUT[: STDOUT.index(b"test tests::panics")], STDERR)
    assert [case.status for case in found.cases] == ["passed", "failed"]
    assert not found.complete
    assert found.cases[0].suite == ""  # one section, two names: which is whose is not known


def test_json_lines_of_nightly():
    events = [
        {"type": "suite", "event": "started", "test_count": 2},
        {"type": "test", "event": "started", "name": "tests::adds"},
        {"type": "test", "name": "tests::adds", "event": "ok", "exec_time": 0.5},
        {
            "type": "test",
            "name": "tests::bad",
            "event": "failed",
            "stdout": "panicked at src/lib.rs:3:1:\nno\n",
        },
    ]
    found = read_libtest("\n".join(map(json.dumps, events)).encode(), b"")
    assert [(case.name, case.status, case.duration_s) for case in found.cases] == [
        ("tests::adds", "passed", 0.5),
        ("tests::bad", "failed", None),
    ]
    assert (found.cases[1].message, found.cases[1].line) == ("no", 3)


pieces = st.lists(st.sampled_from(STDOUT.split(b"\n")) | st.binary(max_size=20), max_size=30)


@given(pieces, st.sampled_from([b"", STDERR]))
def test_any_output_is_read(parts, stderr):
    assert all(isinstance(case, Case) for case in read_libtest(b"\n".join(parts), stderr).cases)


def test_a_panic_is_found_behind_words_that_are_none():
    stdout = (
        b"running 1 test\ntest a ... FAILED\n\nfailures:\n\n---- a stdout ----\nnobody panicked at the disco\n"
        b"thread 'a' panicked at src/lib.rs:18:9:\nsum\n\nfailures:\n    a\n\n"
        b"test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n"
    )
    [case] = read_libtest(stdout, b"").cases
    assert (case.message, case.path, case.line) == ("sum", "src/lib.rs", 18)
