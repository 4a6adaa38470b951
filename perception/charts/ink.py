"""Ink: what is drawn on a chart besides its text and lines of guidance, sorted by colour."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..frame import Image, Mask
from .edges import is_as_wide, upper_edge
from .pages import backgrounds_of, bins_of
from .shades import run_together
from .text import Text

Floats = npt.NDArray[np.float32]
_FAR = 30.0
"""Two colours further apart than this, in RGB, are different."""
_GREY = 22.0
"""The channels of a grey are less than this apart."""
_HUED = 45
"""The channels of a colour that surely has a hue are more than this apart."""
_MOST = 20


def hued(rgb: Floats | Image) -> Mask:
    """[H, W] where an image [H, W, 3], in 0..255, has more hue than text and lines have."""
    return np.asarray(rgb.max(axis=-1) - rgb.min(axis=-1) > _HUED)


def runs_of(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last of each run of what is true."""
    steps = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    pairs = zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    return [(int(a), int(b)) for a, b in pairs]


def is_grey(color: Floats) -> bool:
    """Whether a colour [3], RGB in 0..255, has hardly any hue."""
    return float(color.max() - color.min()) < _GREY


@dataclass(frozen=True, eq=False)
class Ink:
    """What is drawn in one colour.

    Attributes:
        color: RGB, 0..255.
        mask: [H, W] bool.
        solid: share of it that lies within larger areas of the colour.
    """

    color: npt.NDArray[np.float32]
    mask: Mask
    solid: float

    @property
    def grey(self) -> bool:
        """Whether it has hardly any hue."""
        return is_grey(self.color)


@dataclass(frozen=True, eq=False)
class Canvas:
    """A chart image taken apart.

    Attributes:
        rgb: [H, W, 3] float32.
        backgrounds: [B, 3] colours of the page and of the panel.
        text: [H, W] bool, where text is.
        guides: [H, W] bool, where axis lines and grid lines are.
        drawn: [H, W] bool, all that is neither background, text nor guide.
        inks: by area, most first.
    """

    rgb: Floats
    backgrounds: Floats
    text: Mask
    guides: Mask
    drawn: Mask
    inks: tuple[Ink, ...]


def take_apart(image: Image, texts: list[Text]) -> Canvas:
    """Find background, guides and inks of a chart image [H, W, 3] uint8."""
    rgb = image.astype(np.float32)
    backgrounds = backgrounds_of(image)
    text = _text_mask(image.shape[:2], texts)
    distance = np.min([np.linalg.norm(rgb - b, axis=-1) for b in backgrounds], axis=0)
    other = distance > 22
    guides = _guides(rgb, other, backgrounds)
    drawn = other & ~text & ~guides
    return Canvas(rgb, backgrounds, text, guides, drawn, _inks(rgb, drawn, backgrounds))


def _text_mask(shape: tuple[int, ...], texts: list[Text]) -> Mask:
    import cv2

    mask = np.zeros(shape[:2], np.uint8)
    for text in texts:
        cv2.fillConvexPoly(mask, np.round(np.array(text.corners)).astype(np.int32), 1)
    return mask > 0


def _guides(rgb: Floats, other: Mask, backgrounds: Floats) -> Mask:
    """Axis and grid lines: long, straight, thin, grey, level or upright; also dashed ones."""
    import cv2

    height, width = other.shape
    grey = (rgb.max(axis=-1) - rgb.min(axis=-1)) < 40
    tinted = np.min([np.linalg.norm(rgb - b, axis=-1) < 70 for b in backgrounds], axis=0)
    lines = (other & (grey | tinted)).astype(np.uint8)
    found = np.zeros_like(lines)
    for length, across in ((width, False), (height, True)):
        line = lines.T if across else lines
        bridged = cv2.morphologyEx(
            np.ascontiguousarray(line), cv2.MORPH_CLOSE, np.ones((1, 9), np.uint8)
        )
        long = cv2.morphologyEx(
            bridged, cv2.MORPH_OPEN, np.ones((1, max(25, length // 3)), np.uint8)
        )
        thick = cv2.morphologyEx(line, cv2.MORPH_OPEN, np.ones((6, 3), np.uint8))
        # A line may have gaps; what is drawn in between is not its.
        clear = (line > 0) | ~(other.T if across else other)
        thin = (np.asarray(long) > 0) & (np.asarray(thick) == 0) & clear
        # What else is thin in the row of a dashed line is of that line.
        low = np.asarray(cv2.morphologyEx(line, cv2.MORPH_OPEN, np.ones((4, 1), np.uint8))) == 0
        thin |= (thin.sum(axis=1) > 0.25 * thin.shape[1])[:, None] & low & (line > 0)
        found |= (thin.T if across else thin).astype(np.uint8)
    beside = np.asarray(cv2.dilate(found, np.ones((3, 3), np.uint8))) > 0
    return np.asarray((found > 0) | (beside & (lines > 0) & tinted & grey))


def _inks(rgb: Floats, drawn: Mask, backgrounds: Floats) -> tuple[Ink, ...]:
    import cv2

    image = rgb.astype(np.uint8)
    bins = bins_of(image)
    solid = np.asarray(cv2.erode(drawn.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0
    even = cv2.morphologyEx(image, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=-1) < 26
    solid &= even
    raw = np.bincount(bins[drawn], minlength=4096)
    counts = _around(raw)
    solids = _around(np.bincount(bins[solid], minlength=4096))
    least = max(14, int(0.00003 * drawn.size))
    colors: list[Floats] = []
    weight = counts + 3 * solids
    for k in np.argsort(-weight):
        if counts[k] < least or len(colors) >= _MOST:
            continue
        color = _middle(image[drawn & (bins == _fullest(raw, int(k)))])
        if color is None:
            continue
        if any(np.linalg.norm(color - c) < _FAR for c in colors):
            continue
        own = solids[k] > max(30, 0.3 * counts[k])
        if not own and is_mixed(color, colors, backgrounds):
            continue
        if not own:
            color = _full(color, rgb, drawn, backgrounds)
            if any(np.linalg.norm(color - c) < _FAR for c in colors):
                continue
        colors.append(color)
    return _assigned(rgb, drawn, solid, colors, backgrounds)


def _full(color: Floats, rgb: Floats, drawn: Mask, backgrounds: Floats) -> Floats:
    """A shade of a thin stroke to the stroke's own colour, which few of its pixels have in full.

    They are the stroke's own where they run along the shade; those of another stroke do not.
    """
    import cv2

    apart = [float(np.linalg.norm(color - b)) for b in backgrounds]
    background = backgrounds[int(np.argmin(apart))]
    along = color - background
    off = rgb - background
    t = off @ along / max(float(along @ along), 1.0)
    on_ray = drawn & (np.linalg.norm(off - t[..., None] * along, axis=-1) < 14 + 8 * np.abs(t))
    pale, strong = on_ray & (np.abs(t - 1) < 0.15), on_ray & (t > 1.2)
    if strong.sum() < 0.05 * max(int(pale.sum()), 1):
        return color
    around = np.asarray(cv2.dilate(strong.astype(np.uint8), np.ones((5, 5), np.uint8))) > 0
    if (pale & around).sum() < 0.75 * pale.sum():
        return color
    full = rgb[strong & (t >= np.percentile(t[strong], 80))]
    return np.asarray(np.median(full, axis=0), np.float32)


def _around(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each bin of colours with its neighbours: a colour may lie on the edge of one."""
    from scipy.ndimage import uniform_filter

    cube = counts.reshape(16, 16, 16).astype(np.float64)
    return np.asarray(np.round(uniform_filter(cube, 3, mode="constant") * 27), np.int64).ravel()


def _fullest(counts: npt.NDArray[np.int64], k: int) -> int:
    """Of a bin and its neighbours the one with most pixels."""
    r, g, b = k // 256, k // 16 % 16, k % 16
    near = [
        u * 256 + v * 16 + w
        for u in range(max(r - 1, 0), min(r + 2, 16))
        for v in range(max(g - 1, 0), min(g + 2, 16))
        for w in range(max(b - 1, 0), min(b + 2, 16))
    ]
    return max(near, key=lambda i: int(counts[i]))


def _middle(pixels: npt.NDArray[np.uint8]) -> Floats | None:
    return np.asarray(np.median(pixels, axis=0), np.float32) if len(pixels) else None


def is_mixed(color: Floats, colors: list[Floats], backgrounds: Floats) -> bool:
    """Whether a colour lies between a background and an ink, or between two inks, as at edges."""
    ends = [*backgrounds, *colors]
    for i, a in enumerate(ends):
        for b in ends[i + 1 :]:
            along = b - a
            t = float((color - a) @ along / max(along @ along, 1.0))
            if 0.05 < t < 0.97 and np.linalg.norm(color - (a + t * along)) < 24:
                return True
    return False


def _assigned(
    rgb: Floats, drawn: Mask, solid: Mask, colors: list[Floats], backgrounds: Floats
) -> tuple[Ink, ...]:
    """Each drawn pixel to the ink that it is nearest to, or that it is a shade of at an edge."""
    if not colors:
        return ()
    pixels = rgb[drawn]
    costs = []
    for color in colors:
        cost = np.linalg.norm(pixels - color, axis=-1)
        for background in backgrounds:
            along = color - background
            t = np.clip((pixels - background) @ along / max(float(along @ along), 1.0), 0, 1)
            apart = np.linalg.norm(pixels - (background + t[:, None] * along), axis=-1)
            cost = np.minimum(cost, np.where(t > 0.45, apart + 40 * (1 - t), 1e9))
        costs.append(cost)
    table = np.stack(costs, axis=-1)
    nearest, least = table.argmin(axis=-1), table.min(axis=-1)
    owner = np.full(drawn.shape, -1, np.int16)
    owner[drawn] = np.where(least < 70, nearest, -1)
    inks = []
    for group in run_together(rgb, owner, len(colors)):
        mask = np.isin(owner, group) if len(group) > 1 else owner == group[0]
        color = colors[max(group, key=lambda k: int((nearest == k).sum()))]
        area = int(mask.sum())
        if area:
            inks.append(Ink(color, mask, float((mask & solid).sum() / area)))
    return _merged(sorted(inks, key=lambda ink: -int(ink.mask.sum())))


def _same_hue(inks: list[Ink]) -> list[Ink]:
    """Strokes and marks that are drawn see-through, or with a rim, come in shades of one hue."""
    kept: list[Ink] = []
    for ink in inks:
        like = [
            other
            for other in kept
            if not ink.grey
            and not other.grey
            and likeness_of_hue(ink.color, other.color) > 0.97
            and (ink.mask.sum() < 0.4 * other.mask.sum() or share_near(ink, other) > 0.75)
        ]
        if like:
            like[0].mask[ink.mask] = True
        else:
            kept.append(ink)
    return kept


def share_near(ink: Ink, other: Ink) -> float:
    """Share of an ink's pixels that touch another ink."""
    import cv2

    around = cv2.dilate(other.mask.astype(np.uint8), np.ones((5, 5), np.uint8))
    return float((ink.mask & (np.asarray(around) > 0)).sum() / ink.mask.sum())


def likeness_of_hue(a: Floats, b: Floats) -> float:
    """Cosine between what two colours have besides grey."""
    a, b = a - a.min(), b - b.min()
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-6))


def _merged(inks: list[Ink]) -> tuple[Ink, ...]:
    """Shades that lie within or along a solid ink join it: overlaid lines, outlines, shadows."""
    import cv2

    least = 0.002 * inks[0].mask.size if inks else 0.0
    solid = [ink for ink in inks if ink.solid > 0.55 and ink.mask.sum() > least]
    kept = list(solid)
    loose = _same_hue([ink for ink in inks if all(ink is not other for other in solid)])
    near = [
        np.asarray(cv2.dilate(ink.mask.astype(np.uint8), np.ones((7, 7), np.uint8))) > 0
        for ink in solid
    ]
    # The line along an area's edge is what the area is drawn under.
    areas = [k.mask for k in solid if upper_edge(k.mask) is not None]
    for ink in loose:
        if any(is_as_wide(ink.mask, area) for area in areas):
            kept.append(ink)
            continue
        shares = [
            float((ink.mask & around).sum() / ink.mask.sum())
            * float(ink.mask.sum() < 0.5 * other.mask.sum())
            for other, around in zip(solid, near, strict=True)
        ]
        best = int(np.argmax(shares)) if shares else -1
        if best >= 0 and shares[best] > 0.7:
            kept[best].mask[ink.mask] = True
        else:
            kept.append(ink)
    return tuple(sorted(kept, key=lambda ink: -int(ink.mask.sum())))
