"""What a box reads of the user's repository: where it lies, or a copy that its user can read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from patina_nb.engines.identity import ourselves
from patina_nb.engines.local.objects import copied, directories, readable


def test_a_git_that_receives_objects_just_now_changes_nothing(repo):
    """Its directory among the objects is closed to others, and gone in a moment."""
    objects = repo.path / ".git" / "objects"
    before = readable(ourselves(), objects)
    (objects / "tmp_objdir-incoming-x").mkdir(mode=0o700)
    assert readable(ourselves(), objects) == before


def test_a_copy_holds_the_objects_and_nothing_half_done(repo, tmp_path):
    objects = repo.path / ".git" / "objects"
    repo.git("repack", "-q")
    repo.commit({"a.txt": "newer\n"}, "newer")
    blob = repo.git("rev-parse", "HEAD:a.txt")
    (objects / blob[:2] / "tmp_obj_x").write_text("half")
    (objects / "pack" / "tmp_pack_x").write_text("half")
    target = tmp_path / "copy"
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: copied(ourselves(), objects, target), range(8))) == {target}
    names = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert f"{blob[:2]}/{blob[2:]}" in names
    assert {name.rsplit(".", 1)[-1] for name in names if name.startswith("pack/")} >= {"pack", "idx"}
    assert not any("tmp_" in name for name in names)


def test_objects_of_alternates_come_along(repo, tmp_path):
    repo.git("clone", "-q", "--shared", str(repo.path), str(tmp_path / "clone"))
    found = directories(tmp_path / "clone" / ".git")
    assert found == (tmp_path / "clone/.git/objects", (repo.path / ".git/objects").resolve())
