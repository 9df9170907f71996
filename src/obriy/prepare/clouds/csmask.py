"""Cloud and cloud shadow by the networks of ukis-csmask, where they are installed.

Wieland, Li & Martinis 2019, doi:10.1016/j.rse.2019.05.022: U-Nets for Sentinel-2 and Landsat, four
or six bands, top of the atmosphere or corrected, trained at some 30 m. The wheel carries them as
ONNX files; they are run here tile by tile, with a rim that is thrown away, so that the mask does
not depend on how much is read at a time.
"""

import dataclasses
import importlib.util
import json
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from obriy.errors import MissingExtraError
from obriy.installation import install_hint
from obriy.model.flags import Flag

TILE: Final = 256
"""Side of what a network looks at, pixels."""
RIM: Final = 28
"""Pixels at each side of a tile that are looked at and not kept."""
BYTES: Final = 270 * 1000**2
"""Memory of a network and what runs it, once it has looked at a tile; measured. It is let go when
the mask is made."""
SMALLEST: Final = TILE // 2
"""Pixels along a side below which an image is more mirror than image to a network."""
STEP: Final = TILE - 2 * RIM
SIX: Final = ("blue", "green", "red", "nir", "swir16", "swir22")
LEAST: Final = SIX[:4]
"""Bands without which no network looks."""
FLAGS: Final = np.array([0, Flag.CLOUD, Flag.CLOUD_SHADOW], np.uint16)
"""Of the classes background, cloud and shadow."""


def is_installed() -> bool:
    """Say whether the networks and what runs them are there, without loading them."""
    return all(importlib.util.find_spec(name) for name in ("ukis_csmask", "onnxruntime"))


def bands_for(available: set[str]) -> tuple[str, ...] | None:
    """Return the bands that the best network looks at; None where none fits."""
    return next((b for b in (SIX, LEAST) if set(b) <= available), None)


@dataclasses.dataclass(frozen=True, eq=False)
class CsMask:
    """A network, ready to look.

    Attributes:
        bands: Bands that it looks at, in its order.
        name: Its name and version, for the record.
        corrected: Whether it learnt from surface reflectance.
        threads: It computes in.
    """

    bands: tuple[str, ...]
    name: str
    corrected: bool
    threads: int
    _mean: NDArray[np.float32]
    _deviation: NDArray[np.float32]
    _session: Any

    def __reduce__(self) -> Any:  # a session stays in its process
        return load, (self.bands, self.corrected, self.threads)

    def flags(self, stack: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return cloud and shadow of a strip, bits of `Flag`.

        Args:
            stack: (bands, rows, columns) reflectance in the order of ``bands``; the rows are a
                tile's, `RIM` of them beyond the strip at either side. What is missing (NaN) looks
                like the mean of what the network learnt from.

        Returns:
            (`STEP`, columns) uint16.
        """
        columns = stack.shape[2]
        count = -(-columns // STEP)
        beyond = ((0, 0), (0, 0), (RIM, RIM + count * STEP - columns))
        wide = (np.pad(stack, beyond, mode="symmetric") - self._mean) / self._deviation
        wide[~np.isfinite(wide)] = 0
        found = np.empty((STEP, count * STEP), np.uint16)
        for k in range(count):
            tile = wide[None, :, :, k * STEP : k * STEP + TILE]
            odds = self._session.run(None, {self._session.get_inputs()[0].name: tile})[0][0]
            inner = odds[:, RIM : RIM + STEP, RIM : RIM + STEP]
            found[:, k * STEP : (k + 1) * STEP] = FLAGS[inner.argmax(axis=0)]
        return found[:, :columns]


_loaded: Final[weakref.WeakValueDictionary[Any, CsMask]] = weakref.WeakValueDictionary()
"""Networks that somebody still has to look with."""


def load(bands: tuple[str, ...], corrected: bool, threads: int) -> CsMask:
    """Load a network; all who ask for it while it is there have the same.

    Args:
        bands: That it looks at, of `bands_for`.
        corrected: Surface reflectance; False: of the top of the atmosphere.
        threads: To compute in.

    Raises:
        MissingExtraError: where it is not installed.
    """
    kept = _loaded.get((bands, corrected, threads))
    if kept is not None:
        return kept
    if not is_installed():
        raise MissingExtraError("ukis-csmask is not installed.", f"Run: {install_hint('clouds')}")
    import onnxruntime

    spec = importlib.util.find_spec("ukis_csmask")
    assert spec is not None
    assert spec.origin is not None
    level = "l2a" if corrected else "l1c"
    file = Path(spec.origin).with_name(f"model_{len(bands)}b_{level}.onnx")
    about: Mapping[str, Any] = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    mean, deviation = (
        np.array(values, np.float32)[:, None, None]
        for values in about["data"]["dataset_statistics"]["img"]
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # A thread that waits sleeps: to turn in a loop costs others, and itself, most of a processor.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(file), sess_options=options, providers=["CPUExecutionProvider"]
    )
    name = f"csmask {about['model']['version']}"
    network = CsMask(bands, name, corrected, threads, mean, deviation, session)
    _loaded[bands, corrected, threads] = network
    return network
