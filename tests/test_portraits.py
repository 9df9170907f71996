"""Portraits: what a labeller sees of a cluster, that no colour names it, on any scene."""

import dataclasses
import io
import itertools
import re
from datetime import date

import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from tests.conftest import utm_grid

from obriy.errors import GridError
from obriy.labelling.circumstances import about_scene, pixel_size, season_of
from obriy.labelling.facts import measure_clusters
from obriy.labelling.portraits import make_portraits
from obriy.labelling.wording import MOST_LETTERS, describe_cluster
from obriy.model.classmap import ClassMap
from obriy.model.clusters import NOISE, Answer, ClusterFacts, Naming, Spread, cluster_legend
from obriy.model.grid import coords_of, geobox_of
from obriy.model.legend import UNNAMED, Legend, load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.render import contact_sheet as contacts
from obriy.render.contact_sheet import contact_sheet
from obriy.render.places import typical_places
from obriy.render.spectra import reference_spectra, spread_apart
from obriy.render.text import text_of

SIX = ("blue", "green", "red", "nir", "swir16", "swir22")
COLOURS = re.compile(
    r"\b(red|reddish|green|greenish|blue|bluish|yellow|orange|purple|violet|pink|magenta|cyan|"
    r"brown|black|white|grey|gray|colou?r\w*|dark|bright|light)\b",
    re.IGNORECASE,
)


def _scene(shape=(60, 90), bands=SIX, geobox=None, seed=0):
    """A scene of three upright strips of unlike ground, with some noise."""
    rng = np.random.default_rng(seed)
    strips = np.arange(shape[1]) * 3 // shape[1]
    arrays = {
        name: (0.05 + 0.04 * (i + 1) * strips + rng.normal(0, 0.004, shape)).astype("float32")
        for i, name in enumerate(bands)
    }
    variables = {name: xr.Variable(("y", "x"), array) for name, array in arrays.items()}
    grid = geobox or utm_grid(shape)
    scene = make_scene(variables, grid, sensor="sentinel2_l2a", provenance=Provenance())
    return scene.assign_attrs(time="2020-06-01")


def _clusters(scene, numbers=(1, 2, 3), legend=None):
    shape = scene.sizes["y"], scene.sizes["x"]
    strips = np.broadcast_to(np.arange(shape[1]) * len(numbers) // shape[1], shape)
    labels = np.array(numbers, "uint8")[strips]
    labels[~np.isfinite(scene["green" if "green" in scene else "nir"].to_numpy())] = 0
    array = xr.DataArray(labels, dims=("y", "x"), coords=coords_of(geobox_of(scene)))
    return ClassMap(array, legend or cluster_legend(list(numbers)))


def _portraits(scene, clusters, **options):
    return make_portraits(scene, clusters, measure_clusters(scene, clusters), **options)


@pytest.fixture(scope="module")
def portraits():
    """Of the plain scene: most tests look at the same ones."""
    scene = _scene()
    return _portraits(scene, _clusters(scene))


def _picture(png):
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


def _look(portrait):
    return dict(portrait.pictures), portrait.text


def test_neither_number_nor_colour_of_a_cluster_is_seen(portraits):
    scene = _scene()
    other = Legend(
        "clusters",
        tuple(
            dataclasses.replace(c, colour=colour)
            for c, colour in zip(
                cluster_legend([7, 200, NOISE]), ("#ff0000", "#00ff00", "#0000ff"), strict=True
            )
        ),
    )
    turned = _clusters(scene, (200, NOISE, 7), other)
    before = {p.facts.id: _look(p) for p in portraits}
    after = {p.facts.id: _look(p) for p in _portraits(scene, turned)}
    assert (after[200], after[NOISE], after[7]) == (before[1], before[2], before[3])


def test_a_portrait_repeats_to_the_byte(portraits):
    scene = _scene()
    assert [_look(p) for p in _portraits(scene, _clusters(scene))] == [_look(p) for p in portraits]


def test_what_marks_the_cluster_is_grey(portraits):
    for portrait in portraits:
        assert list(portrait.pictures) == [
            "true_colour", "infrared", "legend", "mask", "outline", "places", "spectrum",
        ]  # fmt: skip
        for name in ("mask", "spectrum"):
            picture = _picture(portrait.pictures[name]).astype(int)
            assert np.ptp(picture, axis=2).max() == 0, name
        for name, png in portrait.pictures.items():
            assert max(_picture(png).shape) <= 768, name


def test_the_mask_shows_where_the_cluster_is():
    scene = _scene((40, 60))
    mask = _picture(_portraits(scene, _clusters(scene))[1].pictures["mask"])[..., 0]
    wide = mask.shape[1]
    assert mask.shape == (400, 600)  # enlarged by a whole number, to at most 640
    inside = np.zeros(wide, bool)
    inside[wide // 3 : 2 * wide // 3] = True
    frames = np.zeros(wide, bool)
    frames[230:370] = True  # of places, along the middle of the cluster
    assert mask[:, inside & ~frames].min() == 230  # 0.9 of 255
    assert mask[:, ~inside].max() < 130


def test_a_composite_shows_the_colours_of_the_ground():
    """Bare ground that reflects more at longer wavelengths is reddish, whatever else is there."""
    scene = _scene((30, 30))
    for name, level in (("blue", 0.06), ("green", 0.10), ("red", 0.16)):
        scene[name][:, 15:] = level
        scene[name][:, :15] = 0.02
    ground = _picture(_portraits(scene, _clusters(scene))[0].pictures["true_colour"])[5, -20]
    assert ground[0] > ground[1] + 30 > ground[2] + 60


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 5), (42, 24), (300, 1400)])
def test_any_size(shape):
    scene = _scene(shape)
    clusters = _clusters(scene, (1,) if shape == (1, 1) else (1, 2, 3))
    for portrait in _portraits(scene, clusters):
        for png in portrait.pictures.values():
            assert max(_picture(png).shape[:2]) <= 768


@pytest.mark.parametrize(
    ("bands", "pictures"),
    [
        (("green", "nir"), ["one_band"]),
        (("blue", "green", "red"), ["true_colour"]),
        (("green", "red", "nir08"), ["infrared"]),
        (("nir", "swir16"), ["one_band"]),
    ],
)
def test_the_bands_decide_what_can_be_shown(bands, pictures):
    scene = _scene((20, 30), bands)
    for portrait in _portraits(scene, _clusters(scene)):
        legend = [] if pictures == ["one_band"] else ["legend"]
        shown = [*pictures, *legend, "mask", "outline", "places", "spectrum"]
        assert list(portrait.pictures) == shown


def test_missing_pixels_are_hatched_and_nothing_else_changes():
    scene = _scene((40, 60))
    for name in SIX:
        scene[name][:20, :20] = np.nan
    portraits = _portraits(scene, _clusters(scene))
    for name in ("true_colour", "mask"):
        corner = _picture(portraits[1].pictures[name])[:190, :190]
        assert {tuple(pixel) for pixel in corner.reshape(-1, 3)} == {(107,) * 3, (148,) * 3}


def _map_of(share):
    """A map whose cluster 1 is there, on a grid of pixels as large as the elements of a share."""
    labels = (share > 0).astype("uint8")
    return xr.DataArray(labels, dims=("y", "x"))


def test_places_follow_area_lie_inside_and_apart():
    """900 pixels in one patch, 324 in another, 12 specks: three quarters of 1236 are 927."""
    share = np.zeros((100, 100), "float32")
    share[10:40, 10:40] = 1
    share[66:84, 66:84] = 1
    share[::9, 5] = 1  # specks: no place of theirs
    labels = _map_of(share)
    places = typical_places(labels, 1, share, (1, 1), 12)
    assert len(places) == 4
    at = [(place.row, place.column) for place in places]
    assert sum(11 <= row < 39 and 11 <= column < 39 for row, column in at) == 3
    assert sum(67 <= row < 83 and 67 <= column < 83 for row, column in at) == 1
    gaps = np.abs(np.array(at)[:, None] - np.array(at)[None]).max(axis=2)
    assert gaps[~np.eye(4, dtype=bool)].min() >= 9  # squares of 12 overlap by a quarter at most


@pytest.mark.parametrize("step", [1, 7])
def test_places_lie_on_the_cluster(step):
    """Diagonal bands of a cluster: an element of the small picture has some of it everywhere."""
    rows, columns = np.indices((210, 280))
    labels = xr.DataArray(((rows + columns) % 23 < 8).astype("uint8"), dims=("y", "x"))
    share = labels.to_numpy().reshape(210 // step, step, 280 // step, step).mean((1, 3))
    places = typical_places(labels, 1, share.astype("float32"), (step, step), 20)
    assert len(places) == 4
    for place in places:
        assert labels[place.row, place.column] == 1
        assert 0 <= place.row - place.top < 20
        assert 0 <= place.column - place.left < 20
        around = labels[place.row - 1 : place.row + 2, place.column - 1 : place.column + 2]
        assert around.to_numpy().all()  # inside


def test_a_place_where_there_is_hardly_any_of_the_cluster_is_none():
    """A patch that one place covers, and six pixels far off that are a quarter of nothing."""
    share = np.zeros((60, 60), "float32")
    share[10:20, 10:20] = 1
    share[50:52, 50:53] = 1
    places = typical_places(_map_of(share), 1, share, (1, 1), 12)
    assert places
    assert all(10 <= place.row < 20 and 10 <= place.column < 20 for place in places)


def test_a_place_of_a_speck_lies_inside_the_image():
    share = np.zeros((50, 50), "float32")
    share[0, 49] = 1
    (place,) = typical_places(_map_of(share), 1, share, (1, 1), 12)
    assert (place.row, place.column, place.top, place.left) == (0, 49, 0, 38)


def test_frames_are_drawn_where_the_places_are():
    """What mask and outline show beside their plain pictures is frames, on the cluster."""
    scene = _scene((40, 60))
    portrait = _portraits(scene, _clusters(scene))[1]
    mask = _picture(portrait.pictures["mask"])[..., 0]
    frame = np.argwhere(mask == 255)  # the cluster is 230 at most
    assert frame.size
    assert frame[:, 1].min() >= 200 - 60  # a frame is 100 wide, the middle third begins at 200
    assert frame[:, 1].max() < 400 + 60


def test_the_edge_of_the_cluster_is_drawn_on_the_picture():
    scene = _scene((40, 60))
    portrait = _portraits(scene, _clusters(scene))[1]
    plain = _picture(portrait.pictures["true_colour"]).astype(int)
    drawn = _picture(portrait.pictures["outline"]).astype(int)
    other = (plain != drawn).any(axis=(0, 2))
    other[230:370] = False  # frames of places, along the middle of the cluster
    assert np.flatnonzero(other).tolist() == [199, 200, 399, 400]


def test_a_large_scene_has_a_scale_between():
    """Of 36 and 400 pixels the geometric mean is 120; two tiles of it, twice as large, and 6."""
    scene = _scene((300, 400))
    for portrait in _portraits(scene, _clusters(scene)):
        assert _picture(portrait.pictures["around"]).shape == (486, 486, 3)
    small = _scene((280, 280))
    assert "around" not in _portraits(small, _clusters(small))[0].pictures


def test_brightness_is_one_for_the_visible_bands_and_fixed_for_the_infrared():
    """Of equal reflectance in all bands a pixel has no colour, however unlike their ranges are."""
    scene = _scene((30, 30))
    for name in ("blue", "green", "red"):
        scene[name][:, :10] = 0.1
    picture = _picture(_portraits(scene, _clusters(scene))[0].pictures["true_colour"])
    assert np.ptp(picture[5, 5].astype(int)) == 0
    bright = _scene((30, 30))
    for name in SIX:
        bright[name][:, 15:] = 0.6
        for one in (scene, bright):
            one[name][:, :10] = 0.12
    seen = [
        _picture(_portraits(one, _clusters(one))[0].pictures["infrared"])[5, 5]
        for one in (scene, bright)
    ]
    assert seen[0].tolist() == seen[1].tolist()
    # swir16 and nir of 0.12 to a white of 0.5, red to 0.3, all to the power of 0.7
    assert seen[0].tolist() == [round(255 * (0.12 / w) ** 0.7) for w in (0.5, 0.5, 0.3)]


def test_a_picture_without_reflectance_has_the_range_of_its_own():
    scene = _scene((30, 30))
    record = Provenance().with_step("scaling", reflectance=False)
    scene = scene.assign_attrs(provenance=record)
    assert "legend" not in _portraits(scene, _clusters(scene))[0].pictures


def test_without_pictures_the_words_stay(portraits):
    scene = _scene()
    told = _portraits(scene, _clusters(scene), pictures=False)
    assert [p.text for p in told] == [p.text for p in portraits]
    assert all(p.pictures == {} for p in told)


def test_a_map_of_another_grid_is_refused():
    scene = _scene()
    clusters = _clusters(_scene(geobox=utm_grid((60, 90), 20.0)))
    with pytest.raises(GridError, match="another grid"):
        make_portraits(scene, clusters, [])


# Words


def _facts(number=1, nir=0.31, **changes):
    facts = ClusterFacts(
        id=number,
        pixels=1200,
        share=0.125,
        spectrum={"green": Spread(0.04, 0.05, 0.062), "nir": Spread(nir - 0.02, nir, nir + 0.02)},
        indices={"NDVI": Spread(0.7, 0.8, 0.85)},
        texture={"nir": 0.021, "NDVI": 0.034},
        surroundings={"nir": 0.28},
        ranks={"nir": 0.88, "NDVI": 0.91},
        interior=0.5,
        neighbours={2: 0.75, 3: 0.04, 9: 0.21},
        pixel_m=20.0,
    )
    return dataclasses.replace(facts, **changes)


def test_the_facts_in_words():
    """1200 pixels of 20 m are 0.48 km²; the neighbour 3 has too short a border, 9 is unknown."""
    water = _facts(2, nir=0.02, indices={"NDVI": Spread(-0.3, -0.2, -0.1)})
    text = describe_cluster(
        _facts(),
        {1: _facts(), 2: water, 3: _facts(3)},
        {"green": 0.56, "nir": 0.842},
        "An image.",
        (20.0, 20.0),
    )
    assert text.splitlines() == [
        "An image.",
        "This group of pixels covers 12% of what was seen: 1200 pixels of 20 m, about 0.48 km².",
        "Reflectance in %, median (10th to 90th percentile): visible 0.56 µm 5.0 (4.0 to 6.2); "
        "near infrared 0.84 µm 31.0 (29.0 to 33.0).",
        "Indices: NDVI (live vegetation) 0.80 (0.70 to 0.85).",
        "Form: patches; 50% of its pixels have it on all four sides.",
        "Its border: 75% with few live plants or none (NDVI -0.20, near infrared 2%).",
        "Surroundings, mean within some 450 m: near infrared 0.84 µm 28.0%.",
        "Share of the image that lies lower: near infrared 0.84 µm 88%; NDVI 91%.",
        "Texture, deviation within some 150 m: near infrared 0.84 µm 2.1%; NDVI 0.03.",
    ]


def test_built_up_index_is_told_on_land_alone():
    spreads = {"MNDWI": Spread(0.2, 0.5, 0.6), "NDBI": Spread(-0.2, 0.1, 0.3)}
    parts = {"texture": {"NDBI": 0.1}, "surroundings": {"NDBI": 0.1}, "ranks": {"NDBI": 0.5}}
    water = _facts(indices=spreads, **parts)
    land = _facts(indices=spreads | {"MNDWI": Spread(-0.4, -0.3, -0.2)}, **parts)
    waves = {"green": 0.56, "nir": 0.842}
    assert "NDBI" not in describe_cluster(water, {}, waves)
    assert describe_cluster(land, {}, waves).count("NDBI") == 4


def test_edges_are_said_to_be_edges():
    words = "mostly edges between other land"
    assert words in describe_cluster(_facts(interior=0.1), {}, {})
    assert words not in describe_cluster(_facts(interior=0.5), {}, {})


def test_what_is_not_known_is_not_told():
    nothing = Spread(np.nan, np.nan, np.nan)
    bare = _facts(spectrum={"nir": nothing}, indices={"NDVI": nothing}, texture={"nir": np.nan},
                  surroundings={}, ranks={}, neighbours={}, pixel_m=None)  # fmt: skip
    text = describe_cluster(bare, {1: bare}, {"nir": 0.842})
    assert "nan" not in text
    assert len(text.splitlines()) == 2


def test_words_are_few_and_none_is_a_colour():
    many = (*SIX[:3], "rededge071", "rededge075", "rededge078", "nir", "nir08", *SIX[4:])
    scene = _scene(bands=many, geobox=utm_grid((60, 90), origin=(499_980.0, 5_190_000.0)))
    for portrait in _portraits(scene, _clusters(scene), pictures=False):
        assert len(portrait.text) <= MOST_LETTERS
        assert "Surroundings" in portrait.text  # the last paragraph still found room
        assert COLOURS.findall(portrait.text) == []
        assert portrait.text.startswith(
            "Image of 1 June 2020: early summer of the northern half of the Earth. "
            "It lies around 46.9° N 33.0° E. Sensor: Sentinel-2 MSI Level-2A, pixels of 10 m. "
            "The scene is 0.9 by 0.6 km (width by height). "
            "Each magnified place is 15 pixels wide, 150 m."
        )


@pytest.mark.parametrize(
    ("day", "latitude", "season"),
    [
        ("2019-06-20", 52.0, "early summer of the northern half of the Earth"),
        ("2019-06-20", -35.0, "early winter of the southern half of the Earth"),
        ("2020-01-27", 45.7, "mid winter of the northern half of the Earth"),
        ("2020-02-29", -45.7, "late summer of the southern half of the Earth"),
        ("2019-04-16", 45.7, "mid spring of the northern half of the Earth"),
        ("2019-12-01", 60.0, "early winter of the northern half of the Earth"),
        ("2019-06-20", -8.0, "between the tropics, where rain makes the seasons; southern half of "
         "the Earth"),
    ],
)  # fmt: skip
def test_seasons_in_words(day, latitude, season):
    """December, January and February are the winter of the north and the summer of the south."""
    assert season_of(date.fromisoformat(day), latitude) == season


@pytest.mark.parametrize(
    ("origin", "crs", "known"),
    [
        ((500_000.0, 5_400_000.0), "EPSG:32636", False),  # central meridian, whole 100 km
        ((400_000.0, 5_400_000.0), "EPSG:32636", False),
        ((499_980.0, 5_400_000.0), "EPSG:32636", True),  # a tile of Sentinel-2
        ((600_000.0, 5_400_000.0), "EPSG:32636", True),  # another
        ((500_000.0, 5_412_340.0), "EPSG:32636", True),
        ((500_000.0, 5_400_000.0), "EPSG:3857", True),
        ((0.0, 0.0), None, False),
    ],
)
def test_a_made_up_grid_is_no_place(origin, crs, known):
    scene = _scene((20, 30), geobox=utm_grid((20, 30), origin=origin, crs=crs))
    told = about_scene(scene, 8)
    assert ("It lies around" in told) is known
    assert ("Where on Earth it lies is not known." in told) is not known
    assert ("of the northern half" in told) is known  # nor is the season of nowhere


def test_a_simulated_scene_has_no_place_and_a_missing_date_is_said():
    scene = _scene((20, 30), geobox=utm_grid((20, 30), origin=(412_340.0, 5_412_340.0)))
    assert "It lies around" in about_scene(scene, 8)
    made = scene.assign_attrs(provenance=Provenance(({"href": "simulated:", "seed": 1},)))
    assert "Where on Earth it lies is not known." in about_scene(made, 8)
    season = about_scene(scene.assign_attrs(time="2019-04-01/2019-10-30"), 8)
    assert season.startswith("Made of images from 1 April 2019 to 30 October 2019")
    undated = about_scene(scene.assign_attrs(time=None, sensor="unknown"), 8)
    assert "The date is not known" in undated
    assert "Sensor: not known, pixels of 10 m." in undated


def test_the_size_of_a_pixel_that_the_user_named_is_told():
    record = Provenance().with_step("grid", made_up=True, pixel_m=25.0)
    scene = _scene((20, 30), geobox=utm_grid((20, 30), crs=None)).assign_attrs(provenance=record)
    assert pixel_size(scene) == (25.0, 25.0)
    assert "8 pixels wide, 200 m." in about_scene(scene, 8)


def test_words_about_a_year_are_no_colours():
    year = {month: Spread(0.1, 0.05 * month, 0.9) for month in range(1, 13)}
    text = describe_cluster(_facts(curves={"NDVI": year, "MNDWI": year}), {}, {})
    assert "through the year" in text
    assert COLOURS.findall(text) == []


def test_words_in_the_picture_of_the_spectrum_are_no_colours():
    lines = ["cluster", "reflectance", "wavelength", *reference_spectra({"nir": 0.84})]
    assert not any(COLOURS.search(text_of("en")(f"spectra.{line}")) for line in lines)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([1.0, 5.0, 9.0], [1.0, 5.0, 9.0]),  # already apart
        ([4.0, 4.0], [3.5, 4.5]),  # as far up as down
        ([4.0, 4.5, 9.0], [3.75, 4.75, 9.0]),
        ([0.0, 0.0, 0.0], [0.0, 1.0, 2.0]),  # not below the span
        ([10.0, 10.0], [9.0, 10.0]),  # nor above
    ],
)
def test_labels_are_moved_apart(places, expected):
    assert spread_apart(places, 1.0, (0.0, 10.0)) == pytest.approx(expected)


# The contact sheet


def _namings(portraits, code=10):
    return [
        Naming(
            p.facts, code if p.facts.id != 2 else UNNAMED, 0.7, 0.5,
            (
                Answer(p.facts.id, "spectral", "x", code, 0.7, 40, mixed=True),
                Answer(p.facts.id, "openai:y", "", problem="does not answer " * 9),
            ),
        )
        for p in portraits
    ]  # fmt: skip


def test_the_sheet_has_a_row_for_each_cluster(portraits):
    """Under pictures 3.5 inches wide, 2/3 as high, with 0.55 inches of words: rows of 2.2."""
    legend = load_legend("worldcover")
    sheet = _picture(contact_sheet(_scene(), portraits, _namings(portraits), legend, "uk"))
    assert sheet.shape == (int((3.5 * 2 / 3 + 0.55 + 3 * 2.2) * 125), 1400, 3)
    tree = np.array((0x00, 0x64, 0x00))  # the swatch of the class, from the legend
    assert (sheet == tree).all(axis=2).sum() > 300


@pytest.mark.parametrize("codes", [(80, 40, 10, 30, 50), (10, 20, 30, 40, 50, 60, 70, 80, 90, 95)])
def test_classes_beside_broad_pictures_stay_on_the_sheet(portraits, codes):
    """Two pictures of 3.5 inches leave a third of the sheet to classes of long names."""
    legend = load_legend("worldcover")
    rows = [(portraits[0], _namings(portraits[:1], code)[0]) for code in codes]
    figure = Figure((11.2, 3.2))
    FigureCanvasAgg(figure)
    contacts._classes(figure, rows, contacts._Words.of(legend, "uk"), (7.62, 1.58))
    boxes = [t.get_window_extent() for t in figure.texts]
    assert len(boxes) == len(codes)
    assert max(box.x1 for box in boxes) <= figure.bbox.width
    bottom = figure.bbox.height - contacts._head(rows) * figure.dpi
    assert min(box.y0 for box in boxes) >= bottom - 1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_sheet_without_pictures_is_drawn():
    scene = _scene((7, 5), ("nir",))
    portraits = _portraits(scene, _clusters(scene, (NOISE,)), pictures=False)
    sheet = contact_sheet(scene, portraits, _namings(portraits), load_legend("worldcover"), "en")
    assert _picture(sheet).shape[1] == 1400
