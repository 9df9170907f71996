"""What `obriy demo` maps: simulated scenes, seasons and winters, and a real chip."""

from pathlib import Path
from typing import Any

from obriy.workflows.config.base import JobConfig, make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.config.landcover import SAMPLE, LandcoverConfig
from obriy.workflows.config.water import WaterConfig


def demo_jobs(out: Path, lang: str) -> list[JobConfig]:
    """Return the jobs of the demo; the images that they need are made where they are missing.

    Args:
        out: Folder of the demo.
        lang: Language of the reports.
    """
    images, winter = _season(out / "season-images"), _winter(out / "winter-images")
    waters: dict[str, dict[str, Any]] = {
        "simulated": {"source": "simulated:"},
        "sample": {"source": "sample:", "resolution": 10.0},
        "season": {"source": str(images), "aoi": str(images / "districts.gpkg"), "fill": True},
    }
    frozen: dict[str, Any] = {
        "sources": [str(winter)],
        "land": str(winter / "land.tif"),
        "reference": str(winter / "labels"),
    }
    return [
        *(
            make_config(WaterConfig, values | {"out": out / name, "lang": lang})
            for name, values in waters.items()
        ),
        make_config(LandcoverConfig, SAMPLE | {"out": out / "landcover", "lang": lang}),
        make_config(IceConfig, frozen | {"out": out / "ice", "lang": lang}),
    ]


def _season(folder: Path) -> Path:
    """Simulate six dates of a place with lakes and rivers."""
    from obriy.simulate.folder import dates_between, simulate_to_folder

    if not (folder / "truth.csv").exists():
        dates = dates_between(6, "2023-04-01", "2023-10-31")
        simulate_to_folder(folder, dates=dates, size=(256, 256), setting="easy_cloudy")
    return folder


def _winter(folder: Path) -> Path:
    """Simulate six dates of a bay; what is there already is not made again."""
    from obriy.simulate.folder import dates_between
    from obriy.simulate.ice.folder import simulate_ice_folder

    simulate_ice_folder(folder, dates=dates_between(6, "2020-11-20", "2021-04-15"), seed=100)
    return folder
