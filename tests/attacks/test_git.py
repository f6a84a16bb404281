"""Attacks 1 to 16: on the user's repository, and on the git that runs on the host."""

from __future__ import annotations

import pytest

import patina_nb as patina
from tests.conftest import new_repo

from .stage import CONTAINER, attempts

AS_AGENT = "export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x\n"
HOOKS = (
    "applypatch-msg pre-applypatch post-applypatch pre-commit post-commit commit-msg prepare-commit-msg "
    "pre-merge-commit post-merge pre-rebase post-checkout post-rewrite pre-auto-gc pre-push update pre-receive "
    "post-receive post-update push-to-checkout reference-transaction fsmonitor-watchman post-index-change"
)
NESTED = """
import subprocess
def git(*arguments, stdin=b""):
    done = subprocess.run(["git", *arguments], input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()
blob = git("hash-object", "-w", "--stdin", stdin=b"[core] fsmonitor = evil")
"""


def commit_tree(entries):
    """A script that commits a tree of these `mktree` lines (Python source, `blob` is a file's id)."""
    return (
        NESTED
        + f"tree = git('mktree', '--missing', '-z', stdin={entries})\n"
        + "name = ('-c', 'user.name=x', '-c', 'user.email=x')\n"
        + "git('update-ref', 'HEAD', git(*name, 'commit-tree', tree, '-p', 'HEAD', '-m', 'x'))\n"
        + "print(tree)"
    )


@pytest.mark.core
def test_01_agent_moves_main(stage, kind):
    box = stage.open(kind)
    before = stage.host()
    step = box.run(
        AS_AGENT
        + "echo evil >a.txt; git commit -qam evil; git branch -f main HEAD; git update-ref refs/heads/main HEAD"
    )
    assert step.ok, step.stderr.text
    assert step.commit
    if kind != "process":
        common = stage.repo.path / ".git"
        tried = box.run(
            f"git --git-dir='{common}' update-ref refs/heads/main HEAD && echo moved; "
            f"git push -q '{stage.repo.path}' HEAD:main && echo moved; echo $$ >'{common}/refs/heads/main' && echo moved"
        )
        assert "moved" not in tried.stdout.text
    stage.unchanged(before)
    assert box.log()[0].subject == "evil"


@pytest.mark.core
def test_02_host_settings_and_hooks(stage, enforced):
    box = stage.open(enforced)
    before = stage.host()
    common = stage.repo.path / ".git"
    tried = attempts(
        box,
        config=f"append({str(common / 'config')!r})",
        hook=f"append({str(common / 'hooks' / 'post-commit')!r})",
        worktree=f"append({str(stage.repo.path / 'a.txt')!r})",
        state=f"os.listdir({str(common / 'patina')!r})",
    )
    assert set(tried.values()) == {"EACCES" if enforced == "landlock" else "ENOENT"}
    box.run("git config core.hooksPath .git/hooks; mkdir -p .git/hooks; echo true >.git/hooks/post-commit")
    stage.unchanged(before)


TRAPS = {
    "03_fsmonitor": 'git config core.fsmonitor "$PWD/.git/trap"; git status',
    "04_hooks": f"git config core.hooksPath .git/planted; mkdir .git/planted .git/hooks\n"
    f"for hook in {HOOKS}; do cp .git/trap .git/planted/$hook; cp .git/trap .git/hooks/$hook; done\n"
    "echo 1 >hooked; git add hooked; git commit -qm hooked",
    "05_filters": 'for what in clean smudge; do git config filter.evil.$what "$PWD/.git/trap"; done\n'
    "echo '* filter=evil' >.gitattributes; git add -A; git config filter.worse.process ./.git/trap\n"
    "echo '* filter=worse' >.git/info/attributes; git add -A; rm .git/info/attributes",
    "06_drivers": 'git config diff.external "$PWD/.git/trap"; git config diff.evil.textconv "$PWD/.git/trap"\n'
    'git config diff.evil.command "$PWD/.git/trap"; git config merge.evil.driver "$PWD/.git/trap %A"\n'
    "echo '* diff=evil merge=evil' >.gitattributes; echo more >>a.txt; git --no-pager diff",
    "07_programs": "for key in gpg.program core.pager core.editor core.sshCommand core.askPass sequence.editor "
    "credential.helper uploadpack.packObjectsHook diff.tool alias.log alias.diff-tree alias.rev-list; do "
    'git config $key "$PWD/.git/trap"; done\n'
    "git config commit.gpgSign true; git config log.showSignature true; git config protocol.ext.allow always\n"
    "git config remote.origin.url 'ext::sh .git/trap'; git config url.ext::sh.insteadOf /; git config include.path more\n"
    'printf "[core]\\n\\tfsmonitor = $PWD/.git/trap\\n" >.git/more; echo 1 >x; git commit -qam x; git fetch origin',
}


@pytest.mark.parametrize("name", TRAPS)
def test_03_to_07_planted_programs(stage, separate, name):
    planted(stage, separate, name)


@pytest.mark.parametrize("name", ["03_fsmonitor", "04_hooks"])
def test_03_to_07_planted_programs_beside_a_plain_process(stage, name):
    planted(stage, "process", name)


def planted(stage, kind, name):
    box = stage.open(kind)
    before = stage.host()
    box.run(
        f"cat >.git/trap <<'END'\n#!/bin/sh\n{stage.trap}\nexit 1\nEND\nchmod +x .git/trap\n{TRAPS[name]}"
    )
    box = stage.live_on(box)
    assert box.run('cat "$HOME/sprung"').stdout.total_bytes  # in the box it did run
    stage.unchanged(before)


def test_08_alternates_to_another_repository(stage, kind):
    other = new_repo(stage.open_dir / "other")
    other.commit({"secret": "of somebody else\n"})
    secret = other.git("rev-parse", "HEAD:secret")
    box = stage.open(kind)
    before = stage.host()
    read = box.run(f"echo {other.path}/.git/objects >>.git/objects/info/alternates; git cat-file -p {secret}")
    if kind == "process":
        assert read.stdout.text == "of somebody else\n"  # a plain process: nothing is promised
        return
    assert not read.ok
    step = box.run(["python3", "-c", commit_tree(f"b'100644 blob {secret}\\tstolen\\0'")])
    assert step.unpublished
    assert step.commit is None
    stage.unchanged(before)


def test_08_objects_that_only_the_host_has(stage, separate):
    """The id of an object is not enough to bring it onto the branch: a thin pack names it, history must have it."""
    box = stage.open(separate)
    before = stage.host()
    lost = stage.repo.git("hash-object", "-w", "--stdin", stdin=b"written after the workspace was opened\n")
    step = box.run(["python3", "-c", commit_tree(f"b'100644 blob {lost}\\tguessed\\0'")])
    # a container has a copy; else all objects of the user's own repository are readable, by design
    readable = box.run(f"git cat-file -p {lost}").ok
    assert readable == (separate == "overlay")
    assert readable or step.unpublished
    stage.unchanged(before)


@pytest.mark.core
@pytest.mark.parametrize("enforced", ["overlay", "landlock"])
def test_09_writing_to_shared_objects(stage, enforced):
    stage.repo.git("repack", "-adq")
    packs = sorted((stage.repo.path / ".git" / "objects" / "pack").iterdir())
    content = [path.read_bytes() for path in packs]
    box = stage.open(enforced)
    before = stage.host()
    listed = box.run(
        "cat $(sed 's/\"//g' .git/objects/info/alternates)/info/packs; sed 's/\"//g' .git/objects/info/alternates"
    )
    place = listed.stdout.text.splitlines()[-1]
    tried = attempts(
        box,
        **{f"rewrite{n}": f"rewrite({f'{place}/pack/{path.name}'!r})" for n, path in enumerate(packs)},
        **{f"remove{n}": f"os.remove({f'{place}/pack/{path.name}'!r})" for n, path in enumerate(packs)},
        new=f"append({place + '/pack/pack-new.idx'!r})",
        info=f"append({place + '/info/alternates'!r})",
    )
    assert tried.pop("info") in ("EROFS", "EACCES", "ENOENT")  # a copy has no such directory
    assert set(tried.values()) <= {"EROFS", "EACCES"}
    box.run("git repack -adq; git prune --expire=now; git gc --prune=now -q")
    assert [path.read_bytes() for path in packs] == content
    stage.unchanged(before)


@pytest.mark.parametrize("kind", CONTAINER)
def test_09_a_copy_of_the_objects_is_destroyed(stage, kind):
    """In a container nothing is shared: the agent harms itself, is told so, and what it lost comes back."""
    box = stage.open(kind)
    box.run("echo kept >kept.txt")
    before = stage.host()
    box.run("find .git/objects -type f -delete; echo late >late.txt")
    assert box.run("echo more >more.txt").unpublished
    stage.unchanged(before)
    box = stage.reopen(box)
    step = box.run("git fsck && echo after >after.txt")
    assert step.ok, step.stderr.text
    for name in ("kept", "late", "more", "after"):
        assert stage.repo.git("show", f"{box.branch}:{name}.txt") == name
    stage.unchanged(before)


@pytest.mark.core
def test_10_git_directory_replaced(stage):
    box = stage.open()
    before = stage.host()
    tried = attempts(
        box,
        rename="os.rename('.git', 'elsewhere')",
        remove="os.rmdir('.git')",
        unlink="os.unlink('.git')",
        over="(os.symlink('/etc', 'link'), os.rename('link', '.git'))",
    )
    assert tried["rename"] == tried["remove"] == "EBUSY"
    assert tried["unlink"] == "EISDIR"
    assert tried["over"] in ("EISDIR", "EBUSY")
    assert box.run("test -d .git && git status").ok
    stage.unchanged(before)


@pytest.mark.core
def test_10_git_directory_emptied(stage, enforced):
    box = stage.open(enforced)
    box.run("echo kept >kept.txt")
    before = stage.host()
    step = box.run(
        "rm -rf .git/* .git/.[a-z]*; [ -e .git ] && rmdir .git; ln -s /etc .git; echo late >late.txt"
    )
    assert step.unpublished
    assert box.run("echo more >more.txt").unpublished
    stage.unchanged(before)
    box = stage.reopen(box)
    assert box.notes  # it says what happened
    step = box.run("echo after >after.txt; git status")
    assert step.ok, step.stderr.text
    assert step.unpublished is None
    for name in ("kept", "late", "more", "after"):
        assert stage.repo.git("show", f"{box.branch}:{name}.txt") == name
    stage.unchanged(before)


def test_10_git_directory_of_another_history(stage, enforced):
    box = stage.open(enforced)
    old = box.run("echo kept >kept.txt").commit
    before = stage.host()
    box.run(AS_AGENT + "rm -rf .git 2>/dev/null; git init -q -b other; git add -A; git commit -qm root")
    box = stage.reopen(box)
    step = box.run("echo after >after.txt")
    assert step.unpublished is None
    assert stage.repo.git("show", f"{box.branch}:after.txt") == "after"
    # nothing is lost: the old head is in the branch's history, or kept beside it
    kept = stage.repo.git("for-each-ref", "--format=%(refname)", "--contains", old)
    assert box.branch in kept or "refs/patina/old/" in kept
    stage.unchanged(before)


EVIL_TREES = {
    "upper case": "b'040000 tree ' + sub.encode() + b'\\t.GIT\\0'",
    "itself": "b'040000 tree ' + sub.encode() + b'\\t.git\\0'",
    "short name": "b'040000 tree ' + sub.encode() + b'\\tgit~1\\0'",
    "ignorable": "b'040000 tree ' + sub.encode() + b'\\t.g\\xe2\\x80\\x8cit\\0'",
    "parent": "b'040000 tree ' + sub.encode() + b'\\t..\\0'",
    "here": "b'100644 blob ' + blob.encode() + b'\\t.\\0'",
    "linked modules": "b'120000 blob ' + blob.encode() + b'\\t.gitmodules\\0'",
}


def test_11_trees_with_a_git_directory(stage, separate):
    box = stage.open(separate)
    before = stage.host()
    for name, entries in EVIL_TREES.items():
        source = (
            NESTED + "sub = git('mktree', '-z', stdin=b'100644 blob ' + blob.encode() + b'\\tconfig\\0')\n"
        )
        step = box.run(["python3", "-c", source + commit_tree(entries).removeprefix(NESTED)])
        assert step.ok, (name, step.stderr.text)
        assert step.unpublished, name
        made = step.stdout.text.strip()
        assert stage.repo.git("cat-file", "--batch-check", stdin=made.encode()).endswith("missing"), name
        box.run("git reset -q --soft HEAD~1")
    stage.unchanged(before)
    step = box.run("echo fine >fine.txt")
    assert step.commit
    stage.unchanged(before)


NAMES = (".GIT", "git~1", ".g\u200cit", "dir/.git ", "dir/.Git", "dir/.git")


def test_11_files_named_like_a_git_directory(stage, separate):
    """They cannot come onto the branch, and they do not keep anything else from coming."""
    box = stage.open(separate)
    before = stage.host()
    for number, name in enumerate(NAMES):
        step = box.run(
            f"mkdir -p '{name}'; echo '[core]' >'{name}/config'; echo >'{name}/HEAD'; echo {number} >fine.txt"
        )
        assert step.ok, step.stderr.text
        assert (step.unpublished, [change.path for change in step.files]) == (None, ["fine.txt"]), name
        # git itself passes over anything called exactly .git, without a word
        assert name == "dir/.git" or any(name in left.path for left in step.left_out), name
        box.run(f"rm -rf '{name}'")
        step = box.run("echo more >>fine.txt")
        assert step.unpublished is None, name
        assert stage.repo.git("show", f"{box.branch}:fine.txt") == f"{number}\nmore"
    stage.unchanged(before)


URLS = ("--upload-pack=touch evil", "-u./evil", "ext::sh -c evil", "https://example.invalid/\\n.git")


def test_12_submodule_urls(stage, separate):
    """Refused by git's own check, or harmless because nobody recurses; and a refusal is not for ever."""
    box = stage.open(separate)
    before = stage.host()
    for number, url in enumerate(URLS):
        url = url.replace("evil", str(stage.canary))
        step = box.run(
            f"git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; mkdir sub\n"
            f"""printf '[submodule "sub"]\\n\\tpath = sub\\n\\turl = "%s"\\n' '{url}' >.gitmodules"""
        )
        assert step.commit or step.unpublished
        box.run("rm -f .gitmodules; git rm -q --cached sub; rmdir sub")
        step = box.run(f"echo {number} >fine.txt")
        assert step.unpublished is None, url
        assert stage.repo.git("show", f"{box.branch}:fine.txt") == str(number)
    stage.live_on(box)
    stage.unchanged(before)


def test_12_submodules_are_never_entered(stage, separate):
    box = stage.open(separate)
    before = stage.host()
    box.run(
        f"""printf '[submodule "sub"]\\n\\tpath = sub\\n\\turl = "ext::sh -c {stage.canary}"\\n\\tupdate = checkout\\n' >.gitmodules
        git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; mkdir sub"""
    )
    assert "160000 commit" in stage.repo.git("ls-tree", box.branch)
    stage.live_on(box)
    stage.unchanged(before)


def test_13_other_refs(stage, kind):
    mine = patina.start(session="other")
    box = stage.open(kind)
    before = stage.host()
    step = box.run(
        AS_AGENT
        + """echo 1 >1; git add 1; git commit -qm 1
        for ref in refs/heads/main refs/heads/agent/other refs/heads/agent/new refs/tags/v1 refs/notes/commits \
            refs/patina/base/other refs/patina/old/other/1 refs/replace/$(git rev-parse HEAD~1) refs/stash FETCH_HEAD; do
            git update-ref $ref HEAD
        done; git tag -a -m x v2; git pack-refs --all"""
    )
    assert step.commit
    assert stage.repo.git("rev-parse", f"agent/{mine.id}") == mine.base
    stage.unchanged(before)
    patina.delete(mine.id, force=True)


REWRITES = {
    "amended": "git commit -q --amend -m other",
    "reset": "git reset -q --hard HEAD~1; echo 2 >2; git add 2; git commit -qm 2",
    "orphan": "git checkout -q --orphan fresh; git commit -qm root",
    "emptied": "git reset -q --hard HEAD~1",
}


@pytest.mark.parametrize("how", REWRITES)
def test_14_history_rewritten(stage, separate, how):
    box = stage.open(separate)
    box.run("echo base >base")
    old = box.run("echo 1 >1").commit
    before = stage.host()
    step = box.run(AS_AGENT + REWRITES[how])
    assert step.rewritten
    assert stage.repo.git("rev-parse", step.kept) == old
    assert stage.repo.git("rev-parse", box.branch) == step.commit
    stage.unchanged(before)


def test_15_base_pruned_during_the_session(stage, enforced):
    base = stage.repo.commit({"doomed.txt": "x\n" * 1000}, "doomed")
    box = stage.open(enforced)
    assert box.base == base
    box.run("echo 1 >1")
    stage.repo.git("reset", "-q", "--hard", "HEAD~1")
    stage.repo.git("reflog", "expire", "--expire=now", "--all")
    stage.repo.git("gc", "-q", "--prune=now")
    before = stage.host()
    step = box.run("echo 2 >>doomed.txt; git log --stat; git status")
    assert step.ok, step.stderr.text
    assert step.commit
    assert "doomed" in box.diff().text
    box = stage.reopen(box)
    assert box.run("git fsck && cat doomed.txt").ok
    stage.unchanged(before)


def test_16_stale_locks(stage, separate):
    box = stage.open(separate)
    before = stage.host()
    step = box.run(
        f"echo 1 >1; touch .git/index.lock .git/HEAD.lock .git/refs/heads/{box.branch.split('/')[0]}.lock"
    )
    assert step.commit
    assert box.run("mkdir -p .git/refs/heads/agent; touch .git/refs/heads/agent/s0.lock; echo 2 >2").commit
    step = box.run("git add -A && git commit -q --allow-empty -m own")
    assert step.ok, step.stderr.text
    assert step.commit
    locks = [stage.repo.path / ".git" / name for name in ("index.lock", "HEAD.lock", "config.lock")]
    for lock in locks:
        lock.touch()  # git of the user runs, or was killed
    assert box.run("echo 3 >3").commit
    for lock in locks:
        lock.unlink()
    stage.unchanged(before)


def test_16_stale_lock_of_the_branch_on_the_host(stage, separate):
    """It is the user's to remove: said, nothing is lost, and the next step makes up for it."""
    box = stage.open(separate)
    lock = stage.repo.path / ".git" / "refs" / "heads" / "agent" / "s0.lock"
    lock.touch()
    step = box.run("echo 1 >1")
    assert step.unpublished
    lock.unlink()
    assert box.run("echo 2 >2").commit
    assert stage.repo.git("ls-tree", "--name-only", box.branch, "1", "2") == "1\n2"
    stage.sound()
