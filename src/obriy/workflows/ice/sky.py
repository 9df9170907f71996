"""Who tells the clouds of an image of ice: a mask, the method, `auto` beside it, or nobody."""

import dataclasses
from typing import Any, Self

import xarray as xr

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineResult
from obriy.methods.ice.spec import AUTO, with_clouds
from obriy.model.flags import BY_NOTHING, BY_USER, CLOUDS_STEP
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import band_names, provenance_of
from obriy.workflows.passes import found_of


def teller_of(record: Provenance) -> dict[str, Any]:
    """Return what the record of a scene, or of its map, says of who tells its clouds."""
    step = record.step(CLOUDS_STEP) or record.step("quality") or {}
    return {key: value for key, value in step.items() if key != "name"}


@dataclasses.dataclass(frozen=True)
class Sky:
    """A method over a scene, and who tells its clouds.

    Attributes:
        method: The method, with the clouds of `auto` beside where nobody else tells them.
        by: Who does; empty: a mask, of which the record of the scene tells.
        said: What the reader of a figure should know of it; empty: nothing.
    """

    method: Method
    by: str = ""
    said: str = ""

    @classmethod
    def over(cls, scene: xr.Dataset, method: Method) -> Self:
        """Return a method as it is fit for a scene.

        A cloud mask is believed, beside whatever the method tells itself. Where there is none, and
        the user does not say that the sky was clear, clouds are those of `auto`.

        Args:
            scene: A Scene, whose record says what told of its clouds.
            method: Of `ice_method`.
        """
        record, name = provenance_of(scene), method.name
        fit = with_clouds(method, set(band_names(scene)))
        known = teller_of(record)
        if known:
            clear = known.get("by") == BY_USER and fit is not method
            return cls(method, said=notice("sky_called_clear", method=name) if clear else "")
        if fit is None:
            return cls(method, BY_NOTHING, notice("knows_no_clouds", method=name))
        if fit is method:
            return cls(method, name)
        return cls(fit, AUTO, notice("clouds_of_auto", method=name))

    def found(self, result: EngineResult) -> dict[str, Any]:
        """Return what a run of the engine found, as plain values, and who told the clouds."""
        told = {CLOUDS_STEP: {"by": self.by, "said": self.said}}
        return found_of(self.method.name, result) | told
