"""The best estimate of a whole place leads, inside its interval; of what nobody imaged is none."""

import csv

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from obriy.cli.show import Screen
from obriy.cli.show_area import km2, whatever, whole
from obriy.model.result.water import Estimate
from obriy.outputs.report.first import figures
from obriy.render.text import text_of
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job
from test_water_command import write_image

SHAPE = (64, 80)
WATER = np.hypot(*(np.mgrid[: SHAPE[0], : SHAPE[1]] - np.array([[[32]], [[40]]]))) < 16
AREAS = st.floats(0, 1e5) | st.floats(0, 1e-3)


@given(parts=st.tuples(AREAS, AREAS, AREAS))
def test_as_printed_an_area_lies_in_its_interval(parts):
    low, middle, high = sorted(parts)
    printed = [float(km2(v).replace(",", "")) for v in (low, middle, high)]
    assert printed == sorted(printed)
    assert printed[2] > 0 or high == 0, "what is not nothing is not printed as nothing"
    text = text_of("en")
    shown = [float(text.area(v).split("\xa0")[0].replace(",", "")) for v in (low, middle, high)]
    assert shown == sorted(shown)
    assert shown[2] > 0 or high == 0


def headline(seen, expected, interval, bounds, unseen):
    return Estimate(area_km2=seen, expected_km2=expected, interval_km2=interval,
                    bounds_km2=bounds, unseen_share=unseen).estimate()  # fmt: skip


def test_the_words_of_the_terminal():
    head = headline(1.5389, 2.2019, (2.0002, 2.7075), (1.5389, 9.4368), 0.301)
    assert whole(head) == "2.202 km² (90% interval 2.000 to 2.708 km²)"
    assert whatever(head) == [
        "Whatever the unseen holds, from none of it water to all: 1.539 to 9.437 km²"
    ]
    assert whatever(head.model_copy(update={"unseen_share": 0.005})) == []
    dry = headline(0.0, 0.0, (0.0, 4.75e-5), (0.0, 0.0), 0.0)
    assert whole(dry) == "0.00 km² (90% interval 0.00 to 0.000048 km²)"
    none = headline(1.5389, None, None, (1.5389, 9.4368), 0.301)
    assert whole(none) == "1.539 km² seen; too little was seen to estimate the whole"


def test_an_estimate_of_a_place_that_was_mostly_unseen_says_so_in_words():
    head = headline(2219.0, 30957.0, (1740.0, 56363.0), (1740.0, 56363.0), 0.928)
    told = "Only 7.2% of the place was seen: the figure supposes that the rest is like that part"
    assert head.model_dump()["caution"].startswith(told)
    assert whatever(head)[0].startswith(told)
    assert whatever(head, text=text_of("uk"))[0].startswith(
        "Видно лише 7,2\N{NO-BREAK SPACE}% місця"
    )
    assert figures(text_of("en"), "Water", head, "image").says[0].startswith(told)
    assert not headline(2.0, 3.0, (2.0, 4.0), (2.0, 4.0), 0.5).caution, "half was seen"
    assert not headline(2.0, None, None, (2.0, 9.0), 0.9).caution, "supposes nothing"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """An image by itself, and the same among the dates of a season."""
    folder = tmp_path_factory.mktemp("images")
    for day in ("05", "25"):
        write_image(folder / f"S2B_202506{day}.tif", WATER)
    return folder


def districts(path, west, east):
    """A district from so many metres east of the image's western edge to so many."""
    shape = shapely.box(500_000 + west, 5_200_000 - 640, 500_000 + east, 5_200_000)
    frame = geopandas.GeoDataFrame({"name": ["North"]}, geometry=[shape], crs="EPSG:32636")
    frame.to_file(path)
    return str(path)


def run_of(job, images, out, aoi):
    one = str(images / "S2B_20250605.tif")
    values = {
        "image": (WaterConfig, {"source": one, "method": "ndwi:0.05", "outputs": ["mask"]}),
        "series": (WaterConfig, {"source": str(images), "method": "ndwi:0.05",
                                 "outputs": ["mask"]}),
        "landcover": (LandcoverConfig, {"source": one, "clusters": 2, "rounds": 0,
                                        "outputs": ["landcover"]}),
        "ice": (IceConfig, {"sources": [one], "method": "NDSI:0.4", "outputs": ["map"]}),
    }  # fmt: skip
    kind, own = values[job]
    return run_job(make_config(kind, own | {"aoi": aoi, "out": out}))


def estimates(result):
    """All best estimates and intervals of a result, of districts and of dates."""
    rows = [result, *result.get("dates", []), *result["districts"], *result.get("areas", [])]
    return [row[name] for row in rows for name in ("expected_km2", "interval_km2") if name in row]


@pytest.mark.parametrize("job", ["image", "series", "landcover", "ice"])
def test_a_district_mostly_outside_the_image_has_no_estimate(job, images, tmp_path, capsys):
    # 80 of 920 m lie in the image: 91.3 % of the district are outside.
    run = run_of(job, images, tmp_path / "run", districts(tmp_path / "d.gpkg", 720, 1640))
    assert not run.complete
    assert [(one.kind, one.name) for one in run.result.failed] == [("district", "North")]
    assert set(estimates(run.result.to_dict())) <= {None}
    warning = "North: there is no picture of 91.3% of it: its whole is not estimated."
    assert warning in run.result.warnings
    Screen(quiet=False).summary(run.result)
    assert warning in capsys.readouterr().out


@pytest.mark.parametrize("job", ["image", "series", "landcover", "ice"])
def test_a_district_partly_outside_is_estimated_and_says_so(job, images, tmp_path, capsys):
    run = run_of(job, images, tmp_path / "run", districts(tmp_path / "d.gpkg", 200, 1000))
    assert run.complete
    found = estimates(run.result.to_dict())
    assert None not in found
    warning = "North: 25.0% of it lies outside the image."
    assert warning in run.result.warnings
    Screen(quiet=False).summary(run.result)
    assert warning in capsys.readouterr().out


def test_the_tables_lead_with_the_estimate_and_have_the_bounds(images, tmp_path):
    aoi = districts(tmp_path / "d.gpkg", 0, 1000)  # a fifth of it outside
    for job, name in (("image", "areas.csv"), ("series", "series.csv"), ("ice", "ice.csv")):
        run = run_of(job, images, tmp_path / job, aoi)
        with (run.folder / name).open() as file:
            row = next(csv.DictReader(file))
        order = [key for key in row if key in ("expected_km2", "area_km2", "ice_km2")]
        assert order[0] == "expected_km2"
        seen = float(row["ice_km2" if job == "ice" else "area_km2"])
        assert float(row["low_km2"]) <= float(row["expected_km2"]) <= float(row["high_km2"])
        assert float(row["bound_low_km2"]) == pytest.approx(seen, rel=0.2)
        assert float(row["bound_low_km2"]) <= float(row["low_km2"])
        assert float(row["bound_high_km2"]) >= float(row["high_km2"])
        assert float(row["bound_high_km2"]) == pytest.approx(seen + 0.128 / 0.9996**2, rel=0.15)
        assert run.result.dates[0].bounds_km2[0] == float(row["bound_low_km2"])
