"""``make bench`` prints all tables.

python -m benchmarks [PART ...] [--write]

measures all parts or those that are named; ``--write`` puts each table into benchmarks/README.md as soon as
it is there.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks import dagger, extension, frames, local, page, panel, transcripts

PARTS = {
    part.__name__.rpartition(".")[2]: part for part in (extension, local, dagger, panel, frames, transcripts)
}
README = Path(__file__).parent / "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Print tables.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; default: all")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    for name in given.parts or PARTS:
        measure(name, write=given.write)


def measure(name: str, *, write: bool) -> None:
    """One part, in a scratch directory and with a cache of its own."""
    part = PARTS[name]
    if reason := getattr(part, "missing", lambda: "")():
        print(f"{name}: not measured: {reason}\n")
        return
    about = str(part.__doc__).partition("\n\n")[0]
    with tempfile.TemporaryDirectory(prefix="patina-bench-") as scratch:
        os.environ["PATINA_CACHE_DIR"] = f"{scratch}/cache"
        Path(scratch).chmod(0o755)
        print(f"{name}: {about} {page.measured()}\n\n{page.HEAD}", flush=True)
        lines = []
        for row in part.rows(Path(scratch)):
            lines.append(page.line(row))
            print(lines[-1], flush=True)
    print()
    if write:
        README.write_text(page.replaced(README.read_text(), name, about, lines))


if __name__ == "__main__":
    main()
