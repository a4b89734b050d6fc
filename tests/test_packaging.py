"""The files that install the project agree: pyproject.toml, its locks, environment.yml."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {
    "requirements.lock": (),
    "requirements-gpu.lock": ("gpu",),
    "requirements-test.lock": ("export", "parquet", "heic", "test", "slurm"),
}
"""The extras that each lock holds."""
SUPPORTED_PYTHONS = ("3.11", "3.12", "3.13")
# The version that the templates' marks were tried with, in HTML and in PDF.
QUARTO_VERSION = "1.10.18"
# Imported only where the user chose KERAS_BACKEND=jax and installed it, or has an NVIDIA GPU.
OPTIONAL_IMPORTS = {"jax", "pynvml"}

PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+?))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class LockedPackage(NamedTuple):
    """One entry of a lock."""

    version: str
    marker: str | None
    hashes: frozenset[str]


def read_pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read_environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def parse_lock(text: str) -> dict[str, LockedPackage]:
    """Read a lock, refusing every line that is neither a pin nor its hashes nor a comment."""
    packages = {}
    for line in text.replace("\\\n", "").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement, *hashes = re.split(r"\s+(?=--hash=)", line.rstrip())
        pin = PIN.fullmatch(requirement.rstrip())
        assert pin, f"not a pin: {line!r}"
        assert all(HASH.fullmatch(item) for item in hashes), f"not a SHA-256 hash: {line!r}"
        assert pin["name"] not in packages, f"{pin['name']} stands twice"
        packages[pin["name"]] = LockedPackage(pin["version"], pin["marker"], frozenset(hashes))
    return packages


def read_lock(name: str) -> dict[str, LockedPackage]:
    return parse_lock((ROOT / name).read_text(encoding="utf-8"))


def direct_requirements(*extras: str) -> dict[str, Requirement]:
    """The requirements that pyproject.toml names, by normalised name."""
    project = read_pyproject()["project"]
    named = [project["dependencies"], *map(project["optional-dependencies"].get, extras)]
    requirements = [Requirement(line) for lines in named for line in lines]
    by_name = {canonicalize_name(requirement.name): requirement for requirement in requirements}
    assert len(by_name) == len(requirements), "a package is named twice in pyproject.toml"
    return by_name


def conda_pins() -> dict[str, str]:
    """The conda packages of environment.yml; an unpinned one has the version ''."""
    items = [item for item in read_environment()["dependencies"] if isinstance(item, str)]
    return {name: version for name, _, version in (item.partition("=") for item in items)}


def test_every_extra_but_the_second_choice_has_its_lock():
    extras = set(read_pyproject()["project"]["optional-dependencies"])
    assert extras - {extra for locked in LOCKS.values() for extra in locked} == {"gpu-tensorflow"}


@pytest.mark.parametrize("extras", LOCKS.values())
def test_direct_requirements_are_pinned_exactly(extras):
    loose = [
        str(requirement)
        for requirement in direct_requirements(*extras).values()
        if not re.fullmatch(r"==[0-9][0-9a-z.]*", str(requirement.specifier))
    ]
    assert loose == []


def test_a_package_with_cuda_is_the_one_without():
    """Else a GPU would compute with another version than the tests do."""
    for plain, with_cuda in ("jax", "gpu"), ("tensorflow", "gpu-tensorflow"):
        lines = read_pyproject()["project"]["optional-dependencies"][with_cuda]
        (cuda,) = (named for line in lines if (named := Requirement(line)).name == plain)
        known = direct_requirements(*LOCKS["requirements-test.lock"])
        assert (cuda.specifier, len(cuda.extras)) == (known[plain].specifier, 1)


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items())
def test_lock_holds_the_direct_pins(lock, extras):
    wanted = {
        name: str(requirement.specifier).removeprefix("==")
        for name, requirement in direct_requirements(*extras).items()
    }
    locked = read_lock(lock)
    found = {name: locked[name].version for name in wanted if name in locked}
    assert found == wanted, f"run: bash .ci/lock ({lock} is behind pyproject.toml)"


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items())
def test_direct_pins_apply_on_every_machine(lock, extras):
    # A marker that excludes a machine would make pip install less there without an error. CUDA is
    # on Linux alone.
    locked = read_lock(lock)
    limited = {name for name in direct_requirements(*extras) if locked[name].marker}
    assert limited == ({"jax"} if "gpu" in extras else set())


@pytest.mark.parametrize("lock", [lock for lock, extras in LOCKS.items() if extras])
def test_every_other_lock_holds_the_readers_lock_unchanged(lock):
    readers, others = read_lock("requirements.lock"), read_lock(lock)
    other = {
        name: (package.version, others[name].version if name in others else "missing")
        for name, package in readers.items()
        if name not in others
        or (package.version, package.hashes) != (others[name].version, others[name].hashes)
    }
    assert other == {}


def test_cuda_is_in_the_lock_for_gpus_alone():
    cuda = {lock: {name for name in read_lock(lock) if "cuda" in name} for lock in LOCKS}
    assert {"jax-cuda13-plugin", "nvidia-cuda-runtime"} <= cuda.pop("requirements-gpu.lock")
    assert set().union(*cuda.values()) == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock):
    assert [name for name, package in read_lock(lock).items() if not package.hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_address_and_no_folder(lock):
    # parse_lock refuses options; what is left are comments, which uv writes.
    suspect = re.compile(r"[/@]|\\\S|--[\w-]*(?:index|links)")
    text = (ROOT / lock).read_text(encoding="utf-8").replace("bash .ci/lock", "")
    assert parse_lock(text)
    assert [line for line in text.splitlines() if suspect.search(line)] == []


@pytest.mark.parametrize("text", ["six", "six>=1.0", "-e .", "--index-url https://example.org/"])
def test_parse_lock_refuses_what_is_no_pin(text):
    with pytest.raises(AssertionError, match="not a pin"):
        parse_lock(text)


def test_parse_lock_reads_version_marker_and_hashes():
    first, second = "--hash=sha256:" + "a" * 64, "--hash=sha256:" + "b" * 64
    pin = "six==1.17.0 ; sys_platform == 'win32'"
    text = f"# made by hand\n{pin} \\\n    {first} \\\n    {second}\n    # via keras\n"
    assert parse_lock(text) == {
        "six": LockedPackage("1.17.0", "sys_platform == 'win32'", frozenset({first, second}))
    }


def test_build_backend_is_the_locked_one():
    (backend,) = read_pyproject()["build-system"]["requires"]
    assert backend == f"setuptools=={read_lock('requirements.lock')['setuptools'].version}"


def test_python_versions_agree():
    project = read_pyproject()["project"]
    allowed = SpecifierSet(project["requires-python"])
    prefix = "Programming Language :: Python :: "
    named = [c.removeprefix(prefix) for c in project["classifiers"] if c.startswith(prefix)]
    assert tuple(named) == SUPPORTED_PYTHONS
    assert [v for v in ("3.10", *SUPPORTED_PYTHONS, "3.14") if v in allowed] == named


def test_environment_takes_python_packages_from_the_lock_only():
    environment = read_environment()
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert set(conda_pins()) == {"python", "pip", "quarto"}
    assert [item for item in environment["dependencies"] if not isinstance(item, str)] == [
        {"pip": ["-r requirements.lock"]}
    ]


def test_environment_pins_a_supported_python_and_the_tried_quarto():
    assert conda_pins()["python"] in SUPPORTED_PYTHONS
    assert conda_pins()["quarto"] == QUARTO_VERSION


def imported_modules(path: Path) -> set[str]:
    """Top-level names of all that a source file imports when it runs, wherever in it."""
    names, nodes = set(), [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def test_what_only_a_type_checker_imports_is_not_installed_for_it(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("if TYPE_CHECKING:\n    import a.b\nelse:\n    import c\ndef f(): import d\n")
    assert imported_modules(path) == {"c", "d"}


def test_package_imports_only_what_readers_install():
    # Readers have no test extra, and a package that another one happens to bring may go away.
    distributions = packages_distributions()
    direct = set(direct_requirements())
    undeclared = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in (ROOT / "src").rglob("*.py")
        if path.parent.name != "export"  # which has an extra of its own, and asks for it
        for module in imported_modules(path) - sys.stdlib_module_names - OPTIONAL_IMPORTS
        if module != "cnn_study"
        and not direct & {canonicalize_name(name) for name in distributions.get(module, [])}
    }
    assert undeclared == set()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("requirements.lock", False),
        ("requirements-gpu.lock", False),
        ("requirements-test.lock", False),
        ("src/cnn_study/data/__init__.py", False),
        ("results/published/runs/base/seed-0.json", False),
        ("results/study/report/index.qmd", False),
        ("results/study/report/index.html", True),
        ("results/study/archive/study.zip", True),
        ("results/published/locks/seed-0.lock", True),
        ("results/published/running/seed-0", True),
        ("data/archive.tar.gz", True),
        (".snakemake/log/run.log", True),
        ("src/cnn_study.egg-info/PKG-INFO", True),
    ],
)
def test_git_ignores_what_is_made_again_and_nothing_else(path, ignored):
    command = ["git", "check-ignore", "--quiet", "--no-index", path]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == (0 if ignored else 1)


@pytest.mark.parametrize("script", ["run", "lock"])
def test_ci_scripts_stop_at_the_first_error(script):
    path = ROOT / ".ci" / script
    assert path.stat().st_mode & 0o111, f"{path.name} is not executable"
    assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")


def test_ci_checks_with_locked_tools_and_ends_as_the_readme_says():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    checks = lines[lines.index('echo "Checking style, layers and types"') + 1 : -2]
    tools = {"ruff": "ruff", "snakefmt": "snakefmt", "lint-imports": "import-linter", "ty": "ty"}
    assert {line.split()[0] for line in checks} == set(tools)
    assert set(tools.values()) <= set(direct_requirements("test"))
    assert "|" not in "".join(checks), "a check that may fail"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert lines[-1] == "python -m pytest -n 2"
    assert f"pip install --no-deps -e . && {lines[-1]}\n" in readme
