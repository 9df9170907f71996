"""`obriy doctor`: what is installed, what is missing, and what that means."""

import importlib.util
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from obriy.installation import install_hint

OPTIONAL = {
    "s2cloudless": "clouds",
    "distributed": "dask",
    "pyhdf": "modis",
    "pyresample": "modis",
    "pydantic_ai": "vlm",
    "torch": "deep",
    "transformers": "deep",
}
DRIVERS = {"GTiff": "GeoTIFF", "COG": "maps", "JP2OpenJPEG": "Sentinel-2 .jp2", "netCDF": "NetCDF"}


def examine() -> bool:
    """Print the state of the installation; return whether everything needed works."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    checks: dict[str, Callable[[], str]] = {
        "versions": _versions,
        "machine": _machine,
        "drivers": _drivers,
        "sample": _sample,
        "temporary folder": _writable,
    }
    fine = True
    for name, check in checks.items():
        try:
            console.print(f"ok       {name}: {check()}")
        except Exception as error:  # noqa: BLE001 - the doctor reports whatever is wrong
            console.print(f"BROKEN   {name}: {error}")
            fine = False
    for module, extra in OPTIONAL.items():
        there = importlib.util.find_spec(module) is not None
        how = "" if there else f" ({install_hint(extra)})"
        console.print(f"{'ok      ' if there else 'optional'} {module}{how}")
    return fine


def _versions() -> str:
    from obriy.model.provenance import versions

    found = {"python": platform.python_version(), **versions()}
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _machine() -> str:
    import psutil

    free = psutil.virtual_memory().available / 1e9
    return f"{psutil.cpu_count()} cores, {free:.1f} GB of memory free"


def _drivers() -> str:
    from rasterio.drivers import raster_driver_extensions
    from rasterio.env import Env

    with Env() as env:
        known = set(env.drivers()) | set(raster_driver_extensions().values())
    missing = [f"{name} ({what})" for name, what in DRIVERS.items() if name not in known]
    if missing:
        raise RuntimeError(f"GDAL lacks {', '.join(missing)}; install rasterio from its wheel")
    return ", ".join(DRIVERS)


def _sample() -> str:
    from obriy.sources.scene import open_scene

    scene = open_scene("sample:")
    return f"{scene.sizes['y']} x {scene.sizes['x']} pixels"


def _writable() -> str:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "probe").write_bytes(b"1")
    return "can be written"
