"""Portraits: what a labeller sees of a cluster, that no colour names it, on any scene."""

import dataclasses
import io
import re

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from tests.conftest import utm_grid

from obriy.errors import GridError
from obriy.labelling.facts import measure_clusters
from obriy.labelling.portraits import make_portraits
from obriy.labelling.wording import MOST_LETTERS, describe_cluster
from obriy.model.classmap import ClassMap
from obriy.model.clusters import NOISE, Answer, ClusterFacts, Naming, Spread, cluster_legend
from obriy.model.grid import coords_of, geobox_of
from obriy.model.legend import UNNAMED, Legend, load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.render.contact_sheet import contact_sheet
from obriy.render.portraits import typical_places
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
            "true_colour", "infrared", "mask", "places", "spectrum",
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
    assert mask[:, inside].min() == 230  # 0.9 of 255
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
        assert list(portrait.pictures) == [*pictures, "mask", "places", "spectrum"]


def test_missing_pixels_are_hatched_and_nothing_else_changes():
    scene = _scene((40, 60))
    for name in SIX:
        scene[name][:20, :20] = np.nan
    portraits = _portraits(scene, _clusters(scene))
    for name in ("true_colour", "mask"):
        corner = _picture(portraits[1].pictures[name])[:190, :190]
        assert {tuple(pixel) for pixel in corner.reshape(-1, 3)} == {(107,) * 3, (148,) * 3}


def test_places_lie_where_the_cluster_is_dense_and_apart_from_each_other():
    share = np.zeros((100, 100), "float32")
    share[10:40, 10:40] = 1  # one great patch
    share[66:84, 66:84] = 1  # a smaller one
    share[::9, 5] = 1  # specks
    places = typical_places(share, (1, 1), (100, 100), 12)
    assert len(places) == 4
    (row, column), *rest = places
    assert 16 <= row <= 34
    assert 16 <= column <= 34
    assert any(66 <= r < 84 and 66 <= c < 84 for r, c in rest)
    middles = np.array(places)
    gaps = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1))
    assert gaps[~np.eye(4, dtype=bool)].min() >= 9


def test_a_place_of_a_speck_lies_inside_the_image():
    share = np.zeros((50, 50), "float32")
    share[0, 49] = 1
    assert typical_places(share, (1, 1), (50, 50), 12)[0] == (6, 44)


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
        _facts(), {1: _facts(), 2: water, 3: _facts(3)}, {"green": 0.56, "nir": 0.842}, "An image."
    )
    assert text.splitlines() == [
        "An image.",
        "This group of pixels covers 12% of what was seen: 1200 pixels of 20 m, about 0.48 km².",
        "Reflectance in %, median (10th to 90th percentile): visible 0.56 µm 5.0 (4.0 to 6.2); "
        "near infrared 0.84 µm 31.0 (29.0 to 33.0).",
        "Indices: NDVI (live vegetation) 0.80 (0.70 to 0.85).",
        "Form: patches; 50% of its pixels have all four neighbours inside.",
        "Share of the image that lies lower: near infrared 0.84 µm 88%; NDVI 91%.",
        "Texture, deviation within 5 x 5 pixels: near infrared 0.84 µm 2.1%; NDVI 0.03.",
        "Its border: 75% with ground of NDVI -0.20, near infrared 2%.",
        "Surroundings, mean within 15 x 15 pixels: near infrared 0.84 µm 28.0%.",
    ]


def test_what_is_not_known_is_not_told():
    nothing = Spread(np.nan, np.nan, np.nan)
    bare = _facts(spectrum={"nir": nothing}, indices={"NDVI": nothing}, texture={"nir": np.nan},
                  surroundings={}, ranks={}, neighbours={}, pixel_m=None)  # fmt: skip
    text = describe_cluster(bare, {1: bare}, {"nir": 0.842})
    assert "nan" not in text
    assert len(text.splitlines()) == 2


def test_words_are_few_and_none_is_a_colour():
    many = (*SIX[:3], "rededge071", "rededge075", "rededge078", "nir", "nir08", *SIX[4:])
    scene = _scene(bands=many)
    for portrait in _portraits(scene, _clusters(scene), pictures=False):
        assert len(portrait.text) <= MOST_LETTERS
        assert "Surroundings" in portrait.text  # the last paragraph still found room
        assert COLOURS.findall(portrait.text) == []
        assert "Each magnified place is 15 pixels wide, 150 m." in portrait.text
        assert portrait.text.startswith(
            "Image of 2020-06-01, around 47.0° N 33.0° E, 0.9 by 0.6 km"
        )


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


def test_a_sheet_without_pictures_is_drawn():
    scene = _scene((7, 5), ("nir",))
    portraits = _portraits(scene, _clusters(scene, (NOISE,)), pictures=False)
    sheet = contact_sheet(scene, portraits, _namings(portraits), load_legend("worldcover"), "en")
    assert _picture(sheet).shape[1] == 1400
