"""SIGKILL at random moments of a running series of steps: the session always opens again, in order."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from patina_nb import events

from .support import python, wait_for

ROUNDS = {"local": 50, "dagger": 12}  # a container takes longer to start than a process

# Forks a process for each line that it reads: importing would take longer than all the rest. The child
# opens the session and runs steps of many kinds until it is killed.
NURSERY = r"""
import os, signal, sys
import patina_nb as patina
path, mark = sys.argv[1:]
patina.workspace("warm", path=path).delete()  # what is found out about the machine is found out once
steps = [
    "echo {n} > new{n}; echo {n} >> a.txt",
    "rm -f new*; mkdir -p d/{n}; echo {n} > d/{n}/f; ln -sfn d/{n} last",
    "echo {n} > one; git add -A; git commit -qm own{n}; echo {n} > two",
    "echo '*.log' > .gitignore; echo {n} >> .gitignore; echo {n} > {n}.log",
    "(while :; do date +%N > ticking; sleep 0.01; done) & sleep {mark} & echo {n} > bg",
    "true",
    "git checkout -qb b{n} && echo {n} > b; git add -A; git commit -qm b{n}; echo more >> b",
    "head -c 200000 /dev/urandom > blob; echo {n}",
    "git mv a.txt moved 2>/dev/null || git mv moved a.txt",
    "rm -rf d; for i in 1 2 3 4 5 6 7 8 9; do echo $i > m{n}-$i; done; exit 3",
]
def work():
    ws = patina.workspace("work", path=path)
    n = ws.session.n_steps
    print("open", flush=True)
    while True:
        n += 1
        ws.run(steps[n % len(steps)].format(n=n, mark=mark))
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print("failed", type(error).__name__, str(error).replace("\n", " "), flush=True)
        finally:
            os._exit(1)
    print(pid, flush=True)
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


def alive(*marks: str) -> list[int]:
    """Processes whose command line names one of the marks, but for the nursery itself."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"NURSERY" not in line and any(mark.encode() in line for mark in marks):
                found.append(int(entry.name))
    return found


def check(repo, ws, seed, rounds) -> None:
    """Branch, journal and repository agree."""
    happened = ws.project.journal.read("work")
    assert happened.dropped <= rounds, seed
    begun = [event.number for event in happened.events if isinstance(event, events.StepStarted)]
    ended = [event for event in happened.events if isinstance(event, events.StepFinished)]
    assert sorted(begun) == sorted(event.number for event in ended), seed
    assert len(set(begun)) == len(begun), seed
    tip = repo.git("rev-parse", "agent/work")
    commits = [event.commit for event in ended if event.commit]
    assert tip == ws.tip == (commits[-1] if commits else ws.base), seed
    on_branch = set(repo.git("rev-list", "agent/work").split())
    assert set(commits) <= on_branch, seed
    assert not [event for event in ended if event.unpublished], (seed, ended)
    assert repo.git("for-each-ref", "refs/patina/new", "refs/patina/old") == "", seed
    assert repo.git("fsck", "--strict", "--no-dangling") == "", seed
    assert ws.run("git status --porcelain").stdout.text == "", seed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_at_random_moments(repo, opener, engine):
    rounds = ROUNDS[engine]
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    mark = f"98765{os.getpid()}"
    main, tree = repo.head, sorted(path.name for path in repo.path.iterdir())
    project = repo.project
    nursery = python("# NURSERY\n" + NURSERY, repo.path, mark)
    try:
        for number in range(rounds):
            nursery.stdin.write("go\n")
            nursery.stdin.flush()
            pid = int(nursery.stdout.readline())
            if number % 3:  # else at some moment of the opening, maybe
                assert nursery.stdout.readline() == "open\n", seed
            time.sleep(chance.uniform(0.005, 0.4))
            os.kill(pid, signal.SIGKILL)
            answers = iter(nursery.stdout.readline, "ended\n")
            assert set(answers) <= {"open\n"}, (seed, answers)
            with opener() as ws:
                check(repo, ws, seed, rounds)
            wait_for(lambda: not alive(project.id, mark), f"the end of all processes (seed {seed})")
            assert (repo.head, repo.git("status", "--porcelain")) == (main, ""), seed
            assert sorted(path.name for path in repo.path.iterdir()) == tree, seed
    finally:
        nursery.kill()
        nursery.communicate()
    assert opener().session.n_steps > rounds
