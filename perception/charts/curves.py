"""Curves and points: lines traced from left to right, and the marks of scatter plots."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..frame import Mask
from .edges import upper_edge
from .ink import runs_of

_RING_AREA = 120.0
"""Holes of hollow marks have fewer pixels."""
_THICK = 12
"""Pixels of a mark that have it on all sides, where marks are thick."""
_LARGE = 60
"""Pixels of which a mark beside thick ones cannot consist without being thick."""
_CUT = 5
"""Grid lines cut gaps that are narrower than this, pixels."""
_DASHES, _GAP_PX, _GAP_SHARE = 5, 10, 0.03
"""A line with more gaps is dashed; a gap in the data is longer than so many pixels, and than such
a share of the line."""
_STROKE_SHARE = 0.012
"""Of the image's height: half of what a stroke is thick at most."""
_DUST = 0.05
"""What has less of a line than this share of a usual piece of it may be dust."""
_SPECK = 12
"""But what is wider than this, pixels, is a stroke."""
_MARKER_SHARE = 0.3
"""Markers of a line are at least so large beside the largest: another line may hide a part."""
_STRIP = 3
"""Thickness of what is left of axis lines, pixels."""
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A line, traced.

    Attributes:
        x: [N] pixel columns, ascending, one apart.
        y: [N] pixel rows of its middle; interpolated where it is hidden.
        vertices: columns at which it bends or carries a marker.
        marked: whether the vertices carry markers.
        seen: [N] bool, where it is not hidden.
    """

    x: Doubles
    y: Doubles
    vertices: tuple[float, ...]
    marked: bool
    seen: Mask

    def at(self, column: float) -> float:
        """Row of the line at a column; a little beyond its ends it goes on straight."""
        for end, inner in ((0, min(8, len(self.x) - 1)), (-1, -min(9, len(self.x)))):
            beyond = column < self.x[0] if end == 0 else column > self.x[-1]
            if beyond and self.x[inner] != self.x[end]:
                slope = (self.y[inner] - self.y[end]) / (self.x[inner] - self.x[end])
                return float(self.y[end] + slope * (column - self.x[end]))
        return float(np.interp(column, self.x, self.y))

    def breaks_at(self, column: float, covered: Mask) -> bool:
        """Whether the line has a gap at a column, wider than those between dashes.

        Args:
            column: pixels.
            covered: [H, W] where something else may hide the line.
        """
        unseen = ~self.seen
        gaps = runs_of(unseen)
        dash = float(np.median([b - a for a, b in gaps])) if len(gaps) > _DASHES else 0.0
        at = column - self.x[0]
        for start, end in gaps:
            wide = end - start > max(_GAP_PX, _GAP_SHARE * len(self.x), 3 * dash)
            if wide and start - 1 <= at <= end:
                rows = np.clip(np.round(self.y[start:end]).astype(int), 0, len(covered) - 1)
                hidden = covered[rows, self.x[start:end].astype(int)]
                return bool(hidden.mean() < 0.5)
        return False


def trace(mask: Mask) -> Curve | None:
    """Trace the line that a mask shows; None where it is no line."""
    import cv2

    edge = upper_edge(mask)
    mask = edge if edge is not None else _without_uprights(_without_dust(mask))
    columns = np.flatnonzero(mask.any(axis=0))
    if len(columns) < 8:
        return None
    thickness = _thickness(mask)
    mask = _filled(mask, max(_RING_AREA, (7 * thickness) ** 2)) > 0
    core = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
    x = np.arange(columns[0], columns[-1] + 1)
    y = _follow(np.asarray(core), x)
    known = ~np.isnan(y)
    if known.mean() < 0.3:
        return None
    y = np.interp(x, x[known], y[known])
    blobs = _blobs(mask, thickness)
    inside = [b for b in blobs if columns[0] - 1 <= b[0] <= columns[-1] + 1]
    marked = len(inside) >= 2 and _spans(inside, columns)
    doubles = x.astype(np.float64)
    if marked:
        # A marker's middle is where the point is; the line through it may turn at it.
        for cx, cy in inside:
            near = np.abs(doubles - cx) <= 1
            y[near] = cy
        vertices = tuple(sorted(b[0] for b in inside))
    else:
        vertices = tuple(_bends(doubles, y))
    return Curve(doubles, y, vertices, marked, known)


def is_thick(mask: Mask) -> bool:
    """Whether it is filled to a good part, as no stroke is, with or without markers."""
    import cv2

    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max(axis=0)
    shown = inside[mask.any(axis=0)]
    return len(shown) > 0 and float((shown > _STROKE_SHARE * len(mask) + 2).mean()) > 0.3


def _without_dust(mask: Mask) -> Mask:
    """A line without specks beyond its ends, such as what an axis line has of its colour."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    x, _, wide, _, area = np.asarray(stats[1:count]).T
    if not len(area):
        return mask
    # Most of a dashed line is dashes, of a drawn-out one a single piece.
    usual = np.sort(area)[np.searchsorted(np.cumsum(np.sort(area)), area.sum() / 2)]
    real = (area >= _DUST * usual) | (wide > _SPECK)
    left, right = x[real].min(), (x + wide)[real].max()
    beyond = ~real & ((x + wide <= left) | (x >= right))
    return np.asarray(mask & ~np.isin(labels, 1 + np.flatnonzero(beyond)))


def _without_uprights(mask: Mask) -> Mask:
    """A line without what is left of an axis line at its ends."""
    import cv2

    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    out = mask.copy()
    for k in range(1, count):
        x, _, w, h, _ = stats[k]
        if w <= 3 and h >= 4 * w and (x < columns[0] + 8 or x + w > columns[-1] - 8):
            out[labels == k] = False
    return out if out.sum() > 0.5 * mask.sum() else mask


def _thickness(mask: Mask) -> float:
    """Width of the stroke, pixels: of its runs down or across, whichever is shorter at a pixel.

    A low percentile of them, since markers are wider; strokes without soft edges have steps, of
    which the runs in one direction alone would be too short.
    """
    shortest = np.minimum(_run_lengths(mask), _run_lengths(mask.T).T)[mask]
    return float(max(1.0, np.percentile(shortest, 25))) if len(shortest) else 2.0


def _run_lengths(mask: Mask) -> npt.NDArray[np.int64]:
    """[H, W] length of the run of ink in its column that a pixel is of; of use in the ink only."""
    columns = mask.T
    begins = np.diff(columns.astype(np.int8), axis=1, prepend=0) == 1
    runs = np.cumsum(begins.ravel())
    lengths = np.bincount(runs[columns.ravel()], minlength=int(runs[-1]) + 1)
    return np.asarray(lengths[runs].reshape(columns.shape).T)


def _runs(mask: Mask) -> list[npt.NDArray[np.int64]]:
    """For each column [n, 2]: first row and one past the last of each run of ink."""
    padded = np.pad(mask.astype(np.int8), ((1, 1), (0, 0)))
    steps = np.diff(padded, axis=0)
    found = []
    for column in range(mask.shape[1]):
        starts, ends = np.flatnonzero(steps[:, column] == 1), np.flatnonzero(steps[:, column] == -1)
        found.append(np.stack([starts, ends], axis=-1))
    return found


def _follow(mask: Mask, x: npt.NDArray[np.int64]) -> Doubles:
    """Row of the line in each column: where there are several runs, the one that goes on."""
    runs = _runs(mask[:, x[0] : x[-1] + 1])
    y = np.full(len(x), np.nan)
    last, slope = np.nan, 0.0
    for i, run in enumerate(runs):
        if not len(run):
            continue
        middles = run.mean(axis=1) - 0.5
        if np.isnan(last) or len(middles) == 1:
            pick = int(np.argmax(run[:, 1] - run[:, 0])) if np.isnan(last) else 0
        else:
            inside = np.maximum(run[:, 0] - last, last - run[:, 1] + 1)
            pick = int(np.argmin(np.maximum(inside, 0) * 3 + np.abs(middles - last - slope)))
        if not np.isnan(last):
            slope = 0.6 * slope + 0.4 * float(np.clip(middles[pick] - last, -8, 8))
        y[i] = last = float(middles[pick])
    return y


def _blobs(mask: Mask, thickness: float) -> list[tuple[float, float]]:
    """(x, y) of the round marks that are thicker than the line."""
    import cv2

    size = max(3, int(np.ceil(1.7 * thickness)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    # Steep strokes are not thick: measure thickness across, by opening with a disc.
    thick = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, _, stats, centers = cv2.connectedComponentsWithStats(np.asarray(thick), connectivity=8)
    found = []
    for k in range(1, count):
        _, _, w, h, area = stats[k]
        if max(w, h) <= 3.2 * min(w, h) and area >= 0.6 * size * size and max(w, h) < 40:
            found.append((int(area), float(centers[k][0]), float(centers[k][1])))
    # Where a thin line happens to be thicker, it is so by little beside a marker.
    least = _MARKER_SHARE * max((area for area, _, _ in found), default=0)
    return [(x, y) for area, x, y in found if area >= least]


def _spans(blobs: list[tuple[float, float]], columns: npt.NDArray[np.int64]) -> bool:
    """Markers stand at both ends of a line, joints of steep strokes don't."""
    xs = [b[0] for b in blobs]
    wide = columns[-1] - columns[0]
    slack = max(8, 0.03 * wide)
    return bool(min(xs) - columns[0] < slack and columns[-1] - max(xs) < slack)


def _bends(x: Doubles, y: Doubles, tolerance: float = 2.0) -> list[float]:
    """Columns of the corners of a line drawn from point to point (Douglas and Peucker 1973)."""
    keep = {0, len(x) - 1}
    todo = [(0, len(x) - 1)]
    while todo:
        a, b = todo.pop()
        if b - a < 3:
            continue
        line = y[a] + (y[b] - y[a]) * (x[a : b + 1] - x[a]) / max(x[b] - x[a], 1e-9)
        steep = np.hypot(1.0, (y[b] - y[a]) / max(x[b] - x[a], 1e-9))
        off = np.abs(y[a : b + 1] - line) / steep
        worst = int(off.argmax())
        if off[worst] > tolerance:
            keep.add(a + worst)
            todo += [(a, a + worst), (a + worst, b)]
    return [float(x[i]) for i in sorted(keep)]


def bridged(mask: Mask, guides: Mask) -> Mask:
    """A mask with what grid lines, drawn over it, have cut out of it."""
    import cv2

    shown = mask.astype(np.uint8)
    across = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, np.ones((_CUT, 1), np.uint8))
    along = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, np.ones((1, _CUT), np.uint8))
    return np.asarray(mask | (guides & ((across > 0) | (along > 0))))


def find_points(mask: Mask) -> list[tuple[float, float]]:
    """(x, y) middles of the marks of a scatter plot, touching ones told apart."""
    import cv2

    filled = _filled(mask, _RING_AREA)
    count, labels, stats, centers = cv2.connectedComponentsWithStats(filled, connectivity=8)
    # What is left of an axis line is long and thin; crosses and dots are not.
    strips = {
        k
        for k in range(1, count)
        if min(stats[k][2:4]) <= _STRIP and max(stats[k][2:4]) >= 3 * min(stats[k][2:4])
    }
    kept = [k for k in range(1, count) if stats[k][4] >= 6 and k not in strips]
    # Where marks are thick, what is thin is no mark: crossings of axis lines and ticks.
    inner = cv2.erode(filled, np.ones((3, 3), np.uint8))
    thick = np.bincount(labels[np.asarray(inner) > 0], minlength=count) >= _THICK
    if any(thick[k] for k in kept):
        strips |= {k for k in kept if not thick[k] and stats[k][4] >= _LARGE}
        kept = [k for k in kept if thick[k]]
    areas = [int(stats[k][4]) for k in kept]
    if not areas:
        return []
    usual = _usual(areas)
    found: list[tuple[float, float]] = []
    for k in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[k])
        if area < 0.3 * usual or area < 5 or k in strips:
            continue
        if area <= 1.45 * usual:
            found.append((float(centers[k][0]), float(centers[k][1])))
            continue
        piece = (labels[y : y + h, x : x + w] == k).astype(np.uint8)
        found += [(x + cx, y + cy) for cx, cy in _split(np.asarray(piece), usual)]
    return found


def _filled(mask: Mask, most: float) -> npt.NDArray[np.uint8]:
    """Rings with holes of up to so many pixels become discs: marks may be drawn hollow."""
    import cv2

    drawn = mask.astype(np.uint8)
    contours, tree = cv2.findContours(drawn, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    out = drawn.copy()
    for contour, node in zip(contours, tree[0] if tree is not None else [], strict=True):
        if node[3] >= 0 and cv2.contourArea(contour) < most:
            cv2.drawContours(out, [contour], -1, 1, -1)
    return np.asarray(out, np.uint8)


def _usual(areas: list[int]) -> float:
    """Area of one mark: the median of the smaller half that is not dust."""
    ordered = np.sort(areas)
    ordered = ordered[ordered > 0.25 * np.median(ordered)]
    return float(np.median(ordered[: max(1, (len(ordered) * 3) // 4)]))


def _split(piece: npt.NDArray[np.uint8], usual: float) -> list[tuple[float, float]]:
    """Discs of the usual size that make up a larger piece, best covering first."""
    import cv2

    radius = float(np.sqrt(usual / np.pi))
    padded = np.pad(piece, int(radius) + 2)
    side = int(2 * np.ceil(radius) + 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.float32)
    left = padded.astype(np.float32)
    found = []
    for _ in range(max(2, round(float(piece.sum()) / usual) + 2)):
        cover = cv2.filter2D(left, -1, disc / disc.sum(), borderType=cv2.BORDER_CONSTANT)
        whole = cv2.filter2D(padded.astype(np.float32), -1, disc / disc.sum())
        score = np.asarray(cover) + 0.5 * np.asarray(whole)
        y, x = np.unravel_index(int(score.argmax()), score.shape)
        if cover[y, x] < 0.42 or whole[y, x] < 0.8:
            break
        found.append((float(x) - int(radius) - 2, float(y) - int(radius) - 2))
        cv2.circle(left, (int(x), int(y)), int(np.ceil(radius)), 0.0, -1)
    return found
