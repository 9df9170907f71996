"""`import obriy` and `obriy --help` are quick because heavy libraries load on use."""

import subprocess
import sys

import pytest

HEAVY = ("xarray", "rasterio", "numba", "sklearn", "skimage", "scipy", "geopandas", "matplotlib")


@pytest.mark.parametrize(
    "code",
    [
        "import obriy",
        "import sys; sys.argv = ['obriy', '--help']\nfrom obriy.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass",
        "import sys; sys.argv = ['obriy', 'water', '--help']\nfrom obriy.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass",
    ],
)
def test_heavy_libraries_stay_unimported(code):
    script = f"{code}\nimport sys\nprint('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert "LOADED []" in done.stdout, done.stdout + done.stderr


def test_unknown_attribute():
    import obriy

    with pytest.raises(AttributeError, match="no_such_name"):
        obriy.no_such_name  # noqa: B018
