"""The table "To add ..." of CONTRIBUTING, proved: one of each is added, and nothing but it.

What is a file of facts is added to a scratch copy of the package, which a process of its own runs;
what is an entry is added while the tests run. The other rows are proved where the table says.
"""

import json
import os
import re
import shutil
import xml.etree.ElementTree as ET
from importlib import resources

import numpy as np
import pytest
import rasterio
from tests.conftest import UTM, utm_grid
from tests.terminal import error_line, obriy, run_python
from tests.test_landcover_command import truth, write_scene

from obriy.labelling.panel import LABELLERS
from obriy.model.clusters import Answer

SENSOR = """
id = "aurora"
title = "A satellite that the tests made up"
level = "surface reflectance"
source = "the tests"
scale = 0.0005
resolution = 20.0
file_patterns = ['^AUR\\d_']
bands = [
  { id = "K1", common = "green", wavelength = 0.56, resolution = 20 },
  { id = "K2", common = "nir", wavelength = 0.84, resolution = 20 },
]
"""
INDEX = """
[WETNESS]
title = "An index that the tests made up"
formula = "green - nir"
range = [-1.0, 1.0]
water = "above"
reference = "the tests"
check = { green = 0.3, nir = 0.1, value = 0.2 }
"""
LAYER = """
[layers.swell]
title = { en = "Height of waves" }
says = "significant height of waves, centimetres, 255 not seen"
stored = "cm"
scale = 0.01
unit = "m"
missing = 255
overviews = "average"
ramp = "water"
at = [0, 0.5, 1, 1.5, 2, 2.5]
"""
GREEN, NIR = (160, 600), (40, 1200)
"""Numbers of water and of land: reflectance 0.08 and 0.3, 0.02 and 0.6."""
RADII = {"20250605": 8, "20250625": 12}

PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np, xarray as xr
from obriy.cli.app import main

out = Path(sys.argv.pop(1))
try:
    main()
except SystemExit as end:
    assert not end.code, end.code

from obriy.blocks.gdal import open_raster
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS
from obriy.model.legend import load_legend
from obriy.outputs.cog import write_layer
from obriy.outputs.report.record import files
from obriy.outputs.stac_item import write_stac_item
from obriy.render.text import text_of
from odc.geo.geobox import GeoBox
from affine import Affine

grid = GeoBox((2, 2), Affine(10, 0, 5e5, 0, -10, 5.2e6), "EPSG:32636")
def on(values):
    return xr.DataArray(np.array(values, "uint8"), dims=("y", "x"), coords=coords_of(grid))

path = write_layer(on([[100, 250], [0, 255]]), out / "swell.tif", LAYERS["swell"], lang="xx")
water = ClassMap(on([[1, 2], [1, 2]]), load_legend("water"))
write_stac_item(water, {"swell": path}, out / "item.json", item_id="sea")
print("LISTED", files(text_of("xx"), {"swell": str(path)}, {}, "water"))
"""


def lake(radius):
    y, x = np.mgrid[:40, :50]
    return np.hypot(y - 20, x - 25) < radius


def write_season(folder):
    """Two images of a growing lake by the satellite of the tests: only names tell its bands."""
    folder.mkdir()
    grid = {"crs": UTM, "transform": utm_grid((40, 50), 20.0).affine, "height": 40, "width": 50}
    for day, radius in RADII.items():
        path = folder / f"AUR1_{day}_lake.tif"
        with rasterio.open(path, "w", driver="GTiff", dtype="uint16", count=2, **grid) as file:
            for band, (name, values) in enumerate([("K1", GREEN), ("K2", NIR)], 1):
                file.write(np.where(lake(radius), *values).astype("uint16"), band)
                file.set_band_description(band, name)
    return folder


def translated(english):
    """The words of a language in which every text begins with a tilde, and numbers are its own."""
    words = re.sub(r'^([\w".]+ = ")(?=[^"])', r"\1~", english, flags=re.MULTILINE)
    marks = {"thousands": "'", "point": "·", "minus": "−", "percent": "%"}
    for name, mark in marks.items():
        words = re.sub(
            rf'^{name} = ".*"$', f'{name} = "{mark}"', words, count=1, flags=re.MULTILINE
        )
    return f'{words}\n[titles]\nwater = "Aqua"\nswell = "Undae"\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A scratch copy of the package with a sensor, an index, a layer and a language more."""
    place = tmp_path_factory.mktemp("house")
    tables = place / "obriy" / "tables"
    shutil.copytree(resources.files("obriy"), place / "obriy",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    (tables / "sensors" / "aurora.toml").write_text(SENSOR)
    for name, more in (("indices", INDEX), ("layers", LAYER)):
        file = tables / f"{name}.toml"
        file.write_text(file.read_text("utf-8") + more, "utf-8")
    english = (tables / "text_en.toml").read_text("utf-8")
    (tables / "text_xx.toml").write_text(translated(english), "utf-8")
    return place


@pytest.fixture(scope="module")
def season(house, tmp_path_factory):
    """What a season of that satellite by that index, in that language, came to."""
    out = tmp_path_factory.mktemp("out")
    images = write_season(out / "images")
    done = run_python(
        "-c", PROGRAM, out, "water", images, "--method", "wetness:-0.1", "--lang", "xx",
        "--outputs", "mask,report", "--out", out / "run",
        env={**os.environ, "PYTHONPATH": str(house)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_a_sensor_that_is_one_file_serves_a_season_and_so_does_an_index_that_is_an_entry(season):
    out, _ = season
    result = json.loads((out / "run" / "result.json").read_text())
    # green - nir is 0.06 of water and -0.3 of land, where the factor is that of the sensor.
    found = {date["date"].replace("-", ""): date["area_km2"] for date in result["dates"]}
    expected = {day: lake(radius).sum() * 400 / 1e6 for day, radius in RADII.items()}
    assert found == pytest.approx(expected, rel=2e-3)
    assert "aurora" in json.dumps(result["provenance"]["steps"])


def test_names_of_other_sensors_are_understood_beside_it(house):
    code = "from obriy.tables.sensor import sensor_of_file as f; print(f('LC80200392015216_B3').id)"
    done = run_python("-c", code, env={**os.environ, "PYTHONPATH": str(house)})
    assert done.stdout.strip() == "landsat8_l1", done.stderr


def test_a_language_that_is_one_file_is_that_of_report_and_screen(season):
    out, screen = season
    page = (out / "run" / "report.html").read_text("utf-8")
    assert 'lang="xx"' in page
    headings = re.findall(r"<h2[^>]*>\s*(.*?)\s*</h2>", page, flags=re.DOTALL)
    assert headings
    assert [text for text in headings if not text.startswith("~")] == []
    assert re.search(r"\d·\d+\s*~km²", page.replace("\xa0", " "))
    styles = [style.read_text("utf-8") for style in (out / "run").rglob("*mask*.qml")]
    assert len(styles) == len(RADII)
    assert all("Aqua" in style for style in styles)
    assert "~Note: " in screen


def test_a_layer_that_is_one_entry_is_in_file_style_item_and_report(season):
    out, screen = season
    with rasterio.open(out / "swell.tif") as file:
        assert (file.nodata, file.scales[0], file.units[0]) == (255, 0.01, "m")
        assert file.read(1).tolist() == [[100, 250], [0, 255]]
    styled = ET.parse(out / "swell.qml").iter("item")
    assert [entry.get("label") for entry in styled][-1] == "2·5"
    asset = json.loads((out / "item.json").read_text())["assets"]["swell"]
    assert (asset["nodata"], asset["bands"][0]["unit"]) == (255, "m")
    assert asset["bands"][0]["raster:scale"] == 0.01
    listed = next(line for line in screen.splitlines() if line.startswith("LISTED"))
    assert "Undae" in listed


def test_a_language_without_words_is_refused_with_those_that_have(tmp_path):
    done = obriy("water", "simulated:", "--lang", "xx", "--out", tmp_path / "run")
    assert "no words of 'xx'" in error_line(done, 2)
    assert "Known: en, uk" in done.stderr
    words = ("water", "simulated:", "--out", tmp_path / "run")
    named = obriy(*words, env={**os.environ, "OBRIY_LANG": "xx"})
    assert "OBRIY_LANG: there are no words of 'xx'" in error_line(named, 2)


class Oracle:
    """Calls wet what reflects less in the near infrared than in green."""

    name = "oracle"

    def label(self, portraits, legend):
        medians = {
            p.facts.id: {n: s.median for n, s in p.facts.spectrum.items()} for p in portraits
        }
        return [
            Answer(n, self.name, "wet" if m["nir"] < m["green"] else "dry",
                   legend.by_name("water" if m["nir"] < m["green"] else "tree_cover").code, 0.9)
            for n, m in medians.items()
        ]  # fmt: skip


def test_a_labeller_that_is_one_entry_names_the_clusters(tmp_path, monkeypatch):
    monkeypatch.setattr(LABELLERS, "_entries", dict(LABELLERS._entries))
    LABELLERS.register("oracle", lambda spec, settings: Oracle())
    scene = write_scene(tmp_path / "scene.tif", truth())
    words = ("landcover", scene, "--method", "kmeans", "--clusters", 3, "--labellers", "oracle")
    done = obriy(*words, "--outputs", "landcover", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert {v["labeller"] for c in result["clusters"] for v in c["votes"]} == {"oracle"}
    shares = {c["name"]: c["share"] for c in result["classes"]}
    assert shares["water"] == pytest.approx((truth() == 80).mean(), abs=0.02)
    refused = obriy(*words[:-1], "orakle", "--out", tmp_path / "other")
    assert "Did you mean 'oracle'" in error_line(refused, 2)
