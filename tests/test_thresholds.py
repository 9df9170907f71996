"""Thresholds on histograms whose answer is known."""

import numpy as np
import pytest

from obriy.blocks.base import Block
from obriy.errors import UsageError
from obriy.methods.expression import parse_method
from obriy.methods.histograms import Counts
from obriy.methods.index_threshold import NOT_WATER, WATER, index_threshold
from obriy.methods.thresholds import Edge, Fixed, Local, Otsu, Valley, View, otsu

SPAN = (-1.0, 1.0)


def decide(threshold, values, published=0.0):
    values = np.asarray(values, "float32")
    core = (slice(0, values.shape[0]), slice(0, values.shape[1]))
    view = View(values, core, 0, 0, SPAN, published)
    return threshold.decide(threshold.collect(view), published)


def normal(mean, n, seed=0, spread=0.05):
    return np.random.default_rng(seed).normal(mean, spread, n).astype("float32")


def test_otsu_cuts_between_two_populations():
    cut = decide(Otsu(), np.concatenate([normal(-0.5, 6000), normal(0.5, 4000)])[None])
    assert -0.36 < cut.value < 0.36
    assert not cut.fell_back


def test_otsu_and_eta_by_hand():
    # 3 values at -0.5 and 1 at 0.5: mean -0.25, variance 0.1875, all of it between the classes.
    counts = Counts.of(np.array([-0.5, -0.5, -0.5, 0.5], "float32"), *SPAN)
    value, eta = otsu(counts)
    assert -0.5 <= value < 0.5
    assert eta == pytest.approx(1.0)


@pytest.mark.parametrize("mean", [-0.4, 0.3])
def test_one_population_is_not_cut_in_half(mean):
    cut = decide(Otsu(), normal(mean, 10_000)[None])
    assert cut.fell_back
    assert cut.value == 0
    assert "one population" in cut.reason
    # A normal population cut at its mean has 2/pi of its variance between the halves.
    assert cut.separation == pytest.approx(2 / np.pi, abs=0.02)


def test_untested_otsu_cuts_it_all_the_same():
    cut = decide(Otsu(tested=False), normal(-0.4, 10_000)[None])
    assert not cut.fell_back
    assert cut.value == pytest.approx(-0.4, abs=0.02)


@pytest.mark.parametrize("threshold", [Otsu(), Valley(), Edge(), Local(), Otsu(tested=False)])
@pytest.mark.parametrize("values", [np.full((3, 4), np.nan), np.full((3, 4), 0.7), [[0.2]]])
def test_nothing_or_one_value_falls_back_to_the_published(threshold, values):
    cut = decide(threshold, values, published=0.1)
    assert (cut.value, cut.fell_back) == (0.1, True)
    assert cut.reason


def test_valley_is_between_the_peaks():
    cut = decide(Valley(), np.concatenate([normal(-0.5, 9000), normal(0.4, 1000)])[None])
    assert -0.4 < cut.value < 0.3
    assert not cut.fell_back


def lake(share_side=20, size=200, seed=0):
    """A small lake (1 % of the scene) in land that varies widely."""
    values = np.random.default_rng(seed).normal(-0.45, 0.10, (size, size)).astype("float32")
    values[50 : 50 + share_side, 60 : 60 + share_side] = normal(0.5, share_side**2, 1).reshape(
        share_side, share_side
    )
    return values


def test_edge_finds_the_shore_of_a_small_lake():
    cut = decide(Edge(), lake())
    assert not cut.fell_back
    assert -0.1 < cut.value < 0.35


def test_local_uses_the_windows_with_two_populations():
    values = np.full((256, 256), -0.5, "float32") + normal(0, 256 * 256).reshape(256, 256)
    values[:60, :60] = 0.5 + normal(0, 3600, 2).reshape(60, 60)
    cut = decide(Local(), values)
    assert "1 of 4 windows" in cut.reason
    assert -0.36 < cut.value < 0.36


@pytest.mark.parametrize("threshold", [Fixed(0.05), Otsu(), Edge(), Local(), Valley()])
def test_the_cut_into_blocks_does_not_matter(threshold):
    values = np.pad(lake(), 5, mode="reflect")
    whole = decide(threshold, values)
    halo, parts = threshold.halo, []
    for row, column in [(0, 0), (0, 77), (133, 0), (133, 77)]:
        height = 133 if row == 0 else values.shape[0] - 133
        width = 77 if column == 0 else values.shape[1] - 77
        top, left = max(0, row - halo), max(0, column - halo)
        block = values[top : row + height + halo, left : column + width + halo]
        core = (slice(row - top, row - top + height), slice(column - left, column - left + width))
        parts.append(threshold.collect(View(block, core, top, left, SPAN, 0.0)))
    merged = parts[3].merge(parts[1]).merge(parts[0].merge(parts[2]))
    assert threshold.decide(merged, 0.0) == whole


def test_zero_is_the_threshold_that_the_index_was_published_with():
    # green + red over nir + swir16: 0.14 / 0.13 is water, 0.14 / 0.15 is not (Shen and Li 2010: 1).
    bands = {
        "green": np.array([[0.08, 0.08]], "float32"), "red": np.array([[0.06, 0.06]], "float32"),
        "nir": np.array([[0.05, 0.05]], "float32"), "swir16": np.array([[0.08, 0.10]], "float32"),
    }  # fmt: skip
    block = Block(bands, None, 0, 0, (slice(0, 1), slice(0, 2)))
    method = parse_method("wri:zero")
    rule = method.decide(method.collect(block))
    np.testing.assert_array_equal(rule.apply(block).labels, [[WATER, NOT_WATER]])
    assert rule.cut.value == 1


@pytest.mark.parametrize("name", ["ndvi", "gndvi", "ndponi"])
def test_an_index_that_was_published_without_a_threshold_has_no_zero(name):
    with pytest.raises(UsageError, match="published without a threshold") as caught:
        parse_method(f"{name}:zero")
    assert "WRI" in caught.value.hint


def test_pixels_of_the_halo_are_not_counted():
    green = np.full((300, 300), 0.1, "float32")
    swir = np.full((300, 300), 0.05, "float32")
    green[0], swir[0] = 0.0, 0.0  # undefined, in the halo
    green[7, 9], swir[7, 9] = 0.0, 0.0
    green[299, :5], swir[299, :5] = 0.4, -0.1  # clipped, in the halo
    core = (slice(1, 299), slice(1, 299))
    block = Block({"green": green, "swir16": swir}, None, 0, 0, core)
    found = index_threshold("mndwi", "zero").collect(block)
    assert (found.undefined, found.clipped) == (1, 0)
    assert found.statistics.pixels == 298 * 298 - 1
