"""The wheel, installed elsewhere: `make test-wheel`. Needs a package index, and some minutes.

It is no part of `make test`: it installs all that the package needs into an environment of its own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.page_server import PageServer
from tests.test_packaging import PROJECT, said

import obriy

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "obriy"


def run(*words, folder):
    """Run a command in a folder where nothing of the clone can be found."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "OBRIY_", "VIRTUAL"))}
    line = [str(word) for word in words]
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    made = tmp_path_factory.mktemp("dist")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    asked = [*pip, "download", "--quiet", "--no-deps", "--dest", made / "any", "hatchling"]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("no package index is reached: nothing can be installed elsewhere")
    run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", made, ROOT, folder=made)
    (file,) = made.glob("obriy-*.whl")
    return file


def environment(python, place, *wanted):
    """Make an environment in a folder, with what is wanted, and nothing of ours but that."""
    run(python, "-m", "venv", place / "env", folder=place)
    run(place / "env/bin/pip", "install", "--quiet", *wanted, folder=place)
    return place


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """An environment with the wheel and its page."""
    return environment(sys.executable, tmp_path_factory.mktemp("elsewhere"), f"{wheel}[web]")


def other_python(version):
    """Return an interpreter of that version that works; skip where there is none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(root.glob(f"{version}.*/bin/python3"))
    python = str(found[-1]) if found else shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"no Python {version} at hand")
    return python


def lowest(folder):
    """Write the lowest versions that we ask for as constraints of pip; return the file."""
    pairs = [re.match(r"([\w.-]+)[^>]*>=([\d.]+)", one) for one in PROJECT["dependencies"]]
    file = folder / "lowest.txt"
    file.write_text(
        "\n".join(f"{name}=={version}" for name, version in (p.groups() for p in pairs))
    )
    return file


def maps_all_it_should(place):
    """Map water, land cover and ice; a threshold of skimage, a figure, a report, a GeoPackage."""
    water = ["water", "simulated:?size=128", "--method", "mndwi:otsu"]
    for job in (water, ["landcover", "sample:", "--resolution", "10"], ["ice", "simulated:ice"]):
        told = json.loads(obriy_in(place, *job, "--quiet", "--json", "--out", place / job[0]))
        assert told["headline"]["km2"] > 0
        assert (place / job[0] / "report.html").stat().st_size > 10_000


def obriy_in(place, *words):
    return run(place / "env" / "bin" / "obriy", *words, folder=place)


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if not name.endswith("/")}
    listed = subprocess.run(
        ["git", "ls-files", "--", "."], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    assert {f"obriy/{name}" for name in listed.stdout.splitlines()} <= held
    about = f"obriy-{obriy.__version__}.dist-info/"
    assert {name for name in held if not name.startswith(("obriy/", about))} == set()
    assert f"{about}licenses/LICENSE" in held
    assert [name for name in held if re.search(r"test|benchmark|__pycache__|\.pyc", name)] == []


def test_it_says_where_and_what_it_is(elsewhere):
    assert obriy_in(elsewhere, "--version").split() == ["obriy", obriy.__version__]
    code = "import obriy; print(obriy.__file__)"
    home = run(elsewhere / "env/bin/python", "-c", code, folder=elsewhere).strip()
    assert home.startswith(str(elsewhere / "env"))
    run(elsewhere / "env/bin/pip", "check", folder=elsewhere)


def test_the_demo_runs_where_nothing_but_the_wheel_is(elsewhere):
    obriy_in(elsewhere, "demo", "--quiet")
    reports = sorted(file.parent.name for file in elsewhere.glob("obriy-demo/*/report.html"))
    assert reports == ["ice", "landcover", "sample", "season", "simulated"]
    for name in reports:
        result = json.loads((elsewhere / "obriy-demo" / name / "result.json").read_text())
        assert result["failed"] == []
        assert result["headline"]["km2"] > 0


def test_a_sample_is_mapped_and_told_to_programs(elsewhere):
    told = json.loads(obriy_in(elsewhere, "water", "sample:", "--resolution", "10", "--json"))
    assert told["headline"]["what"] == "water"
    assert obriy.read_result(told).headline.km2 == told["headline"]["km2"]


def test_the_command_of_the_image_serves_and_asks_for_the_token(elsewhere):
    command = json.loads(said("CMD")[0])
    server = PageServer(elsewhere / "served", *command[2:-1], "0", env={"OBRIY_TOKEN": "x" * 20})
    server.python = elsewhere / "env" / "bin" / "python"
    assert command[:2] == ["serve", "/runs"]
    assert command[-2:] == ["--port", "8080"]
    server.start()
    server.address = f"http://127.0.0.1:{server.port}"
    try:
        assert server.get("/api").status_code == 401
        shown = {"authorization": f"Bearer {'x' * 20}"}
        assert server.get("/api", headers=shown).status_code == 200
    finally:
        server.stop()


def test_it_runs_with_the_newest_python(wheel, tmp_path):
    maps_all_it_should(environment(other_python("3.13"), tmp_path, wheel))


def test_it_runs_with_the_lowest_versions_that_it_asks_for(wheel, tmp_path):
    place = environment(sys.executable, tmp_path, "--constraint", lowest(tmp_path), wheel)
    maps_all_it_should(place)
