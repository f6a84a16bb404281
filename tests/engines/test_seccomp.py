"""The filter, by an interpreter of its bytes: both machines, whichever one the tests run on."""

from __future__ import annotations

import errno
import re
import socket
import struct
from pathlib import Path

import pytest

from patina_nb.engines.local.seccomp import CHECKED, DENIED, MACHINES, Policy, program

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL = 0x7FFF0000, 0x80000000
HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


NORMAL = Policy()


def refused(number):
    return 0x00050000 | number


def decide(machine, number, *arguments, arch=None, policy=NORMAL):
    """What the kernel would answer."""
    code = program(machine, policy)
    data = struct.pack("=IIQ6Q", number, arch or ARCH[machine], 0, *arguments, *[0] * (6 - len(arguments)))
    instructions = list(struct.iter_unpack("=HBBI", code))
    place = value = 0
    while True:
        what, yes, no, operand = instructions[place]
        place += 1
        if what == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif what == 0x54:
            value &= operand
        elif what == 0x06:
            return operand
        else:
            held = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[what]
            place += yes if held else no


@pytest.fixture(params=MACHINES)
def machine(request):
    return request.param


def number(machine, name):
    return (DENIED | CHECKED)[name][MACHINES.index(machine)]


def test_ordinary_calls_are_allowed(machine):
    known = {numbers[MACHINES.index(machine)] for numbers in (DENIED | CHECKED).values()}
    for call in set(range(470)) - known:
        assert decide(machine, call) == ALLOW, call


def test_calls_of_the_whole_machine_are_refused(machine):
    for name, numbers in DENIED.items():
        if numbers[MACHINES.index(machine)] is not None:
            assert decide(machine, numbers[MACHINES.index(machine)]) == refused(errno.EPERM), name


def test_another_architecture_is_the_end(machine):
    for arch in (0x40000003, 0x40000028, 0):
        assert decide(machine, 1, arch=arch) == (KILL if arch else ALLOW)


def test_the_x32_calls_are_refused():
    assert decide("x86_64", 0x40000000 + 1) == refused(errno.EPERM)
    assert decide("x86_64", 0xFFFFFFFF) == refused(errno.EPERM)


SOCKETS = [
    (Policy(), {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16}, {1, 2, 5}),
    (Policy(network=False), {socket.AF_UNIX}, {1, 2, 5}),
    (Policy(unix=False), {socket.AF_INET, socket.AF_INET6, 16}, {1, 5}),
    (Policy(unix=False, network=False), set(), {1, 5}),
]


@pytest.mark.parametrize(("policy", "families", "pairs"), SOCKETS)
def test_only_the_families_of_the_policy_are_open(machine, policy, families, pairs):
    for family in range(46):
        wanted = ALLOW if family in families else refused(errno.EAFNOSUPPORT)
        assert decide(machine, number(machine, "socket"), family, policy=policy) == wanted
        assert decide(machine, number(machine, "socket"), family | 1 << 40, policy=policy) == wanted
    for kind in range(1, 7):
        for flags in (0, socket.SOCK_CLOEXEC, socket.SOCK_NONBLOCK):
            found = decide(machine, number(machine, "socketpair"), 1, kind | flags, policy=policy)
            if policy.unix:
                assert found == ALLOW
            else:
                assert found == (ALLOW if kind in pairs else refused(errno.EPERM))


def test_namespaces_are_refused_and_threads_are_not(machine):
    clone, unshare, clone3 = (number(machine, name) for name in ("clone", "unshare", "clone3"))
    threads = 0x3D0F00
    assert decide(machine, clone, threads) == ALLOW
    assert decide(machine, clone, 0x11 | 0x4100) == ALLOW
    assert decide(machine, unshare, 0x400) == ALLOW
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide(machine, clone, flag | 17) == refused(errno.EPERM)
        assert decide(machine, unshare, flag) == refused(errno.EPERM)
    assert decide(machine, unshare, 0x80) == refused(errno.EPERM)
    assert decide(machine, clone3) == refused(errno.ENOSYS)


def test_typing_into_a_terminal_is_refused(machine):
    ioctl = number(machine, "ioctl")
    for request in (0x5412, 0x541C, 0x5412 | 7 << 32):
        assert decide(machine, ioctl, 0, request) == refused(errno.EPERM)
    assert decide(machine, ioctl, 0, 0x5413) == ALLOW


def test_no_jump_leads_outside(machine):
    for policy, *_ in SOCKETS:
        code = list(struct.iter_unpack("=HBBI", program(machine, policy)))
        assert len(code) < 4096
        for place, (what, yes, no, _) in enumerate(code):
            assert what == 0x06 or place + 1 + max(yes, no) < len(code)


def test_the_numbers_are_those_of_the_kernel(machine):
    header = Path(HEADERS[machine])
    if not header.is_file():
        pytest.skip(f"{header} is not installed")
    found = re.findall(r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    kernel = {name: int(value) for name, value in found}
    for name, numbers in (DENIED | CHECKED).items():
        if name in kernel:
            assert numbers[MACHINES.index(machine)] == kernel[name], name


def test_a_machine_without_a_filter():
    with pytest.raises(ValueError, match="riscv64"):
        program("riscv64")
