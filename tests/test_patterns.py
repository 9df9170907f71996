"""Patterns of files mean what they match, as a folder means what lies in it; tiles of bands."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from tests.test_items import copies
from tests.test_series import lake, split
from tests.test_water_command import write_image

from obriy.errors import BandError, InputError, SourceError
from obriy.sources.base import Query
from obriy.sources.finding import find_items
from obriy.sources.scene import open_scene
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job

METHOD = "ndwi:0.05"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return write_image(tmp_path_factory.mktemp("image") / "lake.tif", lake(14))


def dates(items):
    return [item.date for item in items]


def mapped(source, out):
    given = {"source": str(source), "out": out, "method": METHOD, "clouds": "none"}
    return run_job(make_config(WaterConfig, given | {"outputs": ["mask"]})).result


def test_a_pattern_of_dated_images_is_a_series(image, tmp_path, monkeypatch):
    copies(image, tmp_path / "scenes", "a_2025-06-05.tif", "b_2025-06-25.tif", "other.txt")
    assert dates(find_items([str(tmp_path / "scenes" / "*.tif")])) == ["2025-06-05", "2025-06-25"]
    monkeypatch.chdir(tmp_path)  # a relative pattern, as a shell hands it on in quotes
    result = mapped("scenes/*.tif", tmp_path / "run")
    assert [day.date for day in result.dates] == ["2025-06-05", "2025-06-25"]
    monkeypatch.chdir("/")
    again = make_config(WaterConfig, {"source": result.command.split()[2].strip("'"), "out": "x"})
    assert dates(find_items([again.source])) == ["2025-06-05", "2025-06-25"]


def test_a_pattern_with_dates_is_a_series_though_one_is_left(image, tmp_path):
    copies(image, tmp_path / "scenes", "a_2025-06-05.tif", "b_2025-06-25.tif")
    given = {"source": str(tmp_path / "scenes" / "*.tif"), "datetime": "2025-06-20/..",
             "out": tmp_path / "run", "method": METHOD, "outputs": ["mask"]}  # fmt: skip
    (day,) = run_job(make_config(WaterConfig, given)).result.dates
    assert day.date == "2025-06-25"


def test_a_table_of_dates_serves_a_pattern_that_takes_a_part(image, tmp_path):
    folder = copies(image, tmp_path / "scenes", "a1.tif", "a2.tif", "b1.tif")
    (folder / "dates.csv").write_text(
        "file,date\na1.tif,2025-06-05\na2.tif,2025-06-25\nb1.tif,2025-07-05\n"
    )
    assert dates(find_items([str(folder / "a*.tif")])) == ["2025-06-05", "2025-06-25"]


@pytest.mark.parametrize("pattern", ["*/*.tif", "20*"])
def test_folders_date_what_a_pattern_finds_in_them(image, tmp_path, pattern):
    copies(image, tmp_path / "2025-06-05", "lake.tif")
    copies(image, tmp_path / "2025-06-25", "lake.tif")
    items = find_items([str(tmp_path / pattern)])
    assert dates(items) == ["2025-06-05", "2025-06-25"]
    assert len({item.id for item in items}) == 2


def test_a_pattern_that_one_thing_matches_is_that(image, tmp_path):
    copies(image, tmp_path / "scenes" / "2025-06-05", "lake.tif")
    (item,) = find_items([str(tmp_path / "scenes" / "2025*")])
    assert item.paths == (str(tmp_path / "scenes" / "2025-06-05" / "lake.tif"),)


def test_every_map_of_a_pattern_is_one(image, tmp_path):
    copies(image, tmp_path, "2025-06-05_a.tif", "2025-06-25_b.tif")
    assert len(find_items([str(tmp_path / "*.tif")], Query(each=True))) == 2


def test_refusals_of_a_pattern_say_what_is_wrong(image, tmp_path):
    folder = copies(image, tmp_path / "scenes", "one.tif", "two.tif", "note.txt", "more.txt")
    with pytest.raises(SourceError, match=r"date of one\.tif, two\.tif .*For one image name its"):
        find_items([str(folder / "*.tif")])
    with pytest.raises(SourceError, match=r"pattern .*\*\.txt matches no image .* but more\.txt"):
        find_items([str(folder / "*.txt")])
    with pytest.raises(SourceError, match="No file matches"):
        find_items([str(folder / "*.jp2")])
    with pytest.raises(BandError, match=r"several images.*'obriy water' makes a series"):
        open_scene(str(folder / "*.tif"))
    twins = copies(image, tmp_path / "twins", "a_2025-06-05.tif", "b_2025-06-05.tif")
    with pytest.raises(InputError, match=r"more than one image of 2025-06-05: .*same place"):
        mapped(twins / "*.tif", tmp_path / "run")
    for name in ("x", "y"):
        copies(image, tmp_path / "sub" / name, "lake.tif")
    with pytest.raises(SourceError, match=r"pattern .*sub/\* matches 2 folders with images"):
        find_items([str(tmp_path / "sub" / "*")])


def test_two_tiles_of_one_day_beside_each_other_are_put_together(image, tmp_path):
    """The same lake twice, side by side: twice its area, whatever the files of bands."""
    split(image, tmp_path / "one", "T36UVA_20240615T084601_{}.tif")
    with rasterio.open(image) as file:
        values, profile = file.read(), file.profile
        names = file.descriptions
    east = profile["transform"] @ Affine.translation(profile["width"], 0)
    with rasterio.open(tmp_path / "east.tif", "w", **profile | {"transform": east}) as file:
        file.write(values)
        file.descriptions = names
    both = Path(shutil.copytree(tmp_path / "one", tmp_path / "both"))
    split(tmp_path / "east.tif", both, "T36UVB_20240615T084601_{}.tif")
    assert len(find_items([str(both)])) == 2
    alone = mapped(tmp_path / "one", tmp_path / "run_one")
    (day,) = mapped(both, tmp_path / "run_both").dates
    assert day.area_km2 == pytest.approx(2 * alone.area_km2, rel=1e-3)
    assert len(find_items([str(both / "T36UVA*.tif")])) == 1
    with rasterio.open(tmp_path / "run_both/maps/2024-06-15/mask.tif") as mask:
        assert mask.width == 2 * np.shape(values)[2]
