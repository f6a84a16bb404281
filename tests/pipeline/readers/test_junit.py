"""JUnit reports: real ones, damaged ones, hostile ones."""

import io
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patina_nb.events import Case
from patina_nb.pipeline.readers.junit import MAX_BYTES, MAX_ELEMENTS, read_junit

PYTEST = """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1"
failures="1" skipped="1" tests="4"><testcase classname="tests.test_m" name="test_a" file="tests/test_m.py" line="1"
time="0.007" /><testcase classname="tests.test_m" name="test_b[x&lt;y]" file="tests/test_m.py" line="3" time="1.5">
<failure message="AssertionError: &lt;b&gt;&#10;assert 3 == 4">    def test_b():
&gt;       assert 3 == 4
E       assert 3 == 4

tests/helper.py:12: in check
tests/test_m.py:5: AssertionError</failure></testcase><testcase classname="tests.test_m" name="test_c"
time="0.000"><skipped type="pytest.skip" message="why">tests/test_m.py:7: why</skipped></testcase>
<testcase classname="" name="tests.test_n" time="0.000"><error message="collection failure">ImportError: no m</error>
</testcase><testcase time="0.001" /></testsuite></testsuites>"""

NODE = """<?xml version="1.0" encoding="utf-8"?>
<testsuites>
	<testcase name="fails" time="0.001153" classname="test" failure="1 == 2">
		<failure type="testCodeFailure" message="1 == 2">
[Error [ERR_TEST_FAILURE]: 1 == 2] {
  cause: AssertionError [ERR_ASSERTION]: 1 == 2
      at assert (/workspace/node_modules/x/index.js:9:9)
      at TestContext.&lt;anonymous> (/workspace/test/a.test.js:3:26)
      at Test.runInAsyncScope (node:async_hooks:206:9)
}
		</failure>
	</testcase>
	<testsuite name="group" time="0.0004" tests="1"><testcase name="inner" time="0.000167" classname="test"/></testsuite>
</testsuites>"""


def test_what_pytest_writes():
    found = read_junit(PYTEST.encode())
    assert found.complete
    assert [(case.suite, case.name, case.status, case.duration_s) for case in found.cases] == [
        ("tests.test_m", "test_a", "passed", 0.007),
        ("tests.test_m", "test_b[x<y]", "failed", 1.5),
        ("tests.test_m", "test_c", "skipped", 0.0),
        ("pytest", "tests.test_n", "error", 0.0),
    ]
    failed = found.cases[1]
    assert failed.message == "AssertionError: <b>"
    assert (failed.path, failed.line) == ("tests/test_m.py", 5)
    assert "assert 3 == 4" in failed.details
    assert found.cases[0].path == "tests/test_m.py"
    assert found.cases[2].message == "why"


def test_the_place_is_the_last_one_in_the_workspace():
    text = "def test():\n\ntests/test_m.py:7: \n_ _ _\n/usr/lib/python3/pathlib.py:1044: FileNotFoundError"
    place = read_junit(document_with(text)).cases[0]
    assert (place.path, place.line) == ("tests/test_m.py", 7)
    place = read_junit(document_with(text.replace("7: \n", "7: in test_b\n"))).cases[0]
    assert (place.path, place.line) == ("tests/test_m.py", 7)
    place = read_junit(document_with("/usr/lib/python3/pathlib.py:1044: FileNotFoundError")).cases[0]
    assert (place.path, place.line) == ("tests/test_x.py", None)
    place = read_junit(
        document_with("/workspace/m.py:3: TypeError\n/x/site-packages/y.py:5: TypeError")
    ).cases[0]
    assert (place.path, place.line) == ("m.py", 3)


def document_with(text):
    case = ET.Element("testcase", name="a", file="/workspace/tests/test_x.py")
    ET.SubElement(case, "failure", message="m").text = text
    return ET.tostring(case)


def test_what_node_writes():
    failed, inner = read_junit(NODE.encode(), "/workspace").cases
    assert (failed.status, failed.message, failed.path, failed.line) == (
        "failed",
        "1 == 2",
        "test/a.test.js",
        3,
    )
    assert (inner.suite, inner.name, inner.status) == ("group", "inner", "passed")


def test_a_torn_report_gives_what_was_whole():
    for end in range(0, len(PYTEST), 7):
        found = read_junit(PYTEST[:end].encode())
        assert not found.complete
        assert "damaged" in found.notes[0]
        assert found.cases == read_junit(PYTEST.encode()).cases[: len(found.cases)]
    assert len(found.cases) == 4


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><t><testcase name="&b;"/></t>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><t><testcase name="x">&a;</testcase></t>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><t><testcase name="x"/></t>',
    ],
)
def test_a_document_type_is_refused_whole(text):
    found = read_junit(text.encode())
    assert found.cases == ()
    assert "document type" in found.notes[0]
    assert not found.complete


def test_a_huge_report_is_refused():
    deep = b"<a>" * 1000
    assert "too deeply" in read_junit(deep).notes[0]
    many = b"<a>" + b"<b/>" * (MAX_ELEMENTS + 1) + b"</a>"
    assert "too many" in read_junit(many).notes[0]
    large = b"<a>" + b" " * MAX_BYTES + b"</a>"
    assert "32 MiB" in read_junit(large).notes[0]
    assert read_junit(large).cases == ()


def test_what_cannot_be_is_not_known_and_long_text_is_cut():
    case = ET.Element("testcase", name="n" * 10_000, time="NaN", line="-3", file="/etc/passwd")
    ET.SubElement(case, "failure", message="m" * 10_000).text = "\u202e\x85" + "d" * 100_000
    found = read_junit(ET.tostring(case)).cases[0]
    assert found.duration_s is None
    assert found.line is None
    assert len(found.name) == 500
    assert len(found.message) <= 1000
    assert len(found.details) <= 4000
    for time in ("inf", "-1", "1e999", "x", ""):
        assert read_junit(f'<testcase name="a" time="{time}"/>'.encode()).cases[0].duration_s is None


printable = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20
)
statuses = st.sampled_from(
    [("failed", "failure"), ("error", "error"), ("skipped", "skipped"), ("passed", "")]
)
cases = st.tuples(
    printable.filter(bool), printable.filter(lambda t: t not in ("", "test")), statuses, st.floats(0, 1e6)
)


def document(rows):
    top = ET.Element("testsuites")
    suite = ET.SubElement(top, "testsuite", name="s")
    for name, class_name, (_, tag), time in rows:
        element = ET.SubElement(suite, "testcase", name=name, classname=class_name, time=repr(time))
        if tag:
            ET.SubElement(element, tag, message="why")
    file = io.BytesIO()
    ET.ElementTree(top).write(file, "utf-8", xml_declaration=True)
    return file.getvalue()


@given(st.lists(cases, max_size=6))
def test_every_report_is_read_as_it_was_written(rows):
    found = read_junit(document(rows))
    assert found.complete
    spaced = [(" ".join(n.split("\n")), c, s, t) for n, c, (s, _), t in rows]
    assert [(c.name, c.suite, c.status, c.duration_s) for c in found.cases] == spaced


@given(st.lists(cases, min_size=1, max_size=5), st.data())
def test_damage_never_invents_a_result(rows, data):
    whole = document(rows)
    cut = data.draw(st.integers(0, len(whole) - 1))
    torn = read_junit(whole[:cut])
    assert not torn.complete
    assert torn.cases == read_junit(whole).cases[: len(torn.cases)]
    broken = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        broken[at] = data.draw(st.integers(0, 255))
    assert all(isinstance(case, Case) for case in read_junit(bytes(broken)).cases)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_said_to_be_damaged(data):
    found = read_junit(data)
    assert found.complete or found.notes


def test_what_nextest_writes():
    text = "thread 'red' (16298) panicked at tests/red.rs:3:5:\nassertion `left == right` failed: sum\n  left: 1\n right: 2"
    report = (
        '<testsuites name="nextest-run"><testsuite name="calc"><testcase name="tests::adds" classname="calc" time="0.040"/>'
        '</testsuite><testsuite name="calc::red"><testcase name="red" classname="calc::red" time="0.303">'
        f'<failure message="thread &apos;red&apos; (16298) panicked at tests/red.rs:3:5" type="test failure">{text}'
        "</failure><system-out>running 1 test</system-out></testcase></testsuite></testsuites>"
    )
    passed, failed = read_junit(report.encode()).cases
    assert (passed.suite, passed.name, passed.status, passed.duration_s) == (
        "calc",
        "tests::adds",
        "passed",
        0.04,
    )
    assert (failed.suite, failed.status, failed.path, failed.line) == (
        "calc::red",
        "failed",
        "tests/red.rs",
        3,
    )
    assert failed.message == "assertion `left == right` failed: sum"
    assert "right: 2" in failed.details
