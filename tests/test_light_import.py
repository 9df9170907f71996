"""`import obriy` and `obriy --help` are quick because heavy libraries load on use."""

import pytest

from terminal import obriy, run_python

HEAVY = (
    "numpy", "xarray", "rasterio", "numba", "sklearn", "skimage", "scipy", "pandas", "geopandas",
    "shapely", "pyproj", "matplotlib", "dask",
)  # fmt: skip
SCRIPT = """
import sys
sys.argv = ["obriy", *{words!r}]
try:
    {code}
except SystemExit as end:
    print("CODE", end.code)
print("LOADED", [m for m in {heavy!r} if m in sys.modules])
"""


def loaded(code, words=()):
    """Return what a process says in the end: its exit code, and which heavy libraries it has."""
    script = SCRIPT.format(code=code, words=[str(word) for word in words], heavy=HEAVY)
    return run_python("-c", script).stdout


def command(*words):
    return loaded("from obriy.cli.app import main; main()", words)


def test_heavy_libraries_stay_unimported():
    assert "LOADED []" in loaded("import obriy")


@pytest.mark.parametrize("words", [["--help"], ["water", "--help"], ["--version"]])
def test_help_is_quick(words):
    assert "CODE 0\nLOADED []" in command(*words)


@pytest.mark.parametrize(
    "words",
    [
        ["water", "missing.tif"], ["water", "missing.tif", "--dry-run"], ["landcover", "no/such"],
        ["ice", "missing.hdf"], ["compare", "landcover", "missing.tif"], ["compare", "ice", "none"],
        ["train", "ice", "none"], ["train", "landcover", "none"], ["sample", "missing.tif"],
        ["evaluate", "missing.tif", "reference.tif"],
    ],
)  # fmt: skip
def test_what_is_missing_is_said_before_heavy_libraries_load(words):
    assert "CODE 1\nLOADED []" in command(*words)


def test_a_finished_run_is_told_again_before_heavy_libraries_load(tmp_path):
    words = ["landcover", "sample:", "--clusters", "4", "--rounds", "0", "--resolution", "10",
             "--outputs", "landcover", "--out", tmp_path / "run"]  # fmt: skip
    first = obriy(*words)
    assert first.returncode == 0, first.stderr
    written = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "run").iterdir()}
    head, rest = command(*words).split("\n", 1)
    assert head.startswith("Nothing was run")
    assert rest == f"{first.stdout}CODE 0\nLOADED []\n"
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "run").iterdir()} == written


def test_unknown_attribute():
    import obriy

    with pytest.raises(AttributeError, match="no_such_name"):
        obriy.no_such_name  # noqa: B018
