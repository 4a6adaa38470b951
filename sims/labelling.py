"""Labels: views of a world with the ground truth of what is in them, to train and tune on.

A shard is one `.npz`: JPEG images, depth images as PNG in millimetres, instance maps at a quarter
of the resolution, and a JSON record for each image.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from handeye.perception.conditions import Holding, In, On
from handeye.perception.frame import Camera, Depth, Frame, Image, Intrinsics, Transform

from .articulated import corners, state_of
from .body import FURNITURE
from .judge import holds
from .objects import CATEGORIES, COLORS
from .shape import surface
from .world import World

STRIDE = 4
_MIN_PIXELS = 6
_APART_S = 0.5
_FARTHEST_M = 65.0
"""What a depth image of whole millimetres can tell; 0 is no reading."""
Relations = dict[str, tuple[str, str]]
"""What lies on or in what: name -> ("on" | "in", name)."""


@dataclass(frozen=True)
class View:
    """One camera to render from."""

    camera: str
    intrinsics: Intrinsics
    T_world_camera: Transform


@dataclass(frozen=True, eq=False)
class Labelled:
    """What one view shows, and what is true of it.

    Attributes:
        rgb: [H, W, 3] uint8.
        depth: [H, W] float32 metres, 0 where there is no reading.
        instances: [H/4, W/4] uint8; 0 is no object and k is the record's object k - 1.
        record: the camera's name and focal lengths, and the objects.
    """

    rgb: Image
    depth: Depth
    instances: npt.NDArray[np.uint8]
    record: dict[str, Any]


class Labels:
    """Keeps what cameras saw of a world, labelled, and writes it as a shard.

    Args:
        world: that the frames are of.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._views: list[Labelled] = []
        self._latest: dict[str, float] = {}
        self._shape: tuple[int, ...] = ()

    def add(self, frame: Frame) -> None:
        """Take a frame of this very instant, one in half a second of each camera.

        A shard's images are all of one size: what differs from the first is left out.
        """
        world = self._world
        if frame.intrinsics is None or frame.T_world_camera is None:
            return
        since = frame.stamp_s - self._latest.get(frame.camera, -np.inf)
        if frame.stamp_s != world.time_s or since < _APART_S:
            return
        if self._shape not in ((), frame.rgb.shape):
            return
        self._shape = frame.rgb.shape
        self._latest[frame.camera] = frame.stamp_s
        view = View(frame.camera, frame.intrinsics, frame.T_world_camera)
        held = next((n for n in world.objects if holds(Holding(object=n), world)), None)
        seen = labelled(world, view, relations_in(world), held)
        # What the camera gave, be it noisy, holed or without depth.
        depth = np.zeros_like(seen.depth) if frame.depth is None else frame.depth
        record = {"scene": 0, **seen.record}
        self._views.append(replace(seen, rgb=frame.rgb, depth=depth, record=record))

    def write(self, path: Path) -> None:
        """Write the shard; nothing, if nothing was seen."""
        if self._views:
            write_shard(path, self._views)


class LabelledCamera:
    """A camera whose frames are labelled as they are read.

    Args:
        camera: what it looks through.
        labels: takes the frames.
    """

    def __init__(self, camera: Camera, labels: Labels) -> None:
        self._camera, self._labels = camera, labels

    @property
    def name(self) -> str:
        """That of the camera."""
        return self._camera.name

    def read(self, max_age_s: float = 1.0) -> Frame:
        """The camera's frame."""
        frame = self._camera.read(max_age_s)
        self._labels.add(frame)
        return frame

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()


def write_shard(path: Path, views: Sequence[Labelled]) -> None:
    """Write a shard, whole or not at all."""
    images = [_jpeg(view.rgb) for view in views]
    depths = [_png(view.depth) for view in views]
    records = [view.record for view in views]
    temporary = path.with_suffix(".tmp.npz")
    np.savez_compressed(
        temporary,
        images=np.concatenate(images),
        ends=np.cumsum([len(image) for image in images]),
        depths=np.concatenate(depths),
        depth_ends=np.cumsum([len(depth) for depth in depths]),
        instances=np.stack([view.instances for view in views]),
        records=np.frombuffer(json.dumps(records).encode(), dtype=np.uint8),
    )
    temporary.replace(path)


def relations_in(world: World) -> Relations:
    """What lies on or in what: name -> ("on" | "in", name)."""
    found = {}
    for name in world.objects:
        for other, body in world.objects.items():
            if other == name or body.shape is None:
                continue
            if body.shape.inner_radius and body.spec and body.spec.category != "plate":
                if holds(In(object=name, container=other), world):
                    found[name] = ("in", other)
            elif holds(On(object=name, support=other), world):
                found[name] = ("on", other)
    return found


def labelled(
    world: World,
    view: View,
    relations: Relations,
    held: str | None,
    more: tuple[str, ...] = (),
) -> Labelled:
    """A view of a world, with what is true of it.

    Args:
        world: what is seen.
        view: from where.
        relations: see `relations_in`.
        held: what the gripper holds.
        more: categories from `register_category`; their numbers follow those of the catalogue and
            the furniture.
    """
    rendering = world.render(view.intrinsics, view.T_world_camera, segmentation=True)
    segmentation = rendering.segmentation
    if segmentation is None:
        raise AssertionError("segmentation was asked for")
    bodies = {**world.objects, **world.furniture}
    names = [name for name, body in bodies.items() if body.spec is not None or body.joint]
    instances = np.zeros(segmentation.shape, np.uint8)
    objects = []
    for number, name in enumerate(names, start=1):
        mask = segmentation == world[name].uid
        instances[mask] = number
        outline = _outline(world, name, view)
        objects.append(_object_record(world, name, mask, names, relations, held, outline, more))
    middle = STRIDE // 2
    small = np.ascontiguousarray(instances[middle::STRIDE, middle::STRIDE])
    record = {
        "camera": view.camera,
        "focal_px": [round(view.intrinsics.fx, 2), round(view.intrinsics.fy, 2)],
        "objects": objects,
    }
    return Labelled(rendering.rgb, rendering.depth, small, record)


def _object_record(
    world: World,
    name: str,
    mask: npt.NDArray[np.bool_],
    names: list[str],
    relations: Relations,
    held: str | None,
    outline: float,
    more: tuple[str, ...],
) -> dict[str, Any]:
    body = world[name]
    if body.spec is not None:
        category, color, width_m = (
            (*CATEGORIES, *FURNITURE, *more).index(body.spec.category),
            body.spec.color,
            body.spec.width_m,
        )
    elif body.joint is not None:
        category, color = len(CATEGORIES) + FURNITURE.index(body.joint.kind), body.joint.color
        width_m = 0.2
    else:
        raise AssertionError("only catalogue objects and furniture are rendered as objects")
    pixels = int(mask.sum())
    box = None
    if pixels >= _MIN_PIXELS:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
    is_held = name == held
    relation = None if is_held else relations.get(name)
    low, high = world.bounds(name)
    return {
        "category": category,
        "color": COLORS.index(color),
        "width_m": round(width_m, 4),
        "box": box,
        "pixels": pixels,
        "shown": round(min(pixels / max(outline, 1.0), 1.0), 3),
        "held": is_held,
        "relation": relation[0] if relation else None,
        "other": names.index(relation[1]) if relation else -1,
        "state": state_of(world, name) if body.joint else None,
        "position": [round(float(v), 4) for v in (low + high) / 2],
    }


def _outline(world: World, name: str, view: View) -> float:
    """Area of an object's convex outline in a view, pixels, as if nothing hid or cut it."""
    import cv2

    shape = world[name].shape
    if shape is not None:
        points = surface(shape) @ world.pose(name)[:3, :3].T + world.pose(name)[:3, 3]
    else:
        points = corners(world, name)
    T_camera_world = np.linalg.inv(view.T_world_camera)
    x, y, z = (points @ T_camera_world[:3, :3].T + T_camera_world[:3, 3]).T
    front = z > 0.02
    if front.sum() < 3:
        return 0.0
    i = view.intrinsics
    pixels = np.column_stack([i.fx * x[front] / z[front] + i.cx, i.fy * y[front] / z[front] + i.cy])
    return float(cv2.contourArea(cv2.convexHull(pixels.astype(np.float32))))


def _jpeg(rgb: Image) -> npt.NDArray[np.uint8]:
    """[N] uint8, the bytes of an image [H, W, 3] uint8, almost without loss."""
    from PIL import Image as Pictures

    buffer = io.BytesIO()
    Pictures.fromarray(rgb).save(buffer, format="JPEG", quality=94, subsampling=0)
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8)


def _png(depth: Depth) -> npt.NDArray[np.uint8]:
    """[N] uint8, the bytes of a depth image [H, W], whole millimetres."""
    import cv2

    known = np.where((depth > 0) & (depth < _FARTHEST_M), depth, 0)
    return cv2.imencode(".png", np.round(known * 1000).astype(np.uint16))[1].ravel()
