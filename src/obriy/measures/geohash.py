"""Geohash: a place on the Earth as a short word (Niemeyer 2008, after Morton 1966)."""

from typing import Final

_LETTERS: Final = "0123456789bcdefghjkmnpqrstuvwxyz"


def geohash(lon: float, lat: float, length: int) -> str:
    """Return the geohash of a point.

    Bits halve the ranges of longitude and latitude in turn, longitude first; five bits are a
    letter. With 10 letters a cell is at most 1.2 m x 0.6 m.

    Args:
        lon: Longitude, degrees; whole turns do not matter.
        lat: Latitude, degrees, -90 to 90.
        length: Letters wanted.
    """
    value = [(lon + 180) % 360 - 180, lat]
    low, high = [-180.0, -90.0], [180.0, 90.0]
    word, letter = "", 0
    for bit in range(5 * length):
        axis = bit % 2
        middle = (low[axis] + high[axis]) / 2
        above = value[axis] >= middle
        (low if above else high)[axis] = middle
        letter = 2 * letter + above
        if bit % 5 == 4:
            word, letter = word + _LETTERS[letter], 0
    return word
