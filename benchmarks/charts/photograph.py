"""A chart as a camera sees it: printed on a sheet that lies on a table, or shown on a screen."""

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 1280, 960


def photograph(chart: Image, rng: np.random.Generator) -> Image:
    """[960, 1280, 3] uint8: a chart image on a sheet, seen at a slant in uneven light."""
    import cv2

    margin = int(0.06 * max(chart.shape[:2]))
    page = chart[0, 0].tolist()
    sheet = cv2.copyMakeBorder(
        chart, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=page
    )
    table = np.full((HEIGHT, WIDTH, 3), rng.uniform(60, 150, 3) * [1.0, 0.9, 0.75], np.float32)
    table += rng.normal(0, 6, (HEIGHT, WIDTH, 1)).astype(np.float32)
    h, w = sheet.shape[:2]
    corners = _seen(w, h, rng)
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    flat = cv2.warpPerspective(sheet, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones((h, w), np.uint8), matrix, (WIDTH, HEIGHT)) > 0
    photo = np.where(mask[..., None], np.asarray(flat, np.float32), table)
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    light = 0.86 + 0.12 * (rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y)
    photo = photo * light[..., None] * rng.uniform(0.95, 1.03, 3)
    photo = cv2.GaussianBlur(photo, (0, 0), float(rng.uniform(0.4, 0.8)))
    photo = photo + rng.normal(0, 2.5, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8)


def _seen(w: int, h: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """[4, 2] where a pinhole camera sees the corners of a sheet, tilted and turned, pixels."""
    size = np.array([w, h]) / max(w, h)
    sheet = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * [*size, 1] * 0.5
    tilt, lean, turn = rng.uniform(-0.5, 0.1), rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.2)
    c, s = np.cos([tilt, lean, turn]), np.sin([tilt, lean, turn])
    about_x = np.array([[1, 0, 0], [0, c[0], -s[0]], [0, s[0], c[0]]])
    about_y = np.array([[c[1], 0, s[1]], [0, 1, 0], [-s[1], 0, c[1]]])
    about_z = np.array([[c[2], -s[2], 0], [s[2], c[2], 0], [0, 0, 1]])
    points = sheet @ (about_x @ about_y @ about_z).T + [0, 0, 1.35]
    flat = points[:, :2] / points[:, 2:]
    flat -= (flat.max(axis=0) + flat.min(axis=0)) / 2
    scale = 0.86 * min(WIDTH / np.ptp(flat[:, 0]), HEIGHT / np.ptp(flat[:, 1]))
    return (flat * scale + [WIDTH / 2, HEIGHT / 2]).astype(np.float32)
