"""Random fields in metres, and random numbers that depend on names, not on an order of calls."""

import hashlib

import numpy as np
import numpy.typing as npt
from scipy import fft

FloatArray = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
When = tuple[int, str]
"""Seed and date: what all that is drawn for a date depends on."""


def stream(seed: int, *names: object) -> np.random.Generator:
    """Return a source of random numbers that belongs to a seed and names.

    What is drawn for one purpose does not move when another purpose draws more or less.
    """
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])


def noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    step: float,
    wavelength: float,
    slope: float = 3.4,
) -> Float32:
    """Return a smooth random field, mean about 0, standard deviation 1, (rows, columns) float32.

    Its power spectrum is flat for waves longer than ``wavelength`` and falls beyond, so that a
    larger image shows more of the same and not larger hills. The standard deviation is that of
    the whole of a field twice as large, of which the corner is returned: opposite edges differ.

    Args:
        rng: Where the randomness comes from.
        shape: Rows and columns.
        step: Distance of points, m.
        wavelength: The largest wave, m.
        slope: Exponent of the falling power spectrum: 2 is rugged, 4 is smooth.
    """
    margin = int(min(wavelength / step, max(shape)))
    rows, columns = (fft.next_fast_len(n + margin, real=True) for n in shape)
    white = rng.standard_normal((rows, columns), dtype="float32")
    frequency = np.hypot(
        fft.fftfreq(rows, step)[:, None], fft.rfftfreq(columns, step)[None, :]
    ).astype("float32")
    gain = (1 + (frequency * wavelength) ** 2) ** (-slope / 4)
    gain[0, 0] = 0
    weights = np.full(gain.shape, 2.0)
    weights[:, 0] = 1
    if columns % 2 == 0:
        weights[:, -1] = 1
    deviation = np.sqrt((weights * gain.astype(float) ** 2).sum() / (rows * columns))
    field = fft.irfft2(fft.rfft2(white) * gain, (rows, columns))
    return np.asarray(field[: shape[0], : shape[1]] / deviation, "float32")


def smoothstep(values: Float32, low: float, high: float) -> Float32:
    """Return 0 below ``low``, 1 above ``high``, and a smooth rise between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), "float32")
