"""A small sea with ice, water, cloud and land, by hand; and a method run over it in any cut."""

import itertools

import numpy as np

from obriy.blocks.base import Block, Labelled
from obriy.model.flags import Flag
from obriy.model.ice import CLOUD, ICE, LAND, WATER

SPECTRA = {
    # red nir blue green swir12 swir16 swir22; snow on ice, sea and cloud as in any text book
    WATER: (0.06, 0.03, 0.10, 0.08, 0.02, 0.015, 0.01),
    ICE: (0.80, 0.72, 0.82, 0.81, 0.38, 0.09, 0.06),
    CLOUD: (0.62, 0.63, 0.60, 0.61, 0.58, 0.45, 0.36),
    LAND: (0.70, 0.66, 0.72, 0.71, 0.40, 0.20, 0.14),
}


def small_sea(rows=60, columns=90, seed=1):
    """Truth (codes), bands by name with noise, flags: ice left, water middle, cloud right."""
    from obriy.model.ice import BANDS

    rng = np.random.default_rng(seed)
    truth = np.full((rows, columns), WATER, np.uint8)
    truth[:, : columns // 3] = ICE
    truth[rows // 6 : rows // 2, 2 * columns // 3 :] = CLOUD
    truth[-rows // 5 :, -columns // 3 :] = LAND
    spectra = np.zeros((256, 7), np.float32)
    for code, spectrum in SPECTRA.items():
        spectra[code] = spectrum
    cube = spectra[truth] * rng.normal(1, 0.03, (rows, columns, 1))
    cube += rng.normal(0, 0.003, cube.shape)
    bands = {name: cube[..., k].astype(np.float32) for k, name in enumerate(BANDS)}
    flags = np.where(truth == LAND, Flag.LAND, 0).astype(np.uint16)
    return truth, bands, flags


def run_in_blocks(method, bands, flags, side):
    """Collect, decide and apply over square blocks with the method's halo; put them together."""
    blocks = list(_blocks(method.halo, bands, flags, side))
    found = None
    for block, _ in blocks:
        part = method.collect(block)
        if part is not None:
            found = part if found is None else found.merge(part)
    rule = method.decide(found)
    shape = next(iter(bands.values())).shape
    layers = {}
    for block, place in blocks:
        said: Labelled = rule.apply(block)
        for name in ("labels", "fraction", "doubt", "confidence"):
            layer = getattr(said, name)
            if layer is not None:
                layers.setdefault(name, np.zeros(shape, np.uint8))[place] = layer[block.core]
    return layers, rule


def _blocks(halo, bands, flags, side):
    rows, columns = next(iter(bands.values())).shape
    for top, left in itertools.product(range(0, rows, side), range(0, columns, side)):
        bottom, right = min(top + side, rows), min(left + side, columns)
        outer = (
            slice(max(0, top - halo), min(rows, bottom + halo)),
            slice(max(0, left - halo), min(columns, right + halo)),
        )
        core = (
            slice(top - outer[0].start, bottom - outer[0].start),
            slice(left - outer[1].start, right - outer[1].start),
        )
        block = Block(
            bands={name: plane[outer].copy() for name, plane in bands.items()},
            flags=None if flags is None else flags[outer],
            row=outer[0].start,
            column=outer[1].start,
            core=core,
        )
        yield block, (slice(top, bottom), slice(left, right))
