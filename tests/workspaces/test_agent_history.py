"""What an agent does with git itself: its commits are kept, and what it changes is said."""

from __future__ import annotations

import pytest

from .support import left, paths


def subjects(repo, workspace) -> list[str]:
    """Subjects of the branch since the base, the newest first."""
    return repo.git("log", "--format=%s", f"{workspace.base}..{workspace.branch}").splitlines()


def test_own_commits_are_kept_and_the_rest_is_committed(repo, pair):
    step = pair.run("echo 1 > one; git add one; git commit -qm 'mine'; echo 2 > two; echo 3 >> a.txt")
    assert paths(step) == {"one": "added", "two": "added", "a.txt": "modified"}
    assert subjects(repo, pair.workspace)[1:] == ["mine"]
    assert not step.rewritten
    assert repo.git("log", "-1", "--format=%an", f"{pair.workspace.tip}^") == "agent"


def test_own_commits_alone(repo, pair):
    step = pair.run("echo 1 > one; git add -A; git commit -qm first; rm one; git commit -qam second")
    assert subjects(repo, pair.workspace) == ["second", "first"]
    assert step.files == ()
    assert step.commit == pair.workspace.tip


def test_staged_and_not_committed(pair):
    step = pair.run("echo staged > a.txt; git add a.txt; echo on top >> a.txt; echo n > n; git add -N n")
    assert paths(step) == {"a.txt": "modified", "n": "added"}
    pair.run("git rm -q dir/b.txt; git mv a.txt moved")


def test_an_index_removed(pair):
    pair.run("rm .git/index; echo x > x")


def test_a_damaged_index(repo, ws):
    step = ws.run(
        "echo '*.log' > .gitignore; echo 1 > x.log; git add -f x.log; echo garbage > .git/index; echo x > x"
    )
    assert step.unpublished is None
    assert paths(step) == {".gitignore": "added", "x": "added"}
    assert ws.run("git status --porcelain").stdout.text == ""


def test_a_rewritten_history_is_flagged_and_kept(repo, ws):
    first = ws.run("echo 1 > one")
    second = ws.run("git commit -q --amend -m amended; echo 2 > two")
    assert second.rewritten
    assert second.kept == "refs/patina/old/work/1"
    assert repo.git("rev-parse", second.kept) == first.commit
    assert subjects(repo, ws)[1:] == ["amended"]
    third = ws.run("git reset -q --hard HEAD~2")
    assert third.rewritten
    assert repo.git("rev-parse", "refs/patina/old/work/2") == second.commit
    assert ws.tip == ws.base
    assert not ws.run("echo 3 > three").rewritten


def test_a_reset_that_keeps_the_files(repo, pair):
    pair.run("echo 1 > one; git add -A; git commit -qm c1")
    step = pair.run("git reset -q --soft HEAD~1")
    assert step.rewritten
    assert "one" in repo.git("ls-tree", "--name-only", pair.workspace.tip)


def test_on_another_branch(repo, pair):
    pair.run("echo 1 > one")
    step = pair.run(
        "git checkout -q -b feature; echo 2 > two; git add -A; git commit -qm 'on feature'; echo 3 > 3"
    )
    assert not step.rewritten
    assert "on feature" in subjects(repo, pair.workspace)
    assert pair.workspace.run("git branch --show-current").stdout.text == "feature\n"
    assert repo.git("branch", "--list", "feature") == ""
    pair.run("echo 4 > four")


def test_back_to_an_older_branch(repo, ws):
    """The branch of the session is what the workspace shows; what it showed before is kept."""
    step = ws.run("git checkout -q -b feature; echo 1 > one; git add -A; git commit -qm one")
    back = ws.run("git checkout -q agent/work")
    assert back.rewritten
    assert ws.tip == ws.base
    assert repo.git("rev-parse", back.kept) == step.commit
    again = ws.run("git checkout -q feature")
    assert ws.tip == step.commit
    assert not again.rewritten


def test_detached(repo, pair):
    pair.run("echo 1 > one")
    step = pair.run(
        "git checkout -q --detach; echo 2 > two; git add -A; git commit -qm detached; echo 3 > three"
    )
    assert step.commit == pair.workspace.tip
    assert subjects(repo, pair.workspace)[1] == "detached"
    assert pair.workspace.run("git symbolic-ref -q HEAD").exit_code == 1
    pair.run("echo 4 > four")


def test_an_orphan_branch(repo, ws):
    ws.run("echo 1 > one; mkdir dir2; echo 2 > dir2/2")
    old = ws.tip
    step = ws.run(
        "git checkout -q --orphan fresh; git rm -rqf --cached .; printf 'dir2/\\n' > .gitignore; rm one"
    )
    assert step.unpublished is None
    assert step.rewritten
    assert repo.git("rev-parse", step.kept) == old
    assert repo.git("ls-tree", "-r", "--name-only", ws.tip).splitlines() == [
        ".gitignore",
        "a.txt",
        "dir/b.txt",
    ]
    assert repo.git("log", "-1", "--format=%P", ws.tip) == ""
    assert set(left(step)) >= {"dir2"}
    assert paths(ws.run("echo 3 > three")) == {"three": "added"}


CONFLICT = (
    "git checkout -q -b other; echo theirs > a.txt; git commit -qam theirs; "
    "git checkout -q agent/work; echo ours > a.txt; git commit -qam ours; "
)


def test_a_merge_with_conflicts_can_be_concluded(repo, ws):
    step = ws.run(CONFLICT + "echo n > n; ! git merge -q other")
    assert step.ok
    assert step.unpublished is None
    assert "<<<<<<<" in repo.git("show", f"{ws.tip}:a.txt")
    assert "n" in repo.git("ls-tree", "--name-only", ws.tip)
    assert ws.run("git status --porcelain").stdout.text == "UU a.txt\n?? n\n"
    again = ws.run("cat a.txt")
    assert again.commit is None
    middle = ws.run("echo both > a.txt; echo m > m")
    assert repo.git("rev-parse", f"{middle.commit}^") == step.commit
    assert ws.run("git status --porcelain").stdout.text == "UU a.txt\n?? m\n?? n\n"
    end = ws.run("git add -A; git commit -qm merged")
    assert end.ok, end.stderr.text
    assert subjects(repo, ws) == ["merged", "ours", "theirs"] or set(subjects(repo, ws)) == {
        "merged",
        "ours",
        "theirs",
    }
    assert len(repo.git("log", "-1", "--format=%P", ws.tip).split()) == 2
    assert end.rewritten
    assert repo.git("rev-parse", end.kept) == middle.commit
    assert ws.run("git status --porcelain").stdout.text == ""
    assert ws.run("echo more > more").rewritten is False


def test_a_merge_can_be_given_up(repo, ws):
    ws.run(CONFLICT + "true")
    before = ws.tip
    ws.run("! git merge -q other")
    assert ws.tip != before
    step = ws.run("git merge --abort")
    assert step.ok, step.stderr.text
    assert ws.tip == before
    assert step.kept


def test_a_rebase_with_conflicts(repo, ws):
    ws.run(CONFLICT + "echo later > later; git add -A; git commit -qm later")
    step = ws.run("! git rebase -q other")
    assert step.ok
    assert step.unpublished is None
    assert "<<<<<<<" in repo.git("show", f"{ws.tip}:a.txt")
    step = ws.run("echo both > a.txt; git add a.txt; GIT_EDITOR=true git rebase --continue")
    assert step.ok, step.stderr.text
    assert subjects(repo, ws) == ["later", "ours", "theirs"]
    assert repo.git("show", f"{ws.tip}:a.txt") == "both"
    assert ws.run("git status --porcelain").stdout.text == ""


def test_a_cherry_pick_with_conflicts(repo, ws):
    ws.run(CONFLICT + "true")
    ws.run("! git cherry-pick other")
    step = ws.run("echo both > a.txt; git add a.txt; git cherry-pick --continue --no-edit")
    assert step.ok, step.stderr.text
    assert subjects(repo, ws) == ["theirs", "ours"]


def test_a_merge_that_waits_without_conflicts(repo, ws):
    ws.run(
        "git checkout -q -b other; echo 1 > one; git add -A; git commit -qm one; git checkout -q agent/work"
    )
    step = ws.run("git merge -q --no-commit --no-ff other")
    assert "one" in repo.git("ls-tree", "--name-only", ws.tip)
    step = ws.run("git commit -qm merged")
    assert step.ok, step.stderr.text
    assert len(repo.git("log", "-1", "--format=%P", ws.tip).split()) == 2


def test_a_stash_with_conflicts_stays_visible(repo, ws):
    ws.run("echo stashed > a.txt; git stash -q; echo other > a.txt; git commit -qam other")
    step = ws.run("! git stash pop -q 2>/dev/null")
    assert step.unpublished is None
    assert ws.run("git status --porcelain").stdout.text == "UU a.txt\n"
    step = ws.run("echo resolved > a.txt; git add a.txt; git stash drop -q")
    assert repo.git("show", f"{ws.tip}:a.txt") == "resolved"
    assert ws.run("git status --porcelain").stdout.text == ""


def test_other_refs_never_leave_the_box(repo, ws):
    before = repo.git("for-each-ref")
    ws.run(
        "git branch -f main HEAD; git tag v1; echo 1 > a.txt; git commit -qam x; "
        "git update-ref refs/heads/main HEAD; git update-ref refs/patina/base/work HEAD; git stash list"
    )
    after = repo.git("for-each-ref")
    changed = set(after.splitlines()) ^ set(before.splitlines())
    assert {line.split("\t")[1] for line in changed} == {"refs/heads/agent/work"}
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "setting",
    [
        "core.worktree /tmp",
        "core.bare true",
        "core.fileMode false",
        "core.symlinks false",
        "core.ignoreCase true",
        "core.hooksPath .evil",
        "core.fsmonitor .evil/fsmonitor",
        "status.showUntrackedFiles no",
        "core.untrackedCache true",
        "core.quotePath false",
        "diff.noprefix true",
        "commit.gpgSign true",
        "core.safecrlf true",
        "index.threads 1",
        "core.splitIndex true",
        "feature.manyFiles true",
        "core.preloadIndex false",
    ],
)
def test_settings_of_the_agent_do_not_falsify_a_step(repo, ws, setting):
    hooks = (
        "mkdir .evil; for h in reference-transaction post-index-change pre-commit fsmonitor; do "
        "printf '#!/bin/sh\\nexit 1\\n' > .evil/$h; chmod 755 .evil/$h; done; "
    )
    ws.run(hooks + f"git config {setting}")
    step = ws.run("echo changed > a.txt; chmod 755 dir/b.txt; echo new > new; ln -s x link; echo A > A.TXT")
    assert step.unpublished is None
    assert paths(step) == {
        "a.txt": "modified",
        "dir/b.txt": "modified",
        "new": "added",
        "link": "added",
        "A.TXT": "added",
    }
    assert repo.git("ls-tree", ws.tip, "dir/b.txt").startswith("100755")
    step = ws.run("echo '# scan' > .gitignore; rm new; chmod 644 dir/b.txt")
    assert step.unpublished is None
    assert paths(step) == {".gitignore": "added", "new": "deleted", "dir/b.txt": "modified"}
    assert paths(ws.run("echo more >> a.txt")) == {"a.txt": "modified"}


def test_hooks_of_the_agent_run_in_its_own_git_only(repo, ws):
    step = ws.run(
        "mkdir -p .git/hooks; cd .git/hooks; printf '#!/bin/sh\\necho hook >> hooked\\n' > pre-commit; "
        "chmod 755 pre-commit; cd ../..; git config core.hooksPath .git/hooks; "
        "echo 1 > a.txt; git commit -qam x"
    )
    assert step.ok, step.stderr.text
    assert paths(step) == {"a.txt": "modified", "hooked": "added"}
    assert ws.read("hooked") == b"hook\n"
    ws.run("echo 2 > a.txt")
    assert ws.read("hooked") == b"hook\n"


def test_stale_locks_are_removed(repo, ws):
    step = ws.run(
        "touch .git/index.lock .git/HEAD.lock .git/refs/heads/agent/work.lock 2>/dev/null; "
        "mkdir -p .git/refs/heads/agent; touch .git/refs/heads/agent/work.lock; echo 1 > one"
    )
    assert step.unpublished is None
    assert paths(step) == {"one": "added"}
    assert paths(ws.run("touch .git/index.lock; echo 2 > .gitignore")) == {".gitignore": "added"}
    assert ws.run("git status --porcelain").stdout.text == ""


def test_a_lock_that_is_in_use_is_respected(repo, ws):
    """A git of the agent that holds the index: the step is published all the same."""
    editor = "git commit --allow-empty -q -e -m x"
    process = ws.start(["sh", "-c", f"GIT_EDITOR='touch editing; sleep 1000; false' {editor}"])
    import time

    until = time.monotonic() + 30
    while "editing" not in {entry.name for entry in ws.ls()} and time.monotonic() < until:
        time.sleep(0.02)
    step = ws.run("echo 1 > one; ls .git/index.lock")
    held = step.ok
    assert step.unpublished is None
    assert paths(step) == {"one": "added", "editing": "added"}
    if held:
        assert ws.run("ls .git/index.lock").ok
    process.stop(1)
    ws.run("rm -f .git/index.lock; echo 2 > two")
    assert ws.run("git status --porcelain").stdout.text == ""
