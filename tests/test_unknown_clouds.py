"""Where nothing tells where clouds are: what was seen stands, and the whole has no interval."""

import csv

import numpy as np
import pytest
from tests.test_water_command import LAND, WATER, write_image

from obriy.cli.show_water import image_lines, series_lines
from obriy.errors import InputError
from obriy.prepare.clouds.mask import NO_BAND
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import plan_water, run_water

TWO = {name: WATER[name] for name in ("green", "nir")}
assert set(TWO) < set(LAND)


def disc(radius=15):
    y, x = np.mgrid[:60, :80]
    return np.hypot(y - 30, x - 40) < radius


def folder_of(place, days, **options):
    """A folder of images, by day the radius of the lake."""
    place.mkdir()
    for day, radius in days.items():
        write_image(place / f"S2A_{day}.tif", disc(radius), **options)
    return place


def run(source, out, **values):
    given = {"source": str(source), "out": out, "method": "ndwi:0.05", "outputs": ["mask"]}
    return run_water(make_config(WaterConfig, given | values))


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return write_image(tmp_path_factory.mktemp("two") / "S2A_20240615.tif", disc(), bands=TWO)


@pytest.mark.parametrize("lang", ["en", "uk"])
def test_two_bands_cannot_tell_clouds_so_the_whole_is_not_estimated(image, tmp_path, lang):
    done = run(image, tmp_path / "run", outputs=["mask", "report"], lang=lang)
    result = done.result.to_dict()
    assert result["unseen"] == result["dates"][0]["unseen"] == "unknown"
    assert result["area_km2"] == pytest.approx(disc().sum() * 1e-4, rel=2e-3)
    assert result["expected_km2"] is None
    assert result["interval_km2"] is None
    # Every pixel that is called land may be a cloud over water: 60 x 80 pixels of 100 m².
    assert result["bounds_km2"] == pytest.approx([result["area_km2"], 0.48], rel=2e-3)
    assert done.complete
    first = image_lines(done.result)[0]
    assert "seen; unseen: unknown" in first
    assert "interval" not in first
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    said = {"en": "water seen; unseen: unknown", "uk": "видно воду; скільки не видно — невідомо"}
    assert page.index(said[lang]) < page.index('<dl class="facts">')
    assert {"en": "All of it was seen", "uk": "Видно всю територію"}[lang] not in page
    rows = list(csv.DictReader((done.folder / "areas.csv").open(encoding="utf-8")))
    assert (rows[0]["clouds"], rows[0]["low_km2"], rows[0]["expected_km2"]) == ("unknown", "", "")


def test_that_the_sky_was_clear_is_a_statement_and_the_interval_stays(image, tmp_path):
    result = run(image, tmp_path / "run", clouds="none").result.to_dict()
    assert result["unseen"] == "known"
    low, high = result["interval_km2"]
    assert low <= disc().sum() * 1e-4 <= high
    steps = {s["name"]: s for s in result["provenance"]["steps"]}
    assert steps["clouds"]["by"] == "the user: the sky was clear"


def test_the_quality_band_alone_where_there_is_none_tells_nothing(tmp_path):
    six = write_image(tmp_path / "S2A_20240615.tif", disc())
    result = run(six, tmp_path / "run", clouds="flags").result.to_dict()
    assert result["unseen"] == "unknown"
    assert result["interval_km2"] is None
    assert NO_BAND in result["provenance"]["warnings"]
    assert run(six, tmp_path / "auto").result.unseen == "known"


def test_too_few_dates_to_compare_have_no_interval_either(tmp_path):
    images = folder_of(tmp_path / "images", {"20240605": 14, "20240615": 15}, bands=TWO)
    done = run(images, tmp_path / "run", fill=True, change=("2024-06-05", "2024-06-15"))
    result = done.result.to_dict()
    assert result["unseen"] == "unknown"
    assert [d["unseen"] for d in result["dates"]] == ["unknown", "unknown"]
    assert result["interval_km2"] is None
    assert result["area_km2"] == pytest.approx(
        (disc(14).sum() + disc(15).sum()) / 2 * 1e-4, rel=2e-3
    )
    assert result["change"]["total"]["net_km2"] > 0
    assert result["change"]["total"]["net_interval_km2"] is None
    assert "unseen: unknown" in " ".join(series_lines(done.result))


def test_weights_by_a_cloudiness_that_nobody_knows_are_refused_before_the_work(tmp_path):
    images = folder_of(tmp_path / "images", {"20240605": 15, "20240615": 15})
    table = "file,date,cloud_cover\nS2A_20240605.tif,2024-06-05,4\n"
    (images / "dates.csv").write_text(table)
    asked = make_config(
        WaterConfig, {"source": str(images), "out": tmp_path / "run", "weights": "cloud"}
    )
    with pytest.raises(InputError, match="cloudiness of 2024-06-15 is not known") as error:
        plan_water(asked)
    assert "dates.csv" in str(error.value)
    assert not (tmp_path / "run").exists()
    (images / "dates.csv").write_text(f"{table}S2A_20240615.tif,2024-06-15,12\n")
    dates = run(images, tmp_path / "run", weights="cloud").result.to_dict()["dates"]
    assert [d["cloud_percent"] for d in dates] == [4, 12]
