"""What is installed is what is in the checkout: every module once, with the data files, under one import name."""

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKED = ("arch", "benchmarks", "routing", "visualize")
SHIPPED_SUFFIXES = {".css", ".html", ".js", ".json", ".py", ".typed"}


def shipped_files():
    """Return the name in an installation of every source and data file of the checkout."""
    places = {"qpilot": ROOT / "qpilot"} | {f"qpilot/{name}": ROOT / name for name in LINKED}
    return sorted(
        f"{prefix}/{path.relative_to(folder).as_posix()}"
        for prefix, folder in places.items()
        for path in folder.rglob("*")
        if path.suffix in SHIPPED_SUFFIXES
        and not {"results", "speed"} & set(path.parts)  # of the benchmarks, for the checkout only
        and not (prefix == "qpilot" and path.relative_to(folder).parts[0] in LINKED)
    )


def run_python(code, cwd):
    """Run code in a new interpreter and return what it prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Return the source distribution and the wheel made from it, both built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("build")
    ignored = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, folder / "checkout", symlinks=True, ignore=ignored)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(folder / "checkout")]
    # Not from the checkout: a folder named build there would hide the module of that name.
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@pytest.mark.parametrize("name", LINKED)
def test_top_level_folder_is_linked_into_the_package(name):
    link = ROOT / "qpilot" / name
    assert link.is_symlink(), f"{link} is no symbolic link; on Windows see CONTRIBUTING.md"
    assert link.readlink() == Path("..") / name


def test_wheel_holds_every_module_once_and_the_data(distributions):
    with zipfile.ZipFile(distributions[1]) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
        licences = [name for name in wheel.namelist() if name.endswith("/LICENSE")]
    assert sorted(names) == shipped_files()
    assert len(licences) == 1
    assert {"qpilot/py.typed", "qpilot/arch/program.schema.json"} <= set(names)


def test_sdist_holds_what_a_build_needs(distributions):
    with tarfile.open(distributions[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= names
    assert {"qpilot/py.typed", "arch/device.py", "arch/program.schema.json"} <= names
    assert not any(name.startswith("qpilot/arch/") for name in names)


def test_wheel_imports_on_its_own(distributions, tmp_path):
    with zipfile.ZipFile(distributions[1]) as wheel:
        wheel.extractall(tmp_path)
    code = "import qpilot.arch, qpilot.routing, qpilot.visualize; print(qpilot.arch.__file__)"
    assert run_python(code, cwd=tmp_path) == str(tmp_path / "qpilot" / "arch" / "__init__.py")


def test_version_is_the_one_in_pyproject():
    import qpilot

    assert qpilot.__version__ == pyproject()["project"]["version"]


def test_import_leaves_the_slow_libraries_alone():
    slow = {"matplotlib", "ortools", "typer", "stim", "qiskit_aer"}
    loaded = run_python(f"import sys, qpilot; print(*{slow!r} & sys.modules.keys())", cwd=ROOT)
    assert loaded == ""


@pytest.mark.parametrize("name", ["test", "lint"])
def test_extra_and_dependency_group_agree(name):
    assert pyproject()["project"]["optional-dependencies"][name] == pyproject()["dependency-groups"][name]


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
