"""Legends from files and maps, and maps of any legend."""

import json

import numpy as np
import pytest
import rasterio
import xarray as xr

from conftest import utm_grid
from obriy.errors import BandError, InputError, SourceError, UnknownNameError
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of, geobox_of
from obriy.model.legend import Legend, LegendClass, load_legend
from obriy.outputs.cog import legend_json, write_class_map
from obriy.sources.class_map import open_class_map
from obriy.sources.legends import LEGENDS, legend_from_tag, open_legend
from obriy.sources.reference import open_reference, reference_from_band
from obriy.sources.scene import open_scene
from obriy.workflows.evaluation import evaluate, evaluate_files, reference_from_file
from obriy.workflows.sampling import draw_sample, evaluate_sample

MINE = Legend(
    "mine",
    (
        LegendClass(3, "reeds", {"en": "Reeds", "uk": "Очерет"}, "#123456"),
        LegendClass(7, "water", {"en": "Water", "uk": "Вода"}, "#0000ff"),
    ),
    "test",
)


def write(path, values, grid=None, *, nodata=None, tags=None, names=(), crs=True):
    values = np.atleast_3d(np.asarray(values))
    values = np.moveaxis(values, -1, 0) if values.shape[-1] == 1 else values
    grid = grid or utm_grid(values.shape[1:])
    with rasterio.open(
        path, "w", driver="GTiff", count=len(values), dtype=values.dtype, nodata=nodata,
        height=values.shape[1], width=values.shape[2], transform=grid.affine,
        crs=grid.crs.to_wkt() if grid.crs and crs else None,
    ) as dataset:  # fmt: skip
        dataset.write(values)
        dataset.update_tags(1, **(tags or {}))
        for number, name in enumerate(names, 1):
            dataset.set_band_description(number, name)
    return path


def bytes_of(values):
    return np.array(values, "uint8")


@pytest.mark.parametrize("name", LEGENDS)
def test_legends_by_name(name):
    assert open_legend(name) == load_legend(name)


def test_a_legend_that_is_none(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'worldcover'") as caught:
        open_legend("worldcovr")
    assert ".csv" in caught.value.hint
    with pytest.raises(SourceError, match="There is no file"):
        open_legend(str(tmp_path / "none.toml"))


def test_a_toml_file(tmp_path):
    file = tmp_path / "fields.toml"
    file.write_text(
        'name = "fields"\n'
        '[[classes]]\ncode = 7\nname = "maize"\ntitle = { en = "Maize", uk = "Кукурудза" }\n'
        'colour = "#FFCC00"\ndefinition = "Tall annual crop."\n'
        '[[classes]]\ncode = 2\nname = "bare_soil"\n'
    )
    legend = open_legend(str(file))
    assert (legend.name, legend.codes) == ("fields", [2, 7])
    soil, maize = legend.classes
    assert maize.title == {"en": "Maize", "uk": "Кукурудза"}
    assert (maize.colour, maize.definition) == ("#ffcc00", "Tall annual crop.")
    assert soil.title == {"en": "Bare soil", "uk": "Bare soil"}
    assert soil.colour.startswith("#")
    assert soil.colour != maize.colour


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_csv_file(tmp_path, mark):
    file = tmp_path / "crops.csv"
    rows = [["Code", "Name", "title_uk", "colour"], ["1", "wheat", "Пшениця", "#aabbcc"],
            ["2", "rape", "", ""]]  # fmt: skip
    file.write_text("\ufeff" + "\n".join(mark.join(row) for row in rows), encoding="utf-8")
    legend = open_legend(str(file))
    assert legend.name == "crops"
    assert legend.classes[0].title == {"en": "Пшениця", "uk": "Пшениця"}
    assert legend.classes[0].colour == "#aabbcc"
    assert legend.classes[1].title["uk"] == "Rape"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("code,name\n0,sea\n", "line 2: '0' is no class code"),
        ("code,name\n1,sea\n1,land\n", "a code stands twice"),
        ("code,name\n1,sea\n2,sea\n", "the name 'sea' stands twice"),
        ("code,name\n1,\n", "line 2 has no name"),
        ("code,name\n1,unknown\n", "no name of its own"),
        ("code,name,colour\n1,sea,blue\n", "'blue' is no colour"),
        ("code,name,colr\n1,sea,#000000\n", "'colr' is no field"),
        ("code,title\n1,sea\n", "no column 'name'"),
        ("code,name\n", "has no classes"),
        ("code,name\n1.5,sea\n", "'1.5' is no class code"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, text, says):
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        open_legend(str(file))
    assert caught.value.hint


def test_what_is_wrong_with_a_toml_file(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text("name = ")
    with pytest.raises(SourceError, match="not TOML"):
        open_legend(str(file))
    file.write_text('name = "x"')
    with pytest.raises(InputError, match="has no classes"):
        open_legend(str(file))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SourceError, match="UTF-8"):
        open_legend(str(file))


def test_a_tag_of_ours_and_of_others():
    assert legend_from_tag(legend_json(MINE)).classes == MINE.classes
    assert legend_from_tag(legend_json(load_legend("igbp"))) == load_legend("igbp")
    assert legend_from_tag(None) is None
    assert legend_from_tag('{"0": "seen"}') is None
    assert legend_from_tag(json.dumps({"classes": [{"code": 0, "name": "nothing"}]})) is None
    bare = legend_from_tag(json.dumps({"classes": [{"code": 1, "name": "open_water"}]}))
    assert bare.classes[0].title["en"] == "Open water"


@pytest.mark.parametrize("legend", [MINE, *(load_legend(n) for n in (*LEGENDS, "main"))])
def test_our_maps_come_back_with_their_legend(tmp_path, legend):
    grid = utm_grid((2, 3))
    codes = bytes_of([[legend.codes[0], legend.codes[1], 0], [255, *legend.codes[-2:]]])
    labels = xr.DataArray(codes, coords_of(grid), ("y", "x"))
    path = write_class_map(ClassMap(labels, legend), tmp_path)["mask"]
    opened = open_class_map(path)
    assert opened.legend.classes == legend.classes
    assert opened.legend.name == legend.name
    np.testing.assert_array_equal(opened.labels, codes)
    # What a map would not name is wrong; of a reference it says nothing.
    truth = xr.DataArray(np.full_like(codes, legend.codes[0]), coords_of(grid), ("y", "x"))
    assert sum(evaluate(opened, truth).unnamed) == 1
    assert open_reference(path, grid, target=legend).labels[1, 0] == 0


def test_a_foreign_raster_is_recognised_by_its_values(tmp_path):
    cover = write(tmp_path / "cover.tif", bytes_of([[10, 80, 70, 0]]), nodata=0)
    opened = open_class_map(cover)
    assert opened.legend.name == "worldcover"
    np.testing.assert_array_equal(opened.labels, [[10, 80, 70, 0]])
    water = open_class_map(write(tmp_path / "mask.tif", bytes_of([[0, 1, 255, 1]])))
    assert water.legend.name == "water"
    np.testing.assert_array_equal(water.labels, [[1, 2, 0, 2]])
    # As a reference of a map of water, it is water, as ever.
    reference = open_reference(cover, opened.geobox)
    assert reference.legend.name == "water"
    np.testing.assert_array_equal(reference.labels, [[1, 2, 0, 0]])
    world = open_class_map(
        write(tmp_path / "dw.tif", bytes_of([[0, 8, 255, 4]])), legend="dynamic_world_raw"
    )
    np.testing.assert_array_equal(world.labels, [[1, 9, 0, 5]])
    assert world.legend.name == "dynamic_world"


def test_files_of_two_legends(tmp_path):
    world = write(tmp_path / "a.tif", bytes_of([[2, 5, 1, 4]]),
                  tags={"legend": legend_json(load_legend("dynamic_world"))})  # fmt: skip
    cover = write(tmp_path / "b.tif", bytes_of([[10, 30, 80, 95]]), nodata=0)
    scores = evaluate_files(world, str(cover))
    assert scores.legend == "dynamic_world"
    assert scores.overall_accuracy == pytest.approx(3 / 4)  # grass is not crops; mangroves fit
    assert "wetland, mangroves → flooded_vegetation" in scores.notes[-1]
    assert scores.merged.overall_accuracy == 1  # of Dynamic World both are low vegetation
    back = evaluate_files(cover, str(world))
    assert (back.legend, back.overall_accuracy) == ("dynamic_world", pytest.approx(3 / 4))
    simple = evaluate_files(cover, str(world), legend="simple")
    assert simple.legend == "simple"


def test_a_class_that_the_common_legend_lacks_is_wrong_in_the_map_alone(tmp_path):
    mask = write(tmp_path / "a.tif", bytes_of([[3, 7, 7, 3]]), tags={"legend": legend_json(MINE)})
    cover = write(tmp_path / "b.tif", bytes_of([[80, 80, 10, 10]]), nodata=0)
    scores = evaluate_files(mask, str(cover))
    # Reeds over water are wrong; trees are no class of "mine", so nothing is compared there.
    # What is left of the reference is water alone: a recall, and no accuracy.
    assert (scores.legend, scores.pixels, scores.overall_accuracy) == ("mine", 2, None)
    assert {c.name: c.recall for c in scores.classes if c.recall is not None} == {"water": 0.5}
    assert "tree_cover" in scores.notes[-2]
    other = evaluate_files(cover, str(mask))
    assert (other.legend, other.pixels) == ("worldcover", 2)
    assert next(c.recall for c in other.classes if c.name == "water") == pytest.approx(1 / 2)


def test_a_finer_land_cover_reference_gives_its_most_frequent_class(tmp_path):
    fine = np.full((6, 6), 40, "uint8")
    fine[:3, :3] = [[80, 10, 10], [10, 80, 10], [80, 80, 10]]  # five of nine are trees
    fine[3:, :3] = [[0, 0, 0], [0, 30, 0], [0, 0, 0]]  # no data is no class
    fine[:3, 3:] = 0
    path = write(tmp_path / "fine.tif", fine, utm_grid((6, 6), 10.0), nodata=0)
    grid = utm_grid((2, 2), 30.0)
    cover = load_legend("worldcover")
    reference = open_reference(path, grid, target=cover)
    np.testing.assert_array_equal(reference.labels, [[10, 0], [30, 40]])
    assert "The class of most reference pixels is taken; it is finer, 3.0" in reference.notes[1]
    nearest = open_reference(path, grid)  # for water: the pixel in the middle, as ever
    np.testing.assert_array_equal(nearest.labels, [[2, 0], [1, 1]])
    # The same of a map in memory.
    labels = xr.DataArray(fine, coords_of(utm_grid((6, 6), 10.0)), ("y", "x"))
    mine = ClassMap(
        xr.DataArray(bytes_of([[10, 10], [30, 40]]), coords_of(grid), ("y", "x")), cover
    )
    scores = evaluate(mine, ClassMap(labels, cover))
    assert (scores.pixels, scores.overall_accuracy) == (3, 1)


def test_a_coarser_reference_gives_its_nearest_pixel(tmp_path):
    path = write(tmp_path / "a.tif", bytes_of([[10, 80]]), utm_grid((1, 2), 30.0), nodata=0)
    reference = open_reference(path, utm_grid((3, 6), 10.0), target=load_legend("worldcover"))
    np.testing.assert_array_equal(reference.labels, [[10, 10, 10, 80, 80, 80]] * 3)
    assert "nearest pixel" in reference.notes[1]


@pytest.mark.parametrize("crs", [True, False])
def test_a_band_of_the_image_itself(tmp_path, crs):
    values = np.stack([np.full((3, 4), 500), np.full((3, 4), 2000), np.full((3, 4), 10)])
    values[2, 0] = 80
    path = write(
        tmp_path / "scene.tif", values.astype("int16"), names=("green", "nir", "esa_worldcover"),
        crs=crs,
    )  # fmt: skip
    scene = open_scene(path, bands="green,nir,-", scale=1e-4)
    grid = geobox_of(scene)
    for name in ("esa_worldcover", "ESA_WorldCover", "3"):
        reference = reference_from_band([str(path)], name, grid)
        np.testing.assert_array_equal(reference.labels, values[2])
        assert reference.legend.name == "worldcover"
    part = reference_from_band([str(path)], "3", grid[1:, 1:3])
    np.testing.assert_array_equal(part.labels, values[2, 1:, 1:3])
    found = reference_from_file("band:esa_worldcover", scene, mapped=load_legend("simple"))
    assert (found.legend.name, found.independent) == ("worldcover", True)
    water = reference_from_file("band:esa_worldcover", scene)
    np.testing.assert_array_equal(water.labels, np.where(values[2] == 80, 2, 1))
    with pytest.raises(BandError, match="no band 'worldcover'") as caught:
        reference_from_band([str(path)], "worldcover", grid)
    assert "green, nir, esa_worldcover" in caught.value.hint


def test_a_product_says_how_good_it_is(tmp_path):
    grid = utm_grid((1, 2))
    values = bytes_of([[10, 80]])
    accuracies = {
        "ESA_WorldCover_10m_2021_v200_N48E030_Map.tif": [0.767],
        "worldcover2020.tif": [0.744],
        "cover.tif": [0.744, 0.767],
    }
    for name, expected in accuracies.items():
        reference = open_reference(
            write(tmp_path / name, values, grid), grid, target=load_legend("worldcover")
        )
        assert reference.accuracy["product"] == "ESA WorldCover"
        assert [v["overall_accuracy"] for v in reference.accuracy["versions"]] == expected
    mask = write(tmp_path / "mask.tif", bytes_of([[0, 1]]), grid)
    assert open_reference(mask, grid).accuracy is None


@pytest.mark.realdata
def test_worldcover_of_an_island_as_a_map(realdata):
    folder = realdata / "worldcover_saotome"
    old, new = (folder / f"ESA_WorldCover_{v}_saotome.tif" for v in ("2020_v100", "2021_v200"))
    opened = open_class_map(new)
    assert opened.legend.name == "worldcover"
    corner = ClassMap(opened.labels.isel(y=slice(2000, 3000), x=slice(1500, 2500)), opened.legend)
    scores = evaluate(corner, old)
    assert scores.legend == "worldcover"
    assert 0.5 < scores.overall_accuracy < 1
    assert scores.merged.overall_accuracy >= scores.overall_accuracy


def test_a_sample_of_land_cover_has_a_stratum_for_each_class(tmp_path):
    labels = np.repeat(np.array([10, 40, 80, 255], "uint8"), 100).reshape(20, 20)
    path = write(tmp_path / "map.tif", labels, tags={"legend": legend_json(load_legend("simple"))})
    with pytest.raises(InputError, match="value 10"):  # the file says that it is something else
        draw_sample(path, tmp_path / "none", size=30)
    write(path, labels, tags={"legend": legend_json(load_legend("worldcover"))})
    drawn = draw_sample(path, tmp_path / "sample", size=30)
    assert [(s.name, s.pixels) for s in drawn.design.strata] == [
        ("tree_cover", 100), ("cropland", 100), ("water", 100),
    ]  # fmt: skip
    assert drawn.design.unnamed_m2 == pytest.approx(10_000, rel=1e-3)
    sheet = drawn.files["sheet"]
    lines = sheet.read_text().splitlines()
    words = ["Деревна рослинність", "40", "water"]
    filled = [line + words[i % 3] for i, line in enumerate(lines[1:])]
    sheet.write_text("\n".join([lines[0], *filled]), encoding="utf-8")
    estimate = evaluate_sample(sheet)
    assert {c.name for c in estimate.classes} == {"tree_cover", "cropland", "water"}


@pytest.mark.realdata
def test_two_ways_to_the_most_frequent_class_agree(realdata):
    path = realdata / "worldcover_saotome" / "ESA_WorldCover_2021_v200_saotome.tif"
    grid = utm_grid((300, 300), 60.0, (220_000.0, 40_000.0), "EPSG:32632")
    reference = open_reference(path, grid, target=load_legend("worldcover"))
    assert "it is finer, 6." in reference.notes[1]
    fine = open_class_map(path)
    itself = ClassMap(reference.labels.load(), reference.legend)
    scores = evaluate(itself, fine)
    assert scores.pixels == 300 * 300
    assert scores.overall_accuracy > 0.985  # pixels that lie across an edge are shared otherwise
