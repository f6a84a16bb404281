"""The system call filter of a box, as the bytes of a classic BPF program.

Namespaces and Landlock do not cover everything: keys, BPF, io_uring and AF_VSOCK belong to the whole
machine. A refused call answers EPERM (EAFNOSUPPORT for sockets), so that programs go on without it.
The program is written by hand: no libseccomp is needed.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

MACHINES = ("x86_64", "aarch64")

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name -> (x86_64, aarch64); None = the machine has no such call
DENIED: dict[str, tuple[int, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
CHECKED: dict[str, tuple[int, int]] = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "ioctl": (16, 29),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "unshare": (272, 97),
}

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NEW_NAMESPACE = 0x7E020000
_CLONE_NEWTIME = 0x80  # in clone() these bits are the exit signal
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # type into somebody else's terminal
_X32_BIT = 0x40000000

_LOAD, _AND = 0x20, 0x54
_JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET = 0x15, 0x35, 0x45
_RETURN = 0x06
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_NUMBER, _ARCH, _ARGS = 0, 4, 16

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


@dataclass(frozen=True)
class Policy:
    """Which sockets may be opened; the rest of the filter is the same for all boxes."""

    unix: bool = True  # False: only connected pairs, nothing that has or reaches an address
    network: bool = True  # False: no internet protocol at all, not even loopback

    @property
    def families(self) -> tuple[int, ...]:
        netlink = 16
        unix = (socket.AF_UNIX,) if self.unix else ()
        return unix + ((socket.AF_INET, socket.AF_INET6, netlink) if self.network else ())


def program(machine: str, policy: Policy = Policy()) -> bytes:
    """The filter for a machine (as `platform.machine()` names it); ValueError for one not in MACHINES."""
    if machine not in MACHINES:
        raise ValueError(f"there is no system call filter for {machine}")
    column = MACHINES.index(machine)
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        code += [(_JUMP_GREATER_EQUAL, 0, 1, _X32_BIT), _refuse(errno.EPERM)]
    for numbers in DENIED.values():
        number = numbers[column]
        if number is not None:
            code += _when(number, [_refuse(errno.EPERM)])
    for name, numbers in CHECKED.items():
        code += _when(numbers[column], _checks(policy)[name])
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _refuse(number: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | number)


def _when(number: int, then: Sequence[Instruction]) -> list[Instruction]:
    return [(_JUMP_EQUAL, 0, len(then), number), *then]


def _argument(index: int) -> Instruction:
    """Load the low half; the kernel takes each of the arguments checked here as 32 bits."""
    return (_LOAD, 0, 0, _ARGS + 8 * index)


def _one_of(values: Sequence[int], refusal: int) -> list[Instruction]:
    """Allow when the loaded value is among `values`, else refuse."""
    jumps: list[Instruction] = [
        (_JUMP_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)
    ]
    return [*jumps, _refuse(refusal), (_RETURN, 0, 0, _ALLOW)]


def _none_of_bits(bits: int) -> list[Instruction]:
    return [(_JUMP_SET, 0, 1, bits), _refuse(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]


def _checks(policy: Policy) -> dict[str, list[Instruction]]:
    connected = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
    pair: list[Instruction] = [(_RETURN, 0, 0, _ALLOW)]
    if not policy.unix:
        pair = [_argument(1), (_AND, 0, 0, 0xF), *_one_of(connected, errno.EPERM)]
    return {
        "clone": [_argument(0), *_none_of_bits(_NEW_NAMESPACE)],
        "clone3": [_refuse(errno.ENOSYS)],  # its flags are in memory; libc falls back to clone
        "ioctl": [
            _argument(1),
            (_JUMP_EQUAL, 1, 0, _TIOCSTI),
            (_JUMP_EQUAL, 0, 1, _TIOCLINUX),
            _refuse(errno.EPERM),
            (_RETURN, 0, 0, _ALLOW),
        ],
        "socket": [_argument(0), *_one_of(policy.families, errno.EAFNOSUPPORT)],
        "socketpair": pair,
        "unshare": [_argument(0), *_none_of_bits(_NEW_NAMESPACE | _CLONE_NEWTIME)],
    }
