"""A made-up place: terrain, rivers, ponds and reservoirs, and its true water at any level.

Everything is a height above the mean level of the nearest water, as in a HAND model: the lowest
of the terrain (lakes lie in it), the river beds and the basins; water is where that height lies
below the level of the date. Truth is counted on cells of 1 m.
"""

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.geobox import GeoBox

from obriy.coverage import pixel_coverage
from obriy.simulate import counting
from obriy.simulate.counting import HIGHEST, Shapes, count_cells, near_cells
from obriy.simulate.fields import noise, stream
from obriy.simulate.settings import World
from obriy.vectors import place

FloatArray = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
TERRAIN_STEP = 20.0
"""Distance of terrain heights, m; larger where pixels are larger."""
LINE_STEP = 5.0
"""Length of the pieces of a river, m."""
LAKES, RIVERS, FIRST_BASIN = 0, 1, 1000
"""Owners of water: the terrain, lines from 1 on, basins from 1000 on."""
NO_DAM = 1e9
SMALLEST = 0.04
"""Creeks and ponds smaller than this part of a pixel are left out: of 20 m where it has 500 m."""
DEEPEST_LAKE = 12.0


@dataclasses.dataclass(frozen=True)
class Frame:
    """The grid of a simulated image and the finer grid on which its ground is made.

    Attributes:
        size: Rows and columns of the image.
        resolution: Pixel size, m.
        parts: Ground squares along a side of a pixel.
        cells: Cells of about 1 m along a side of a ground square.
    """

    size: tuple[int, int]
    resolution: float
    parts: int
    cells: int

    @classmethod
    def of(cls, size: tuple[int, int], resolution: float) -> "Frame":
        """Return the frame of an image: ground squares of 5 to 10 m (larger from 80 m pixels)."""
        parts = min(max(2, math.ceil(resolution / 10)), 8)
        return cls(size, resolution, parts, max(1, round(resolution / parts)))

    @property
    def ground_size(self) -> tuple[int, int]:
        """Rows and columns of ground squares."""
        return self.size[0] * self.parts, self.size[1] * self.parts

    @property
    def ground(self) -> float:
        """Side of a ground square, m."""
        return self.resolution / self.parts

    @property
    def extent(self) -> tuple[float, float]:
        """Height and width of the image, m."""
        return self.size[0] * self.resolution, self.size[1] * self.resolution

    def pixels(self, ground: Float32) -> Float32:
        """Return means over pixels of values (rows, columns) on ground squares."""
        rows, columns = self.size
        parts = ground.reshape(rows, self.parts, columns, self.parts)
        return np.asarray(parts.mean((1, 3), dtype="float64"), "float32")


@dataclasses.dataclass(frozen=True)
class Flooded:
    """The place at a level of the water, on ground squares.

    Attributes:
        share: Share of water, 0 to 1, by cells of 1 m.
        depth: Mean depth of the wet cells, m; 0 where there are none.
        above: Mean height of the dry cells above the water, m; 0 where there are none.
    """

    share: Float32
    depth: Float32
    above: Float32


@dataclasses.dataclass(frozen=True)
class Place:
    """Terrain, rivers and basins of one seed.

    Attributes:
        frame: Its grids.
        shapes: What the kernels read.
        counted: The water that was counted last, by level: it is asked for again by districts.
    """

    frame: Frame
    shapes: Shapes
    counted: dict[float, Flooded] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    def flooded(self, level: float) -> Flooded:
        """Return the water at a level (m above the mean)."""
        size, side = self.frame.ground_size, self.frame.ground
        found = self.counted.get(level)
        if found is None:
            found = Flooded(*count_cells(self.shapes, size, side, self.frame.cells, level))
            self.counted.clear()
            self.counted[level] = found
        return found

    def water_km2(self, level: float) -> float:
        """Return the true area of water in the image, km², by cells of 1 m."""
        share = self.flooded(level).share
        return float(share.sum(dtype="float64")) * self.frame.ground**2 / 1e6

    def water_km2_in(self, polygon: shapely.Geometry, geobox: GeoBox, level: float) -> float:
        """Return the true area of water in a polygon, km²: wet 1 m cells whose centre it holds.

        Args:
            polygon: Polygon or multipolygon in the CRS of the grid; what lies outside the image
                does not count.
            geobox: The grid of the image.
            level: Height of the water above its mean, m.
        """
        fine = geobox.zoom_out(1 / self.frame.parts)
        placed = place(polygon, None, fine)
        rows, columns = self.frame.ground_size
        inside = pixel_coverage(placed, slice(0, rows), slice(0, columns))
        share = self.flooded(level).share
        side = self.frame.ground
        whole = float(share[inside >= 1].sum(dtype="float64")) * side**2
        cut = np.argwhere((inside > 0) & (inside < 1) & (share > 0))
        small = side / self.frame.cells
        centres = (np.arange(self.frame.cells) + 0.5) / self.frame.cells
        wet = 0
        shapely.prepare(placed)
        for part in np.array_split(cut, max(1, len(cut) // 5000)):
            y = part[:, :1, None] + centres[:, None]
            x = part[:, 1:, None] + centres[None, :]
            y, x = (np.broadcast_to(a, (len(part), len(centres), len(centres))) for a in (y, x))
            held = shapely.contains_xy(placed, x, y)
            found, _ = counting.heights(self.shapes, x[held] * side, y[held] * side)
            wet += int((found < level).sum())
        return (whole + wet * small**2) / 1e6

    def owners(self) -> npt.NDArray[np.int32]:
        """Return whose water lies at the centre of each ground square (rows, columns).

        `LAKES` the terrain's, `RIVERS` and on for lines, `FIRST_BASIN` and on for basins.
        """
        rows, columns = self.frame.ground_size
        y, x = (np.mgrid[0:rows, 0:columns] + 0.5) * self.frame.ground
        _, owner = counting.heights(self.shapes, x.ravel(), y.ravel())
        return np.asarray(owner.reshape(rows, columns))

    def heights(self) -> Float32:
        """Return heights above mean water at the centres of ground squares, m."""
        rows, columns = self.frame.ground_size
        y, x = (np.mgrid[0:rows, 0:columns] + 0.5) * self.frame.ground
        height, _ = counting.heights(self.shapes, x.ravel(), y.ravel())
        return np.asarray(height.reshape(rows, columns), "float32")


def make_place(size: tuple[int, int], seed: int, resolution: float, world: World) -> Place:
    """Make the terrain and the waters of a seed.

    The same seed, extent in metres and world make the same place at any resolution from 10 to
    60 m whose ground squares divide the terrain's step.

    Args:
        size: Rows and columns of the image.
        seed: The seed of everything.
        resolution: Pixel size, m.
        world: What the place is like.
    """
    frame = Frame.of(size, resolution)
    step = frame.ground * max(1, round(TERRAIN_STEP / frame.ground))
    terrain, margin = _terrain(frame, seed, step, world)
    lines = _lines(frame, seed, world)
    basins = _basins(frame, seed, world, (terrain, step, margin))
    return Place(frame, index_shapes(terrain, step, margin, lines, basins))


def index_shapes(
    terrain: FloatArray, step: float, margin: int, lines: FloatArray, basins: FloatArray
) -> Shapes:
    """Put shapes together so that the kernels find those near a point.

    Args:
        terrain: (rows, columns) heights at corners of cells, m.
        step: Side of a cell, m.
        margin: Cells beyond the upper and left edges of the image.
        lines: (n, 7) as in `Shapes`.
        basins: (m, 12) as in `Shapes`.
    """
    rows, columns = terrain.shape[0] - 1, terrain.shape[1] - 1
    reach = lines[:, 4] + HIGHEST / counting.BANK
    x, y = lines[:, 0:3:2], lines[:, 1:4:2]
    boxes = np.column_stack(
        [x.min(1) - reach, y.min(1) - reach, x.max(1) + reach, y.max(1) + reach]
    )
    line_start, line_index = near_cells(boxes, step, margin, rows, columns)
    half = basins[:, 2:4]
    reach = half.max(1) * (1 + HIGHEST / (counting.BANK * half.min(1))) * 1.5
    x, y = basins[:, 0], basins[:, 1]
    boxes = np.column_stack([x - reach, y - reach, x + reach, y + reach])
    basin_start, basin_index = near_cells(boxes, step, margin, rows, columns)
    return Shapes(
        terrain, step, margin, lines, line_start, line_index, basins, basin_start, basin_index
    )


def _terrain(frame: Frame, seed: int, step: float, world: World) -> tuple[FloatArray, int]:
    """Return heights of lake basins and lowland above mean water, and the cells of margin."""
    margin = 3
    rows, columns = (math.ceil(e / step) + 2 * margin + 1 for e in frame.extent)
    shape = (rows, columns)
    rng = stream(seed, "terrain")
    broad = noise(rng, shape, step, 2800.0, 3.8)
    rough = noise(rng, shape, step, 350.0, 3.2)
    field = broad + world.ruggedness * rough
    share = rng.uniform(*world.lake_share)
    field = field - np.quantile(field[margin:-margin, margin:-margin], share)
    height = world.relief_m * field.astype("float64")
    return np.maximum(height, -DEEPEST_LAKE), margin


def _lines(frame: Frame, seed: int, world: World) -> FloatArray:
    """Return pieces of a river across the image and of creeks, (n, 7)."""
    rng = stream(seed, "lines")
    width = rng.uniform(*world.river_width_m)
    parts = [_river(frame, rng, width, RIVERS)]
    height, across = frame.extent
    number = rng.poisson(world.creeks_per_10km2 * height * across / 1e7)
    for k in range(number):
        width = rng.uniform(*world.creek_width_m)
        if width < frame.resolution * SMALLEST:
            continue
        parts.append(_river(frame, rng, width, RIVERS + 1 + k))
    return np.vstack(parts)


def _river(frame: Frame, rng: np.random.Generator, width: float, number: int) -> FloatArray:
    """Return a meandering line right through the image, as pieces (n, 7).

    A sine-generated curve (Langbein and Leopold 1966, USGS Professional Paper 422-H): the
    direction swings as the sine of the way along it; meanders are some 11 widths long. A slower
    swing and a changing sinuosity make it less regular.
    """
    height, across = frame.extent
    downward = rng.random() < 0.5
    length, breadth = (height, across) if downward else (across, height)
    step = max(LINE_STEP, frame.resolution / 20)
    way = np.arange(0, 3.0 * length, step)
    wave = 11 * width * rng.uniform(1.0, 1.6)
    turns = rng.uniform(0, 2 * np.pi, 5)
    slow = rng.uniform(3.5, 5.5) * wave + 900.0
    swing = rng.uniform(0.7, 1.25) * (0.7 + 0.3 * np.sin(2 * np.pi * way / (1.7 * slow) + turns[0]))
    phase = 2 * np.pi * way / wave + 1.5 * np.sin(2 * np.pi * way / slow + turns[1])
    direction = swing * np.sin(phase + turns[2])
    direction += 0.45 * np.sin(2 * np.pi * way / slow + turns[3])
    forth = np.cumsum(np.cos(direction)) * step - 0.1 * length
    side = np.cumsum(np.sin(direction)) * step
    inside = (forth >= 0) & (forth <= length)
    if inside.any():  # no drift: both ends lie where they were drawn
        side = side - np.interp(forth, [0, length], side[inside][[0, -1]])
    side = side + breadth * rng.uniform(0.15, 0.85)
    kept = forth <= 1.1 * length
    forth, side, phase = forth[kept], side[kept], phase[kept]
    x, y = (side, forth) if downward else (forth, side)
    half = width / 2 * np.exp(0.22 * np.sin(phase / 3 + turns[4]) + 0.12 * np.sin(1.7 * phase))
    depth = 0.7 + 0.035 * 2 * half
    numbers = np.full(len(x) - 1, float(number))
    return np.column_stack([x[:-1], y[:-1], x[1:], y[1:], half[:-1], depth[:-1], numbers])


def _basins(
    frame: Frame, seed: int, world: World, ground: tuple[FloatArray, float, int]
) -> FloatArray:
    """Return ponds, and reservoirs behind straight dams, (m, 12)."""
    terrain, step, margin = ground
    rng = stream(seed, "basins")
    height, across = frame.extent
    area = height * across / 1e6
    ponds = max(1, rng.poisson(world.ponds_per_km2 * area))
    reservoirs = rng.poisson(world.reservoirs_per_10km2 * area / 10)
    rows: list[list[float]] = []
    for k in range(ponds + reservoirs):
        dammed = k >= ponds
        where = rng.uniform(0, 1, (6, 2)) * (across, height)
        if dammed:  # valleys are dammed in the hills, ponds lie anywhere
            ij = np.clip((where / step).astype(int) + margin, 0, np.array(terrain.shape[::-1]) - 1)
            x, y = where[int(terrain[ij[:, 1], ij[:, 0]].argmax())]
        else:
            x, y = where[0]
        outline = _outline(rng, world, dammed)
        if outline[0] < frame.resolution * SMALLEST and len(rows) > 0:
            continue
        rows.append([x, y, *outline, float(FIRST_BASIN + k)])
    return np.array(rows)


def _outline(rng: np.random.Generator, world: World, dammed: bool) -> list[float]:
    """Return the half axes, turn, power, depth, waves and dam of a basin."""
    turn = rng.uniform(0, 2 * np.pi)
    way = [math.cos(turn), math.sin(turn)]
    if dammed:
        long = rng.uniform(150, 420)
        depth = rng.uniform(4, 9)
        waves = [rng.uniform(0.1, 0.25), rng.uniform(0, 2 * np.pi)]
        return [long, long * rng.uniform(0.3, 0.5), *way, 2.0, depth, *waves, 0.35 * long]
    median, spread = world.pond_radius_m
    radius = float(np.clip(median * math.exp(spread * rng.standard_normal()), 3, 150))
    other = radius * rng.uniform(0.45, 1.0)
    depth = rng.uniform(0.5, 1.2) + 0.015 * radius
    if rng.random() < 0.35:  # dug: fish ponds, borrow pits
        return [radius, other, *way, 8.0, depth, 0.0, 0.0, NO_DAM]
    waves = [rng.uniform(0.05, 0.2), rng.uniform(0, 2 * np.pi)]
    return [radius, other, *way, 2.0, depth, *waves, NO_DAM]
