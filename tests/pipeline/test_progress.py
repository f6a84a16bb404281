"""Tests counted while they run."""

from hypothesis import given
from hypothesis import strategies as st

from patina_nb.pipeline.progress import Progress, TestCounter, Together


def counted(stream, *pieces):
    counter = TestCounter(stream)
    for piece in pieces:
        counter.feed(piece.encode())
    return counter.tests()


def test_dots_count_before_their_line_ends():
    assert counted("pytest", "..F") == {"passed": 2, "failed": 1}
    assert counted("pytest", "..F", "sxE.   [ 50%]\n..") == {
        "passed": 5,
        "failed": 1,
        "skipped": 2,
        "error": 1,
    }
    assert counted("pytest", "tests/test_m.py ..F    [100%]\n") == {"passed": 2, "failed": 1}


def test_lines_of_each_runner():
    assert counted("pytest", "a.py::test_x PASSED [ 50%]\n", "[gw0] [ 99%] FAILED a.py::test_y\n") == {
        "passed": 1,
        "failed": 1,
    }
    assert counted("go", '{"Action":"pass","Package":"p","Test":"T"}\n{"Action":"pass","Package":"p"}\n') == {
        "passed": 1
    }
    assert counted(
        "libtest", "test a::b ... ok\ntest c ... FAILED\ntest d ... ignored, slow\ntest result: ok."
    ) == {
        "passed": 1,
        "failed": 1,
        "skipped": 1,
    }
    assert counted("spec", "✔ a (1.2ms)\n✖ b (2ms)\n") == {"passed": 1, "failed": 1}
    assert counted("none", "....") == {}


def test_nextest_tells_on_stderr_and_tells_failures_twice():
    lines = b"  Starting 3 tests\n    PASS [   0.004s] (1/3) calc a\n  FAIL [ 0.3s] calc b\n SIGINT [ 24.0s] (3/3) calc c\n"
    counter = TestCounter("nextest")
    counter.feed(lines, "stdout")
    assert counter.tests() == {}
    counter.feed(lines, "stderr")
    counter.feed(b"     Summary [   0.304s] 3 tests run\n  FAIL [ 0.3s] calc b\n", "stderr")
    assert counter.tests() == {"passed": 1, "failed": 2}


def test_failures_that_are_listed_again_count_once():
    assert counted("spec", "✖ a (1.2ms)\n✔ b (2ms)\n\n✖ failing tests:\n\n✖ a (1.2ms)\n") == {
        "passed": 1,
        "failed": 1,
    }


def test_progress_in_words():
    assert Progress("lint", 1.0, {}).words == "lint"
    assert Progress("test", 1.0, {"passed": 1}).words == "test, 1 test so far"
    assert (
        Progress("test", 1.0, {"passed": 3, "failed": 1, "error": 1}).words
        == "test, 5 tests so far, 2 failed"
    )


def test_several_sessions_are_told_in_one_line():
    together = Together()
    assert together.take(Progress("test", 1.0, {"passed": 1}, "one")) == "one: test, 1 test so far"
    assert together.take(Progress("lint", 1.0, {}, "two")) == "one: test, 1 test so far; two: lint"
    assert (
        together.take(Progress("test", 2.0, {"passed": 2}, "one")) == "one: test, 2 tests so far; two: lint"
    )


def test_a_line_without_an_end_costs_nothing():
    counter = TestCounter("pytest")
    for _ in range(200):
        counter.feed(b"a::b " * 20_000)
    counter.feed(b"\n..F")
    assert counter.tests() == {"passed": 2, "failed": 1}


@given(
    st.lists(st.binary(max_size=30), max_size=10),
    st.sampled_from(["pytest", "go", "libtest", "spec", "nextest"]),
    st.sampled_from(["stdout", "stderr"]),
)
def test_any_output_in_any_pieces(pieces, stream, source):
    counter, whole = TestCounter(stream), TestCounter(stream)
    for piece in pieces:
        counter.feed(piece, source)
    whole.feed(b"".join(pieces), source)
    assert counter.tests() == whole.tests()
