"""The order of the house: who may import whom, and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "patina_nb"

# Each line may import from itself and from lines below it.
FLOORS = [
    ["cli"],
    ["notebook"],
    ["presentation"],
    ["api"],
    ["frames"],
    ["workspaces"],
    ["pipeline"],
    ["session"],
    ["snapshot"],
    ["sandbox"],
    ["engines"],
    ["project"],
    ["repository", "journal", "design"],
    ["events"],
    ["transcripts", "secrets"],
    ["errors", "temporary", "version"],
]
HEIGHT = {name: -number for number, floor in enumerate(FLOORS) for name in floor}
HEAVY = [
    "IPython",
    "dagger",
    "duckdb",
    "git",
    "ipywidgets",
    "matplotlib",
    "nest_asyncio",
    "pandas",
    "pyarrow",
]


def imports(path: Path) -> set[str]:
    """The parts of the package (first level) that a module imports anywhere in its text."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("patina_nb.")}
    return found & set(HEIGHT)


def modules() -> list[Path]:
    return sorted(
        path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.name != "__init__.py"
    )


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_part_has_its_floor():
    assert {part(path) for path in modules()} == set(HEIGHT)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    above = {name for name in imports(path) if HEIGHT[name] > HEIGHT[part(path)]}
    assert not above, f"{path.name} reaches up to {above}"


def test_the_server_stands_alone():
    for path in (PACKAGE / "sandbox" / "server").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] in sys.stdlib_module_names
            elif isinstance(node, ast.Import):
                assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)


def loaded_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return {name.split(".")[0] for name in out.splitlines()}


def test_importing_the_package_is_light():
    assert not loaded_after("import patina_nb").intersection(HEAVY)


def test_the_core_needs_no_notebook():
    code = "import patina_nb\nfor name in patina_nb.__all__: getattr(patina_nb, name)"
    assert not loaded_after(code).intersection(HEAVY)


def test_the_extension_loads_nothing_heavy():
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "before = set(sys.modules)\n"
        "shell.run_line_magic('load_ext', 'patina_nb')\n"
        "for name in before: sys.modules.pop(name)\n"
    )
    program = f"import sys\n{code}\nsys.stdout.write('\\n'.join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    names = set(out.splitlines())
    assert "patina_nb.notebook.extension" in names
    assert not {name.split(".")[0] for name in names}.intersection(HEAVY) - {"IPython"}
    assert not {name for name in names if name.startswith(("patina_nb.engines", "patina_nb.sandbox"))}
