"""SimCamera: a simulated RGB-D camera, fixed in the world or mounted on the arm."""

from collections.abc import Callable

from handeye.perception.errors import CameraError
from handeye.perception.frame import Frame, Intrinsics, Transform

from .world import World


class SimCamera:
    """Renders a frame when it is read; a frame of the same instant is not rendered twice.

    Args:
        world: what it looks at.
        name: unique among a robot's cameras.
        intrinsics: pinhole model.
        pose: gives the present T_world_camera.
    """

    def __init__(
        self, world: World, name: str, intrinsics: Intrinsics, pose: Callable[[], Transform]
    ) -> None:
        self._world = world
        self._name = name
        self.intrinsics = intrinsics
        self.pose = pose
        self._sequence = 0
        self._latest: Frame | None = None

    @property
    def name(self) -> str:
        """Unique among a robot's cameras."""
        return self._name

    def read(self, max_age_s: float = 1.0) -> Frame:  # noqa: ARG002 - it is always of this instant
        """Render the present instant; raises CameraError once the world is closed."""
        if self._world.client < 0:
            raise CameraError(f'camera "{self._name}" gives nothing: its world is closed')
        now = self._world.time_s
        if self._latest is None or self._latest.stamp_s != now:
            T_world_camera = self.pose()
            rendering = self._world.render(self.intrinsics, T_world_camera)
            self._sequence += 1
            self._latest = Frame(
                rendering.rgb,
                self._name,
                self._sequence,
                now,
                rendering.depth,
                self.intrinsics,
                T_world_camera,
            )
        return self._latest

    def forget(self) -> None:
        """Drop the kept frame, after the world was changed without time passing."""
        self._latest = None

    def close(self) -> None:
        """Nothing to release; the world owns the renderer."""
