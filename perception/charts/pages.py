"""Pages: the colours that a chart is drawn on, those of the page and of the panel."""

import numpy as np
import numpy.typing as npt

from ..frame import Image, Mask

Floats = npt.NDArray[np.float32]
_OF_PANEL = 0.15
"""A row or column that has less of a colour than this share of the most does not cross the panel
of that colour."""
_GAP_PX = 9
"""Grid lines over a panel are less thick than this."""


def backgrounds_of(image: Image) -> Floats:
    """[B, 3] the page's colour, and the panel's if it has another."""
    height, width = image.shape[:2]
    bins = bins_of(image)
    counts = np.bincount(bins.ravel(), minlength=4096)
    page = _page_bin(bins)
    found = [_mean(image, bins == page)]
    hued = image.max(axis=-1).astype(int) - image.min(axis=-1) > 70
    for k in np.argsort(-counts)[:8]:
        if int(k) == page or counts[k] < 0.04 * height * width:
            continue
        mask = _opened(bins == k, 7)
        if not mask.any():
            continue
        # The keys of a legend may have the panel's colour, too.
        counted = mask.sum(axis=1), mask.sum(axis=0)
        rows, columns = (np.flatnonzero(n > _OF_PANEL * n.max()) for n in counted)
        color = _mean(image, mask)
        wide = np.ptp(columns) > 0.4 * width and np.ptp(rows) > 0.35 * height
        within = hued[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].sum()
        framing = hued.sum() > 0.02 * hued.size and within > 0.85 * hued.sum()
        pale = color.max() - color.min() < 48
        alike = np.linalg.norm(color - found[0]) < (140 if color.max() - color.min() < 16 else 90)
        # A panel shows at its corners, or around what is drawn in stronger colours.
        whole = closed(bins == k, _GAP_PX)
        shows = framing or _has_corners(whole, rows, columns)
        if wide and pale and alike and shows and _is_whole(whole, int(np.ptp(columns))):
            found.append(color)
    # Neighbouring bins split what is one colour with a little noise.
    return np.array(found, np.float32)


def page_of(image: Image) -> Floats:
    """The colour [3] of the page: what most of an image's edge has."""
    bins = bins_of(image)
    return _mean(image, bins == _page_bin(bins))


def _page_bin(bins: npt.NDArray[np.int64]) -> int:
    edge = np.concatenate(
        [bins[:2].ravel(), bins[-2:].ravel(), bins[:, :2].ravel(), bins[:, -2:].ravel()]
    )
    return int(np.bincount(edge, minlength=4096).argmax())


def closed(mask: Mask, size: int) -> Mask:
    """A mask with its gaps of less than so many pixels filled."""
    import cv2

    kernel = np.ones((size, size), np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel)) > 0


def _opened(mask: Mask, size: int) -> Mask:
    import cv2

    kernel = np.ones((size, size), np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)) > 0


def _is_whole(mask: Mask, width: int) -> bool:
    """Whether most of a mask's width hangs together with its top.

    So does a panel, if bars stand before it, and pale bars of several heights don't.
    """
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] > 0.02 * mask.sum())
    if not len(large):
        return False  # Specks.
    tops = stats[large, cv2.CC_STAT_TOP]
    upper = np.isin(labels, large[tops < tops.min() + 0.05 * len(mask)])
    return bool(upper.any(axis=0).sum() > 0.5 * width)


def _has_corners(mask: Mask, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> bool:
    y0, y1, x0, x1 = rows[0], rows[-1], columns[0], columns[-1]
    dy, dx = max((y1 - y0) // 12, 4), max((x1 - x0) // 12, 4)
    corners = [
        mask[y0 : y0 + dy, x0 : x0 + dx], mask[y0 : y0 + dy, x1 - dx : x1],
        mask[y1 - dy : y1, x0 : x0 + dx], mask[y1 - dy : y1, x1 - dx : x1],
    ]  # fmt: skip
    return sum(bool(corner.size and corner.mean() > 0.4) for corner in corners) >= 3


def bins_of(image: Image) -> npt.NDArray[np.int64]:
    """[H, W] which of 16 × 16 × 16 bins of colours each pixel of an image is in."""
    coarse = (image >> 4).astype(np.int64)
    return coarse[..., 0] * 256 + coarse[..., 1] * 16 + coarse[..., 2]


def _mean(image: Image, mask: Mask) -> Floats:
    return np.asarray(np.median(image[mask], axis=0), np.float32)
