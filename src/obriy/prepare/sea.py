"""What can be seen of the sea: land and clouds of masks, for maps of ice.

Other than for water and land cover, nothing that has a number is hidden from the method: clouds
are a class of the map, and networks look at the surroundings, whatever they are. What is land, and
what a cloud mask calls cloud, is put into the map afterwards; methods leave both out of what they
learn of a scene.
"""

import dataclasses
from typing import Any

import numpy as np

from obriy.blocks.base import Block, Labelled
from obriy.model.classmap import FRACTION_MISSING
from obriy.model.flags import Flag, Unseen
from obriy.model.ice import CLOUD, ICE, LAND, WATER
from obriy.model.legend import NO_DATA


def hide_no_data(block: Block) -> Block:
    """Return the block with all bands NaN where one is missing, and the reason."""
    missing = np.any([np.isnan(plane) for plane in block.bands.values()], axis=0)
    if block.flags is not None:
        missing |= (block.flags & np.uint16(Flag.NO_DATA)) != 0
    bands = {name: np.where(missing, np.float32(np.nan), p) for name, p in block.bands.items()}
    unseen = np.where(missing, np.uint8(Unseen.NO_DATA), np.uint8(Unseen.SEEN))
    return dataclasses.replace(block, bands=bands, unseen=unseen)


def settle_sea(block: Block, said: Labelled) -> Labelled:
    """Bring together what a method says, what could not be seen, and the masks.

    Args:
        block: As `hide_no_data` returned it.
        said: The method's labels in the codes of the legend ``ice``, halo included.

    Returns:
        Land wherever the land mask says so, cloud wherever a cloud mask does; of cloud and of
        what has no number the reason stands in ``unseen``. Only water and ice have a fraction.
    """
    labels = said.labels.copy()
    if block.unseen is not None:
        labels[block.unseen != Unseen.SEEN] = NO_DATA
    if block.flags is not None:
        clouded = (block.flags & np.uint16(Flag.CLOUD | Flag.CIRRUS)) != 0
        labels[clouded & (labels != NO_DATA)] = CLOUD
        labels[(block.flags & np.uint16(Flag.LAND)) != 0] = LAND
    unseen = np.full(labels.shape, np.uint8(Unseen.SEEN))
    unseen[labels == NO_DATA] = Unseen.NO_DATA
    unseen[labels == CLOUD] = Unseen.CLOUD
    surface = np.isin(labels, (WATER, ICE))
    layers: dict[str, Any] = {
        name: np.where(surface, layer, np.uint8(missing))
        for name, layer, missing in (
            ("fraction", said.fraction, FRACTION_MISSING),
            ("confidence", said.confidence, FRACTION_MISSING),
            ("doubt", said.doubt, 0),
        )
        if layer is not None
    }
    return Labelled(labels, unseen=unseen, **layers)
