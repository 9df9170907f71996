"""Clouds of a map of ice whose method knows none: who tells them, and what if nobody does."""

import csv
import json

import numpy as np
import pytest
import xarray as xr

import obriy
from ice_scenes import run_in_blocks, small_sea
from obriy.measures.composite import composite
from obriy.measures.concentration import concentration
from obriy.measures.ice import measure_ice
from obriy.measures.ice_season import seasons_of
from obriy.measures.totals import total_ice
from obriy.methods.ice.network import NetworkIce
from obriy.methods.ice.spec import ICE_METHODS, parse_ice_method, with_clouds
from obriy.model.card import Card
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.ice import BANDS, CLOUD, ICE, WATER
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.nets.networks import PlainNetwork
from obriy.render.ice_series import ice_series_figure
from obriy.render.multiples import seen_caption
from obriy.render.text import text_of
from obriy.render.timeline import unseen_of
from obriy.simulate.ice.folder import simulate_ice_folder
from obriy.simulate.ice.frame import area_grid
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.jobs import run_job
from test_water_command import obriy as command

SHAPE = 60, 90
TESTS = ("ndsi", "ndsii2", "mod10", "mod29", "green:0.2", "nir:otsu", "NDSI:0.4")


def sea(flags=None, bands=BANDS, record=None):
    """The small sea as a Scene, in degrees; returns it with its truth."""
    truth, planes, land = small_sea(*SHAPE)
    layer = xr.Variable(("y", "x"), land if flags is None else flags, FLAG_ATTRS)
    variables = {name: xr.Variable(("y", "x"), planes[name]) for name in bands}
    grid = area_grid()[: SHAPE[0], : SHAPE[1]]
    record = record or Provenance()
    record = record.with_step("scaling", reflectance=True)
    return make_scene(variables, grid, sensor="modis_hkm", provenance=record, flags=layer), truth


def by_of(found):
    return (found.provenance.step("clouds") or {}).get("by")


def warned(found):
    return " ".join(map(str, found.provenance.warnings))


@pytest.mark.parametrize("name", TESTS)
def test_clouds_of_auto_stand_beside_a_test_that_knows_none(name):
    scene, truth = sea()
    bare = obriy.map_ice(scene, name, clouds="none")
    assert not (bare.labels == CLOUD).any()
    found = obriy.map_ice(scene, name)
    assert (found.labels.values[truth == CLOUD] == CLOUD).mean() > 0.95
    clear = (truth == WATER) | (truth == ICE)
    same = found.labels.values[clear] == bare.labels.values[clear]
    assert same.mean() > 0.98
    assert (found.unseen.values[found.labels.values == CLOUD] != 0).all()
    assert (by_of(found), by_of(bare)) == ("auto", "the user: the sky was clear")
    assert "what auto finds to be cloud" in warned(found)
    assert "takes the sky for clear" in warned(bare)
    assert found.provenance.step("ice")["decision"]["clouds"]["by"] == "auto"


def echo():
    """A network that gives the reflectance of red as the probability of ice."""
    card = Card("m201", ("red",), load_legend("ice"), ("ice",), ("red",), (0.0,), (1.0,))
    return NetworkIce(PlainNetwork(ICE_METHODS.get("m201").model, lambda x: x, card), "m201")


def test_ice_of_what_was_taught_stands_and_that_of_a_test_does_not():
    # Red is 0.62 in the cloud, half of which auto and both methods see; both say ice from 0.5 on.
    truth, bands, flags = small_sea(*SHAPE)
    cloud = truth == CLOUD
    dark = cloud & (np.arange(SHAPE[0])[:, None] < SHAPE[0] // 3)
    bands["red"][dark] = 0.45  # the same cloud, and no ice to either
    taught, _ = run_in_blocks(with_clouds(echo(), set(BANDS)), bands, flags, 200)
    test, _ = run_in_blocks(with_clouds(parse_ice_method("red:0.5"), set(BANDS)), bands, flags, 200)
    assert (taught["labels"][cloud & ~dark] == ICE).mean() > 0.95
    assert (test["labels"][cloud & ~dark] == CLOUD).mean() > 0.95
    for one in (taught, test):
        assert (one["labels"][dark] == CLOUD).mean() > 0.95


def test_clouds_teach_a_threshold_nothing():
    # Grey ice is 0.14 and water 0.03: between them lies the cut of what is no cloud, and with the
    # cloud of 0.63 above all of the ice.
    truth, bands, flags = small_sea(*SHAPE)
    for name in bands:
        bands[name] = np.where(truth == ICE, bands[name] / 5, bands[name])
    bare = parse_ice_method("nir:otsu")
    _, alone = run_in_blocks(bare, bands, flags, 200)
    _, beside = run_in_blocks(with_clouds(bare, set(BANDS)), bands, flags, 200)
    assert alone.tests[0].value > 0.144 > beside.own.tests[0].value > 0.03


@pytest.mark.parametrize("name", ["mod29", "nir:otsu"])
def test_any_cut_into_blocks_gives_the_same_map(name):
    _, bands, flags = small_sea()
    bands["green"][7, 40] = np.nan
    method = with_clouds(parse_ice_method(name), set(BANDS))
    whole, _ = run_in_blocks(method, bands, flags, 200)
    cut, _ = run_in_blocks(method, bands, flags, 37)
    assert CLOUD in whole["labels"]
    for layer in whole:
        np.testing.assert_array_equal(cut[layer], whole[layer])


def test_a_method_that_tells_clouds_stays_as_it_is():
    for name in ("auto", "watershed", "kmeans"):
        method = parse_ice_method(name)
        assert with_clouds(method, set(BANDS)) is method
    found = obriy.map_ice(sea()[0])
    assert by_of(found) == "auto"
    assert "auto" not in warned(found)


def test_a_cloud_mask_is_believed_alone():
    truth, _, land = small_sea(*SHAPE)
    masked = truth == CLOUD
    masked[:, SHAPE[1] // 2 :] = False
    flags = land.copy()
    flags[3, 50] |= Flag.CLOUD  # of open water
    record = Provenance().with_step("quality", table="mod09_state")
    found = obriy.map_ice(sea(flags, record=record)[0], "mod29")
    assert (found.labels.values == CLOUD).sum() == 1
    assert (by_of(found), found.clouds) == (None, "known")
    assert "clouds" not in found.provenance.step("ice")["decision"]
    # --clouds none takes neither.
    clear = obriy.map_ice(sea(flags, record=record)[0], "mod29", clouds="none")
    assert not (clear.labels == CLOUD).any()


def measured(found):
    dense = concentration(found)
    return measure_ice(found, None, date="2021-02-01", granules=["a"], concentration=dense)[0]


@pytest.mark.parametrize(("name", "bands"), [
    ("green:0.2", ("green",)), ("auto", ("red", "nir", "blue", "green")), ("ndsi", BANDS),
])  # fmt: skip
def test_where_nothing_tells_clouds_nothing_is_estimated(name, bands):
    found = obriy.map_ice(sea(bands=bands)[0], name)
    area = measured(found)
    known = bands == BANDS
    assert found.clouds == area.clouds == ("known" if known else "unknown")
    assert ("Nothing tells cloud from ice" in warned(found)) is not known
    for figure in (area.expected_km2, area.interval_km2, area.bounds_km2):
        assert (figure is not None) is known
    assert area.ice_km2 > 0
    # Of the user's word that the sky was clear an estimate can be made.
    if not known:
        clear = measured(obriy.map_ice(sea(bands=bands)[0], name, clouds="none"))
        assert clear.clouds == "known"
        assert clear.interval_km2 is not None


def test_one_image_without_known_clouds_is_enough_for_the_day():
    known = obriy.map_ice(sea()[0])
    unknown = obriy.map_ice(sea(bands=("green",))[0], "green:0.2")
    assert composite([known, unknown]).clouds == "unknown"
    assert composite([unknown, known]).clouds == "unknown"
    assert composite([known, known]).clouds == "known"
    areas = [measured(known), measured(unknown)]
    both = total_ice(areas)
    assert (both.clouds, both.interval_km2, both.bounds_km2) == ("unknown", None, None)
    assert seasons_of(areas[:1])
    assert not seasons_of(areas[1:])


@pytest.fixture(scope="module")
def winter(tmp_path_factory):
    """Cloudy dates of a simulated bay, with what is true of them."""
    folder = tmp_path_factory.mktemp("winter") / "bay"
    simulate_ice_folder(folder, dates=["2021-01-20", "2021-02-03", "2021-02-17"], seed=11)
    with (folder / "truth.csv").open() as file:
        return folder, {row["image"]: row for row in csv.DictReader(file)}


def mapped(folder, out, **options):
    values = {"sources": [str(folder)], "land": str(folder / "land.tif"), "out": out, **options}
    return run_job(make_config(IceConfig, values)).result.to_dict()


def test_a_winter_of_a_network_leaves_its_clouds_unseen(winter, tmp_path):
    folder, truth = winter
    options = {"method": "m201", "outputs": ["map"]}
    rows = mapped(folder, tmp_path / "auto", **options)["dates"]
    bare = mapped(folder, tmp_path / "none", clouds="none", **options)["dates"]
    assert max(float(truth[row["granule"]]["cloud_share"]) for row in rows) > 0.3
    for row, without in zip(rows, bare, strict=True):
        true = truth[row["granule"]]
        assert row["cloud_share"] == pytest.approx(float(true["cloud_share"]), abs=0.15)
        low, high = row["bounds_km2"]
        assert low <= float(true["ice_km2"]) <= high
        assert without["cloud_share"] == 0
        assert row["ice_km2"] == pytest.approx(without["ice_km2"])  # its ice stands
        assert row["clouds"] == "known"


@pytest.mark.parametrize(("lang", "auto", "clear"), [
    ("en", "what auto finds to be cloud", "takes the sky for clear"),
    ("uk", "те, що в ньому вважає хмарою auto", "вважає небо чистим"),
])  # fmt: skip
def test_the_report_says_who_told_the_clouds(winter, tmp_path, lang, auto, clear):
    folder, _ = winter
    image = next(folder.glob("2021-02-03*.tif"))
    for name, said, other in (("auto", auto, clear), ("none", clear, auto)):
        out = tmp_path / name
        done = command("ice", str(image), "--land", str(folder / "land.tif"), "--method", "mod29",
                       "--clouds", name, "--lang", lang, "--out", str(out))  # fmt: skip
        assert done.returncode == 0, done.stderr
        page = (out / "report.html").read_text(encoding="utf-8")
        assert said in page
        assert other not in page


def test_the_answer_says_that_clouds_are_unknown(winter, tmp_path):
    folder, _ = winter
    image = next(folder.glob("2021-02-03*.tif"))
    done = command("ice", str(image), "--bands", "blue,green,red,nir,-,-,-",
                   "--method", "green:0.2", "--land", str(folder / "land.tif"), "--out",
                   str(tmp_path / "run"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "unseen unknown" in done.stdout
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["headline"]["why"] == "clouds_unknown"
    assert result["headline"]["bounds_km2"] is None
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "ice seen; unseen: unknown" in page
    assert "all of the sea was seen" not in page.lower()


def test_pictures_of_a_winter_do_not_call_the_unknown_seen():
    unknown = measured(obriy.map_ice(sea(bands=("green",))[0], "green:0.2"))
    known = measured(obriy.map_ice(sea()[0]))
    for lang, word in (("en", "unknown"), ("uk", "невідомо")):
        text = text_of(lang)
        assert word in seen_caption(text, unknown.ice_km2, unknown)
        assert "%" in seen_caption(text, known.ice_km2, known)
        drawn = ice_series_figure([unknown, known], lang=lang)
        entries = [one.get_text() for legend in drawn.legends for one in legend.get_texts()]
        assert sum(word in entry for entry in entries) == 1
    assert unseen_of(unknown) == {"unknown": 1.0}
    assert unseen_of(known) == known.unseen


def test_each_image_says_who_told_its_clouds(tmp_path):
    folder = tmp_path / "bay"
    simulate_ice_folder(folder, dates=["2021-02-03", "2021-02-17"], seed=11, granules=True)
    first, second = sorted(folder.glob("*35_L2*"))
    first.unlink()
    values = {"sources": [str(folder)], "aoi": "peter-the-great-bay", "method": "mod29"}
    run = run_job(make_config(IceConfig, values | {"out": tmp_path / "run", "outputs": ["map"]}))
    told = list(run.result.provenance.step("clouds_by_image").values())[1:]
    assert [one.get("by") for one in told] == ["auto", None]
    assert told[1]["file"] == str(second)
