"""What nouns show of themselves in a notebook, and the example notebooks."""

import base64
import dataclasses
import io
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image
from tests.conftest import utm_grid
from tests.terminal import HANG_S

import obriy
from obriy.errors import EmptyResultError, MissingExtraError
from obriy.model.areas import Area, AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import Legend, LegendClass, load_legend
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import run_water

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))
SHOWN = Path(__file__).parents[1] / "build" / "examples"
RESULTS = sorted((Path(__file__).parent / "results_of_version_1").glob("*.json"))
EVIL = "<script>alert('x')</script>"
WATER = load_legend("water")


def class_map(labels, *, legend=WATER, crs="EPSG:32636", **parts):
    """A map of codes, on a grid of 10 m pixels."""
    labels = np.asarray(labels, "uint8")
    grid = utm_grid(labels.shape) if crs else GeoBox(labels.shape, Affine.identity(), None)

    def layer(values):
        return xr.DataArray(np.asarray(values, "uint8"), coords_of(grid), ("y", "x"))

    layers = {name: layer(values) for name, values in parts.items()}
    return ClassMap(layer(labels), legend, time="2025-06-05", **layers)


def pictures(page):
    """Return the pictures in a piece of HTML."""
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def area(date, km2, interval, **changes):
    fields = {
        "district": "image", "date": date, "mask_km2": km2, "fraction_km2": None,
        "district_km2": 10.0, "outside_share": 0.0, "unseen_share": 0.25,
        "unseen": {"cloud": 0.25}, "expected_km2": km2 + 1, "interval_km2": interval,
    }  # fmt: skip
    return Area(**(fields | changes))


SERIES = AreaSeries(
    "water", (area("2025-06-05", 2.0, (2.5, 3.75)), area("2025-07-03", 1.0, (1.25, 2.5)))
)


def test_a_map_shows_its_picture_and_how_much_is_what():
    labels = [[2, 2, 1, 1], [2, 2, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]]
    page = class_map(labels)._repr_html_()
    (picture,) = pictures(page)
    assert picture.shape == (4, 4, 4)
    colours = {c.name: tuple(bytes.fromhex(c.colour[1:])) for c in WATER}
    assert tuple(picture[0, 0]) == (*colours["water"], 255)
    assert tuple(picture[0, 3]) == (*colours["not_water"], 255)
    assert picture[3, 0, 3] == 0
    assert all(c.colour in page and c.called("en") in page for c in WATER)
    assert "25.0%" in page
    assert "50.0%" in page
    assert "2025-06-05" in page
    assert "EPSG:32636" in page
    assert "Share of the map" in page  # no data and clouds have shares of it too


def test_names_are_text_and_never_markup():
    legend = Legend("own", (LegendClass(1, EVIL, {"en": EVIL}, "#aa0000"),))
    shown = class_map([[1, 1], [1, 1]], legend=legend)
    series = dataclasses.replace(
        SERIES,
        class_name=EVIL,
        areas=(area(None, 1.0, None, district=EVIL), area(None, 1.0, None, district="b")),
    )
    scores = obriy.evaluate(shown, shown)
    moving = obriy.explore(dataclasses.replace(shown, time=EVIL))
    said = [layer.name for layer in moving.layers]
    said += [getattr(getattr(c, "widget", None), "value", "") for c in moving.controls]
    for page in (shown._repr_html_(), series._repr_html_(), scores._repr_html_(), *said):
        assert "<script" not in str(page)
    assert "&lt;script&gt;" in shown._repr_html_()
    assert "&lt;script&gt;" in str(said)


def test_a_map_of_nothing_says_so():
    page = class_map(np.zeros((3, 3)))._repr_html_()
    assert pictures(page)[0][..., 3].max() == 0
    assert class_map(np.zeros((3, 3))).plot()._repr_png_()[0].startswith(b"\x89PNG")
    assert len(class_map(np.zeros((3, 3))).to_geodataframe()) == 0


def test_a_map_without_a_crs_lies_in_a_plane():
    shown = class_map([[1, 2, 2], [1, 2, 2]], crs=None)
    assert "no CRS" in shown._repr_html_()
    moving = obriy.explore(shown)
    assert moving.crs["name"] == "Simple"
    assert moving.layers[0].bounds == [(0.0, 0.0), (2.0, 3.0)]
    frame = shown.to_geodataframe()
    assert frame.crs is None
    assert frame["area_ha"].isna().all()


def test_a_large_map_is_made_small_before_it_is_shown():
    labels = np.ones((4000, 3000), "uint8")
    labels[:2000] = 2
    shown = class_map(labels)
    assert max(pictures(shown._repr_html_())[0].shape) <= 320
    overlay = obriy.explore(shown).layers[0]
    assert max(pictures(overlay.url)[0].shape) < 2500


def test_a_map_lies_where_its_crs_says():
    shown = class_map(np.full((10, 10), 2))  # from 500 km east: the middle meridian of zone 36
    (south, west), (north, east) = obriy.explore(shown).layers[0].bounds
    assert west == pytest.approx(33, abs=2e-4)
    assert east > west
    assert north > south
    # 5,200,000 m of UTM north of the equator are 46.95 degrees (tables of GRS80)
    assert north == pytest.approx(46.95, abs=0.01)


def test_series_shows_dates_with_intervals_and_what_was_not_seen():
    page = SERIES._repr_html_()
    for words in ("2025-06-05", "2025-07-03", "3.000", "2.500–3.750", "25.0%"):
        assert words in page
    frame = SERIES.to_dataframe()
    assert frame["low_km2"].tolist() == [2.5, 1.25]
    assert frame["unseen_cloud"].tolist() == [0.25, 0.25]
    assert frame["date"].dt.month.tolist() == [6, 7]
    figure = SERIES.plot(lang="uk")
    assert len(figure.axes) == 2  # the areas, and what was unseen under them
    png, look = figure._repr_png_()
    assert Image.open(io.BytesIO(png)).width > look["width"] > 300


def test_scores_show_what_they_are_worth():
    shown = class_map([[2, 2], [1, 1]])
    scores = obriy.evaluate(shown, np.array([[2, 1], [1, 1]], "uint8"))
    page = scores._repr_html_()
    assert "0.750" in page  # 3 of 4 pixels
    frame = scores.to_dataframe()
    water = frame[(frame["class"] == "water") & (frame["edges"] == "with")]
    assert water.set_index("measure")["value"]["precision"] == 0.5


def test_layers_as_a_dataset_mean_what_they_say():
    shown = class_map([[2, 1]], fraction=[[100, 255]], unseen=[[0, 2]])
    layers = shown.to_xarray()
    assert layers["fraction"].dtype == "float32"
    np.testing.assert_allclose(layers["fraction"], [[0.5, np.nan]])
    assert layers["labels"].attrs["flag_meanings"].split() == ["not_water", "water"]
    assert layers["labels"].attrs["flag_values"].tolist() == [1, 2]
    assert layers.odc.crs == shown.geobox.crs


def test_patches_as_polygons():
    frame = class_map([[2, 2, 1], [2, 2, 1]]).to_geodataframe()
    assert dict(zip(frame["class"], frame.area, strict=True)) == {
        "water": 400.0,
        "not_water": 200.0,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of water on a simulated scene."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    run_water(WaterConfig(source="simulated:?size=64", out=folder))
    return folder


def test_a_result_shows_its_headline_and_its_maps(run, tmp_path):
    result = obriy.read_result(run)
    page = result._repr_html_()
    assert "its 90% interval" in page
    assert "best estimate for the whole image, 2023-06-15" in page
    row = result.to_dataframe().iloc[0]
    assert row["low_km2"] == result.headline.interval_km2[0]
    moved = run.rename(tmp_path / "moved")
    try:
        names = [layer.name for layer in obriy.explore(moved).layers]
        assert len(names) == 4
        assert all(name.startswith("2023-06-15") for name in names)
        with pytest.raises(EmptyResultError, match="folder"):
            obriy.explore(result)
    finally:
        moved.rename(run)
    moving = obriy.explore(result)
    assert all(type(layer).__name__ == "ImageOverlay" for layer in moving.layers)  # no address
    assert [layer.visible for layer in moving.layers] == [True, False, False, False]


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_results_of_every_job_show_and_tabulate_themselves(file):
    result = obriy.read_result(file)
    page, table = result._repr_html_(), result.to_dataframe()
    if result.job.startswith("train"):
        assert table.empty
        return
    assert len(table) > 0
    assert page.count("<tr>") >= 2  # titles, and a row beneath them
    if result.headline is not None:
        assert 'class="figure"' in page
    if hasattr(result, "plot"):
        assert len(result.plot().axes) == 2 * table["district"].nunique()


def test_the_headline_of_land_cover_is_its_largest_class():
    (file,) = (file for file in RESULTS if file.stem.startswith("landcover"))
    result = obriy.read_result(file)
    page = " ".join(result._repr_html_().split())
    title = load_legend(result.legend).by_name(result.headline.what).called("en")
    assert re.search(rf'class="figure"[^/]*km²[^/]*</[^/]*{title}', page)
    assert "too little" not in page


def test_a_basemap_is_the_one_whose_address_was_given():
    shown = class_map([[1, 2]])
    assert (
        obriy.explore(shown, basemap="http://127.0.0.1/{z}/{x}/{y}")
        .layers[0]
        .url.startswith("http://127.0.0.1/")
    )


def test_without_the_extra_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipyleaflet", None)
    with pytest.raises(MissingExtraError, match=r"notebook\]"):
        obriy.explore(class_map([[1, 2]]))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_example_notebooks_run(file, tmp_path):
    import nbclient
    import nbformat

    notebook = nbformat.read(file, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)  # stripped
    where = {"metadata": {"path": tmp_path}}
    client = nbclient.NotebookClient(
        notebook, timeout=HANG_S, startup_timeout=HANG_S, kernel_name="python3", resources=where
    )
    with tempfile.TemporaryDirectory() as sockets:  # a port may be taken before the kernel has it
        manager = client.create_kernel_manager()
        manager.transport, manager.ip = "ipc", f"{sockets}/kernel"
        client.execute()
    SHOWN.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, SHOWN / file.name)  # the site shows it
    shown = [kind for cell in cells for one in cell.outputs for kind in one.get("data", {})]
    assert {"text/html", "image/png"} <= set(shown)
    moves = any("obriy.explore(" in cell.source for cell in cells)
    assert ("application/vnd.jupyter.widget-view+json" in shown) == moves
    assert not [one for cell in cells for one in cell.outputs if one.output_type == "stream"]


def test_there_are_example_notebooks():
    assert {file.stem for file in EXAMPLES} >= {
        "reservoir", "flood", "landcover_panel", "ice_winter", "own_method",
    }  # fmt: skip
    assert any("obriy.explore(" in file.read_text("utf-8") for file in EXAMPLES)
