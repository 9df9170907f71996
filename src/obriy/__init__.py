"""Satellite images to maps of water, ice and land cover, and the maps to numbers.

    import obriy

    scene = obriy.open_scene("scene.tif", sensor="sentinel2_l2a")
    water = obriy.map_water(scene)
    scores = obriy.evaluate(water, "reference.tif")
    rows = obriy.compare_water(scene, ["auto", "ndwi:otsu"], reference="reference.tif")
    obriy.write_class_map(water, "folder")
    cover = obriy.map_landcover(scene)
    cover = obriy.map_landcover(obriy.season_of([obriy.open_scene(file) for file in files]))
    ice = obriy.map_ice(obriy.open_scene("MOD02HKM.A2021049.0225.061.hdf"))
    series = obriy.measure_area(["2025-06-05.tif", "2025-07-03.tif"], "districts.gpkg")
    mask = obriy.open_class_map("mask_2023-08-19.tif", "1=water,0=land")  # measure_area takes it
    answer = obriy.read_result("obriy-runs/lake-1a2b3c4d").headline
    obriy.explore(water)  # in a notebook, where maps, series, scores and results show themselves

Names load on first use, so that ``import obriy`` is quick.
"""

TYPE_CHECKING = False  # as that of typing, which takes longer to load than all that is here
if TYPE_CHECKING:
    from typing import Any

    from obriy.errors import ObriyError as ObriyError
    from obriy.notebook.exploring import explore as explore
    from obriy.outputs.cog import write_class_map as write_class_map
    from obriy.runs.result_file import read_result as read_result
    from obriy.sources.class_map import open_class_map as open_class_map
    from obriy.sources.scene import open_scene as open_scene
    from obriy.workflows.compare.water import compare_water as compare_water
    from obriy.workflows.evaluation import evaluate as evaluate
    from obriy.workflows.ice.mapping import map_ice as map_ice
    from obriy.workflows.landcover.job import map_landcover as map_landcover
    from obriy.workflows.landcover.season import season_of as season_of
    from obriy.workflows.water.mapping import map_water as map_water
    from obriy.workflows.water.measuring import measure_area as measure_area

__version__ = "0.1.0"

_PUBLIC = {
    "ObriyError": "obriy.errors",
    "open_class_map": "obriy.sources.class_map",
    "open_scene": "obriy.sources.scene",
    "map_ice": "obriy.workflows.ice.mapping",
    "map_landcover": "obriy.workflows.landcover.job",
    "map_water": "obriy.workflows.water.mapping",
    "season_of": "obriy.workflows.landcover.season",
    "measure_area": "obriy.workflows.water.measuring",
    "compare_water": "obriy.workflows.compare.water",
    "evaluate": "obriy.workflows.evaluation",
    "explore": "obriy.notebook.exploring",
    "read_result": "obriy.runs.result_file",
    "write_class_map": "obriy.outputs.cog",
}

__all__ = [
    "ObriyError",
    "__version__",
    "compare_water",
    "evaluate",
    "explore",
    "map_ice",
    "map_landcover",
    "map_water",
    "measure_area",
    "open_class_map",
    "open_scene",
    "read_result",
    "season_of",
    "write_class_map",
]


def __getattr__(name: str) -> "Any":
    if name in _PUBLIC:
        import importlib

        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'obriy' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
