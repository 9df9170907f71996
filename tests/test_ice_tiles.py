"""Windows that are worked on whole: each pixel is kept once, whatever the cut into blocks."""

import dataclasses
import itertools
import pickle

import numpy as np
import pytest

from obriy.blocks.base import Block
from obriy.methods import tiles
from obriy.methods.ice.regions import RegionRule, flood
from obriy.methods.tiles import Extent, WindowMemory, lattice, spread_windows


def block_of(plane, rows, columns, halo):
    """A block of a scene that is one plane, with its halo."""
    outer = tuple(
        slice(max(0, s.start - halo), min(n, s.stop + halo))
        for s, n in zip((rows, columns), plane.shape, strict=True)
    )
    core = tuple(
        slice(s.start - o.start, s.stop - o.start)
        for s, o in zip((rows, columns), outer, strict=True)
    )
    return Block({"red": plane[outer]}, None, outer[0].start, outer[1].start, core)


def cuts(shape, side):
    for top, left in itertools.product(range(0, shape[0], side), range(0, shape[1], side)):
        rows = slice(top, min(top + side, shape[0]))
        yield rows, slice(left, min(left + side, shape[1]))


@pytest.mark.parametrize("shape", [(285, 430), (100, 37), (286, 431), (640, 900), (285, 1000)])
@pytest.mark.parametrize("side", [61, 500])
def test_spread_windows_keep_each_pixel_once_and_never_look_beyond(shape, side):
    plane = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    size, overlap = (285, 430), 64
    extent = Extent(*shape)
    seen = np.zeros(shape, int)
    for rows, columns in cuts(shape, side):
        block = block_of(plane, rows, columns, max(size) - 1)
        kept = np.zeros(block.shape, np.float32)
        for window in spread_windows(block, extent, size, overlap):
            cut = window.cut(block, block.bands["red"])
            inside = tuple(slice(0, min(n, s)) for n, s in zip(size, shape, strict=True))
            assert np.isfinite(cut[inside]).all()
            assert window.row >= 0
            assert window.column >= 0
            window.put(block, kept, cut)
        assert np.array_equal(kept[block.core], plane[rows, columns])
        seen[rows, columns] += 1
    assert (seen == 1).all()


def test_a_scene_of_the_size_of_the_window_is_one_window():
    plane = np.zeros((285, 430), np.float32)
    block = block_of(plane, slice(0, 285), slice(0, 430), 429)
    assert len(list(spread_windows(block, Extent(285, 430), (285, 430), 64))) == 1
    wider = block_of(np.zeros((285, 431), np.float32), slice(0, 285), slice(0, 431), 429)
    assert len(list(spread_windows(wider, Extent(285, 431), (285, 430), 64))) == 2


def test_neighbours_overlap_and_the_seam_lies_in_the_middle():
    """Along 300 of 100 with an overlap of 20: four windows, (300 - 100) / 3 = 66.7 apart."""
    plane = np.zeros((50, 300), np.float32)
    block = block_of(plane, slice(0, 50), slice(0, 300), 99)
    found = list(spread_windows(block, Extent(50, 300), (50, 100), 20))
    assert [w.column for w in found] == [0, 67, 133, 200]
    seams = [w.column + w.kept[1].stop for w in found]
    assert seams == [83, 150, 216, 300]


def test_the_extent_is_that_of_all_blocks_together():
    plane = np.zeros((90, 70), np.float32)
    parts = [Extent.of(block_of(plane, *cut, 7)) for cut in cuts((90, 70), 32)]
    found = parts[3]
    for part in parts:
        found = found.merge(part)
    assert (found.rows, found.columns) == (90, 70)


@pytest.mark.parametrize("side", [33, 200])
def test_a_lattice_keeps_each_pixel_once_with_its_margin(side):
    shape, tile, margin = (150, 210), 64, 16
    plane = np.random.default_rng(0).random(shape, np.float32)
    for rows, columns in cuts(shape, side):
        block = block_of(plane, rows, columns, tile - 1 + margin)
        kept = np.full(block.shape, np.nan, np.float32)
        for window in lattice(block, tile, margin):
            assert (window.row + margin) % tile == 0
            window.put(block, kept, window.cut(block, block.bands["red"]))
        assert np.array_equal(kept[block.core], plane[rows, columns])


def bay(shape):
    """Ice on the left, open water on the right, and what is neither in between."""
    across = np.broadcast_to(np.linspace(0, 1, shape[1], dtype=np.float32), shape)
    noise = np.random.default_rng(0).normal(0, 0.01, shape).astype(np.float32)
    ice, water = {"green": 0.7, "red": 0.7, "nir": 0.6}, {"green": 0.05, "red": 0.04, "nir": 0.02}
    return {n: ice[n] * (1 - across) + water[n] * across + noise for n in ice}


def test_a_region_is_flooded_once_whatever_the_cut(monkeypatch):
    monkeypatch.setattr("obriy.methods.ice.regions.SIZE", (64, 64))
    monkeypatch.setattr("obriy.methods.ice.regions.OVERLAP", 16)
    planes, found, floods = bay((100, 90)), {}, []

    def counted(*window):
        floods.append(1)
        return flood(*window)

    for side in (13, 500):
        rule, whole = (
            RegionRule("watershed", counted, Extent(100, 90)),
            np.zeros((100, 90), "uint8"),
        )
        floods.clear()
        for rows, columns in cuts((100, 90), side):
            blocks = [block_of(plane, rows, columns, 63) for plane in planes.values()]
            bands = dict(zip(planes, (block.bands["red"] for block in blocks), strict=True))
            block = dataclasses.replace(blocks[0], bands=bands)
            whole[rows, columns] = rule.apply(block).labels[block.core]
        assert len(floods) == 4  # (100 - 16) / 48 and (90 - 16) / 48: two windows each way
        found[side] = whole
    assert len(np.unique(found[500])) > 1
    np.testing.assert_array_equal(found[13], found[500])


def test_a_memory_keeps_the_windows_of_late_and_no_failure(monkeypatch):
    monkeypatch.setattr(tiles, "MOST_WINDOWS", 2)
    block = block_of(np.zeros((50, 300), np.float32), slice(0, 50), slice(0, 300), 99)
    first, second, third, _ = spread_windows(block, Extent(50, 300), (50, 100), 20)
    memory, looked = WindowMemory(), []

    def look(window):
        looked.append(window.column)
        return window.column

    for window in (first, second, first, third, first, second):
        assert memory.recall(window, lambda window=window: look(window)) == window.column
    assert looked == [0, 67, 133, 67]
    with pytest.raises(ZeroDivisionError):
        WindowMemory().recall(first, lambda: 1 // 0)
    assert pickle.loads(pickle.dumps(memory)).recall(first, lambda: 5) == 5
