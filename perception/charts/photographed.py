"""A chart on paper or a screen within a larger picture: found, and laid flat."""

import numpy as np
import numpy.typing as npt

from ..frame import Image

_LEAST_SHARE = 0.05
_FRAMED_SHARE = 0.55
_DIM = 110
"""Median level under which a sheet is a dark screen, or paper in little light."""
_STRAIGHT, _ADDED = 0.006, 0.1
"""Of a sheet's outline: how far what is straight may bend, as a share of its length; and the share
of its area that its corners may lack."""
_CUT, _SAME = 0.02, 0.75
"""How much worse four corners fit what was cut off, and how far it overlaps the whole."""
_SIDE = 1000
"""Longer side of a flattened sheet, pixels."""


def find_sheets(rgb: Image) -> list[npt.NDArray[np.float32]]:
    """Four-cornered sheets in an image, largest first.

    Args:
        rgb: [H, W, 3] uint8.

    Returns:
        Corners [4, 2], pixels, clockwise from the top left; none for a picture that a chart
        fills by itself.
    """
    import cv2

    height, width = rgb.shape[:2]
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (5, 5), 0)
    found: list[tuple[float, float, npt.NDArray[np.float32]]] = []
    for mask in _masks(rgb, np.asarray(grey, np.uint8)):
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            area = cv2.contourArea(contour)
            if not _LEAST_SHARE * width * height < area < 0.97 * width * height:
                continue
            corners = _corners(np.asarray(contour))
            if corners is None or not _within(corners, width, height):
                continue
            whole = float(cv2.contourArea(corners))
            if whole > 1.12 * area:
                continue
            found.append((whole, whole / area, _ordered(corners)))
    found.sort(key=lambda sheet: -sheet[0])
    kept: list[npt.NDArray[np.float32]] = []
    for _, fit, corners in found:
        # Where light or shadow cut off a part of a sheet, another mask shows it whole.
        better = (other for _, sure, other in found if fit > sure + _CUT)
        if any(_overlap(corners, other) > _SAME for other in better):
            continue
        if all(np.abs(corners - other).max() > 0.02 * max(width, height) for other in kept):
            kept.append(corners)
    framed = [corners for corners in kept if _is_frame(rgb, corners, kept)]
    return [c for c in kept if all(c is not f for f in framed)][:6]


def _overlap(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Intersection of two quadrilaterals over their union."""
    import cv2

    shared, _ = cv2.intersectConvexConvex(a, b)
    return float(shared / (cv2.contourArea(a) + cv2.contourArea(b) - shared + 1e-9))


def _is_frame(
    rgb: Image, corners: npt.NDArray[np.float32], others: list[npt.NDArray[np.float32]]
) -> bool:
    """Whether a sheet is but the frame of another: nothing is on it beside that one."""
    import cv2

    area = cv2.contourArea(corners)
    for inner in others:
        if not _FRAMED_SHARE * area < cv2.contourArea(inner) < area:
            continue
        ring = np.zeros(rgb.shape[:2], np.uint8)
        cv2.fillConvexPoly(ring, np.round(corners).astype(np.int32), 1)
        cv2.fillConvexPoly(ring, np.round(inner).astype(np.int32), 0)
        # Not the edges themselves, nor what is as thin as they are.
        ring = np.asarray(cv2.erode(ring, np.ones((7, 7), np.uint8)), np.uint8)
        pixels = rgb[ring > 0].astype(np.int64)
        if len(pixels) < 100:
            continue
        apart = np.abs(pixels - np.median(pixels, axis=0)).max(axis=-1)
        if float(np.mean(apart > 40)) < 0.002:
            return True
    return False


def flatten(rgb: Image, corners: npt.NDArray[np.float32]) -> Image:
    """A four-cornered sheet as it looks from straight ahead, up to 1000 pixels long.

    Its aspect ratio is taken from the mean lengths of its opposite sides.
    """
    import cv2

    a, b, c, d = corners
    wide = (np.linalg.norm(b - a) + np.linalg.norm(c - d)) / 2
    tall = (np.linalg.norm(d - a) + np.linalg.norm(c - b)) / 2
    scale = _SIDE / max(wide, tall)
    width, height = max(48, round(wide * scale)), max(48, round(tall * scale))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    flat = cv2.warpPerspective(rgb, matrix, (width, height), flags=cv2.INTER_CUBIC)
    return _evened(np.asarray(flat, np.uint8))


def _evened(flat: Image) -> Image:
    """Paper made evenly white, where light fell unevenly; dark screens stay as they are.

    The light is a quadratic surface for each channel, fitted to what is pale (the paper) and
    fitted again to what agrees with it.
    """
    import cv2

    inner = np.ascontiguousarray(flat[4:-4, 4:-4])
    inner = np.asarray(cv2.bilateralFilter(inner, 5, 22, 3), np.uint8)
    if float(np.median(inner)) < _DIM:
        if not _is_paper(inner):
            return inner
        inner = np.asarray(cv2.convertScaleAbs(inner, alpha=200.0 / np.median(inner)), np.uint8)
    small = cv2.resize(inner, (96, 96), interpolation=cv2.INTER_AREA)
    pixels = np.asarray(small, np.float64).reshape(-1, 3)
    y, x = np.mgrid[-1:1:96j, -1:1:96j].reshape(2, -1)
    design = np.column_stack([np.ones_like(x), x, y, x * y, x * x, y * y])
    level = pixels.max(axis=-1)
    paper = (level >= np.percentile(level, 50)) & (np.ptp(pixels, axis=-1) < 70)
    surface = np.zeros((6, 3))
    for _ in range(4):
        if paper.sum() < 60:
            return inner
        surface = np.linalg.lstsq(design[paper], pixels[paper], rcond=None)[0]
        apart = np.abs(pixels - design @ surface).max(axis=-1)
        paper = apart < 14
    h, w = inner.shape[:2]
    light = (design @ surface).reshape(96, 96, 3).astype(np.float32)
    full = cv2.resize(light, (w, h), interpolation=cv2.INTER_LINEAR)
    bright = inner.astype(np.float32) * (252.0 / np.maximum(np.asarray(full), 40.0))
    return np.clip(bright, 0, 255).astype(np.uint8)


def _is_paper(dim: Image) -> bool:
    """Whether a dark sheet is paper in little light: what is on it is darker yet, not lighter."""
    page = np.median(dim, axis=(0, 1))
    apart = (dim.astype(np.int64) - page).mean(axis=-1)
    threshold = 0.25 * max(float(page.mean()), 40.0)
    return int((apart < -threshold).sum()) > 3 * int((apart > threshold).sum())


def rounded(flat: Image) -> Image:
    """A flat picture stretched so that its one big ellipse, if it shows one, is a circle.

    How long a sheet is that was seen at a slant cannot be told well; a pie tells.
    """
    import cv2

    border = np.concatenate([flat[0], flat[-1], flat[:, 0], flat[:, -1]])
    page = np.median(border, axis=0)
    other = (np.abs(flat.astype(np.int64) - page).max(axis=-1) > 45).astype(np.uint8)
    closed = cv2.morphologyEx(other, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    solid = cv2.morphologyEx(np.asarray(closed), cv2.MORPH_OPEN, np.ones((15, 15), np.uint8))
    contours, _ = cv2.findContours(np.asarray(solid), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return flat
    contour = max(contours, key=cv2.contourArea)
    _, _, w, h = cv2.boundingRect(contour)
    fill = cv2.contourArea(contour) / (np.pi / 4 * w * h)
    if not (0.95 < fill < 1.05 and 0.6 < w / h < 1.6 and min(w, h) > 60):
        return flat
    height = round(flat.shape[0] * w / h)
    return np.asarray(cv2.resize(flat, (flat.shape[1], height), interpolation=cv2.INTER_CUBIC))


def _masks(rgb: Image, grey: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    import cv2

    edges = cv2.Canny(grey, 30, 90)
    closed = cv2.dilate(edges, np.ones((3, 3), np.uint8))
    _, bright = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    pale = (rgb.min(axis=-1) > np.percentile(rgb.min(axis=-1), 70)).astype(np.uint8) * 255
    pale = cv2.morphologyEx(pale, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    # White paper before a pale floor: of what is bright, the brighter part.
    least = np.ascontiguousarray(rgb.min(axis=-1))
    among = least[np.asarray(bright) > 0] if np.any(bright) else least
    level, _ = cv2.threshold(among, 0, 255, cv2.THRESH_OTSU)
    bright = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    whitest = cv2.morphologyEx(
        (least > level).astype(np.uint8) * 255, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)
    )
    dark = np.asarray(
        cv2.morphologyEx(255 - np.asarray(bright), cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    )
    return [np.asarray(m, np.uint8) for m in (closed, bright, pale, whitest, dark)]


def _corners(contour: npt.NDArray[np.int32]) -> npt.NDArray[np.float32] | None:
    """The four corners of what is nearly a quadrilateral, even where light or a thing cuts one.

    Of its convex hull the sides that matter least are taken away, one by one, and their
    neighbours drawn out until they meet.
    """
    import cv2

    hull = cv2.convexHull(contour)
    shape = cv2.approxPolyDP(hull, _STRAIGHT * cv2.arcLength(hull, True), True)
    points = np.asarray(shape[:, 0], np.float64)
    limit = _ADDED * float(cv2.contourArea(hull))
    while len(points) > 4:
        drawn_out = [_without_side(points, k) for k in range(len(points))]
        least, best = min(drawn_out, key=lambda pair: pair[0])
        if least > limit:
            return None
        limit -= least
        points = best
    return np.asarray(points, np.float32) if len(points) == 4 else None


def _without_side(points: npt.NDArray[np.float64], k: int) -> tuple[float, npt.NDArray[np.float64]]:
    """A convex polygon without the side from point k on: the area that is added, and its points."""
    count = len(points)
    a, b = points[k - 1], points[k]
    c, d = points[(k + 1) % count], points[(k + 2) % count]
    first, second = b - a, c - d
    cross = float(first[0] * second[1] - first[1] * second[0])
    if abs(cross) < 1e-9:
        return float("inf"), points
    gap = c - b
    reach = float(gap[0] * second[1] - gap[1] * second[0]) / cross
    back = float(gap[0] * first[1] - gap[1] * first[0]) / cross
    if reach <= 0 or back <= 0:
        return float("inf"), points
    meet = b + reach * first
    side, out = c - b, meet - b
    added = abs(float(side[0] * out[1] - side[1] * out[0])) / 2
    kept = [p for i, p in enumerate(points) if i not in (k, (k + 1) % count)]
    place = k if k < count - 1 else len(kept)
    kept.insert(place, meet)
    return added, np.array(kept)


def _within(corners: npt.NDArray[np.float32], width: int, height: int) -> bool:
    """Whether a sheet is seen whole, not cut by the picture's edge."""
    x, y = corners[:, 0], corners[:, 1]
    return bool(x.min() > 1 and y.min() > 1 and x.max() < width - 2 and y.max() < height - 2)


def _ordered(corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    middle = corners.mean(axis=0)
    turns = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    ring = corners[np.argsort(turns)]
    return np.asarray(np.roll(ring, -int(np.argmin(ring.sum(axis=1))), axis=0), np.float32)
