"""World: a PyBullet simulation whose bodies are addressed by name."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import numpy.typing as npt
import pybullet as p
from handeye.perception.errors import UserError
from handeye.perception.frame import Intrinsics, Transform

from .body import Body, Joint
from .meshes import TOY_FACES, decimated, hulls_obj, simple_hulls
from .objects import ObjectSpec
from .rendering import Light, Rendering, render, start_egl
from .shape import Shape, surface
from .shapes import shape_of

TIMESTEP_S = 1.0 / 240.0
_STILL = 1e-4
"""Squared speed, m²/s² and rad²/s², below which for two seconds a body falls asleep: what nothing
touches then costs no time, which is most of a simulation's."""
_CONTACT_M = 0.005
"""How near two bodies count as touching. PyBullet's 2 cm would keep a whole cluttered table awake
for one thing that moves, at ten times the cost of a step; with 2 mm small things rock on plates."""
_RESIDUAL = 1e-6
"""The solver stops iterating once its corrections are this small."""
_MOST_PARTS = 16
"""PyBullet silently drops what an array of collision shapes holds beyond these."""
_KINDS = {"box": p.GEOM_BOX, "cylinder": p.GEOM_CYLINDER, "sphere": p.GEOM_SPHERE}


@dataclass(frozen=True)
class Snapshot:
    """A state of the world that can be gone back to."""

    state: int
    step: int
    names: tuple[str, ...] = field(default=())


class World:
    """A PyBullet simulation. Several can live in one process.

    The world frame is the robot's base frame: x forward, y left, z up; metres, seconds.

    Args:
        seed: seeds `rng`, the only source of chance in the world.
        renderer: "tiny" (software), "egl" (GPU), or "auto": EGL where there is a GPU.

    Attributes:
        on_step: called after every step.
        stood_on: what each object stood on when its episode began, by names; the judge asks.
    """

    def __init__(self, seed: int = 0, *, renderer: Literal["auto", "tiny", "egl"] = "auto") -> None:
        self.rng = np.random.default_rng(seed)
        self.client = p.connect(p.DIRECT)
        self.bodies: dict[str, Body] = {}
        self.light = Light()
        self.on_step: list[Callable[[World], None]] = []
        self.stood_on: dict[str, frozenset[str]] = {}
        self._steps = 0
        self._clock = 0
        self._egl = -1
        if renderer != "tiny":
            self._egl = start_egl(self.client, required=renderer == "egl")
        p.setGravity(0, 0, -9.81, physicsClientId=self.client)
        p.setPhysicsEngineParameter(
            fixedTimeStep=TIMESTEP_S,
            numSolverIterations=80,
            contactBreakingThreshold=_CONTACT_M,
            solverResidualThreshold=_RESIDUAL,
            deterministicOverlappingPairs=1,
            physicsClientId=self.client,
        )

    def close(self) -> None:
        """End the simulation; idempotent."""
        if self.client >= 0:
            p.disconnect(physicsClientId=self.client)
            self.client = -1

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def time_s(self) -> float:
        """Simulated time; never goes back, not even by `restore`."""
        return self._clock * TIMESTEP_S

    @property
    def objects(self) -> dict[str, Body]:
        """The bodies of the catalogue, by name."""
        return {name: body for name, body in self.bodies.items() if body.spec is not None}

    @property
    def furniture(self) -> dict[str, Body]:
        """The bodies with a joint, by name."""
        return {name: body for name, body in self.bodies.items() if body.joint is not None}

    def add(
        self,
        spec: ObjectSpec,
        position: tuple[float, float, float],
        yaw: float = 0.0,
        *,
        name: str | None = None,
    ) -> Body:
        """Put an object with the middle of its underside at `position` (m).

        Returns:
            The body; its name is `name`, or its words, numbered if they are taken.
        """
        shape = shape_of(spec)
        com = 0.4 * shape.size[2] if not shape.rolls else 0.5 * shape.size[2]
        uid = p.createMultiBody(
            baseMass=shape.mass,
            baseCollisionShapeIndex=self._collision(shape),
            baseVisualShapeIndex=self._visual(shape, (*spec.rgb, 1.0)),
            basePosition=(position[0], position[1], position[2] + com),
            baseOrientation=p.getQuaternionFromEuler((0, 0, yaw)),
            baseInertialFramePosition=(0, 0, com),
            physicsClientId=self.client,
        )
        p.changeDynamics(
            uid,
            -1,
            lateralFriction=0.8,
            spinningFriction=0.002,
            rollingFriction=0.002 if shape.rolls else 0.0005,
            restitution=0.0,
            linearDamping=0.04,
            angularDamping=0.2 if shape.rolls else 0.08,
            activationState=p.ACTIVATION_STATE_ENABLE_SLEEPING,
            sleepThreshold=_STILL,
            physicsClientId=self.client,
        )
        return self.adopt(uid, name or spec.name, spec=spec, shape=shape, com_m=com)

    def adopt(
        self,
        uid: int,
        name: str,
        *,
        spec: ObjectSpec | None = None,
        shape: Shape | None = None,
        com_m: float = 0.0,
        joint: Joint | None = None,
    ) -> Body:
        """Register a body that was built with PyBullet directly, under a free name."""
        unique, count = name, 1
        while unique in self.bodies:
            count += 1
            unique = f"{name} {count}"
        body = Body(unique, uid, spec, shape, com_m, joint)
        self.bodies[unique] = body
        return body

    def rename(self, name: str, new: str) -> None:
        """Give a body another, free name."""
        if new != name:
            if new in self.bodies:
                raise UserError(f'there is a body "{new}" in this world already')
            self.bodies[new] = replace(self[name], name=new)
            del self.bodies[name]

    def remove(self, name: str) -> None:
        """Take a body out of the world."""
        self.wake()
        p.removeBody(self[name].uid, physicsClientId=self.client)
        del self.bodies[name]

    def __getitem__(self, name: str) -> Body:
        if name not in self.bodies:
            raise UserError(f'no body "{name}" in this world; there are: {", ".join(self.bodies)}')
        return self.bodies[name]

    def pose(self, name: str) -> Transform:
        """[4, 4] T_world_body; the origin is the middle of the underside."""
        body = self[name]
        position, quaternion = p.getBasePositionAndOrientation(
            body.uid, physicsClientId=self.client
        )
        T = np.eye(4)
        T[:3, :3] = np.reshape(p.getMatrixFromQuaternion(quaternion), (3, 3))
        T[:3, 3] = np.array(position) - T[:3, 2] * body.com_m
        return T

    def velocity(self, name: str) -> float:
        """Speed of a body, m/s, with its spin counted at 5 cm from the middle."""
        linear, angular = p.getBaseVelocity(self[name].uid, physicsClientId=self.client)
        return float(np.linalg.norm(linear) + 0.05 * np.linalg.norm(angular))

    def place(self, name: str, position: tuple[float, float, float], yaw: float = 0.0) -> None:
        """Set a body down, at rest, with the middle of its underside at `position` (m)."""
        body = self[name]
        raised = (position[0], position[1], position[2] + body.com_m)
        quaternion = p.getQuaternionFromEuler((0, 0, yaw))
        p.resetBasePositionAndOrientation(body.uid, raised, quaternion, physicsClientId=self.client)
        p.resetBaseVelocity(body.uid, (0, 0, 0), (0, 0, 0), physicsClientId=self.client)
        self.wake()

    def topple(self, name: str, yaw: float) -> None:
        """Lay a body down on its side where it stands, at rest, its top pointing along `yaw`."""
        body = self[name]
        x, y, z = self.pose(name)[:3, 3]
        low, high = self.bounds(name)
        lying = p.getQuaternionFromEuler((0, np.pi / 2, yaw))
        middle = (x, y, z + float(max(high[:2] - low[:2])) / 2 + 0.002)
        p.resetBasePositionAndOrientation(body.uid, middle, lying, physicsClientId=self.client)
        p.resetBaseVelocity(body.uid, (0, 0, 0), (0, 0, 0), physicsClientId=self.client)
        self.wake()

    def bounds(self, name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Axis-aligned bounding box (low [3], high [3]) of a body, m.

        Exact for objects of the catalogue; PyBullet's own boxes grow as a body turns.
        """
        body = self[name]
        if body.shape is not None:
            T = self.pose(name)
            points = surface(body.shape) @ T[:3, :3].T + T[:3, 3]
            return points.min(axis=0), points.max(axis=0)
        low, high = p.getAABB(body.uid, physicsClientId=self.client)
        return np.array(low), np.array(high)

    def step(self, count: int = 1) -> None:
        """Advance by `count` timesteps."""
        for _ in range(count):
            p.stepSimulation(physicsClientId=self.client)
            self._steps += 1
            self._clock += 1
            for callback in self.on_step:
                callback(self)

    def wake(self) -> None:
        """Let everything feel that something was changed from without."""
        for name in self.objects:
            p.changeDynamics(
                self[name].uid, -1, activationState=p.ACTIVATION_STATE_WAKE_UP,
                physicsClientId=self.client,
            )  # fmt: skip

    def settle(self, max_s: float = 2.0, still_m_s: float = 0.004) -> bool:
        """Step until every object is at rest; False if `max_s` was not enough."""
        for _ in range(int(max_s / TIMESTEP_S / 12)):
            self.step(12)
            if all(self.velocity(name) < still_m_s for name in self.objects):
                return True
        return False

    def snapshot(self) -> Snapshot:
        """Keep the present state in memory."""
        state = p.saveState(physicsClientId=self.client)
        return Snapshot(state, self._steps, tuple(self.bodies))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a kept state; the same bodies must be there."""
        if tuple(self.bodies) != snapshot.names:
            raise UserError(
                "this snapshot was taken with other bodies in the world: "
                f"{', '.join(sorted(set(self.bodies) ^ set(snapshot.names)))}"
            )
        p.restoreState(stateId=snapshot.state, physicsClientId=self.client)
        self.wake()
        self._steps = snapshot.step

    def relight(self, **changes: object) -> None:
        """Change the light; see `Light`."""
        self.light = replace(self.light, **changes)  # type: ignore[arg-type]

    def render(
        self, intrinsics: Intrinsics, T_world_camera: Transform, *, segmentation: bool = False
    ) -> Rendering:
        """Render what a camera at `T_world_camera` (OpenCV convention) sees."""
        return render(
            self.client,
            self.light,
            intrinsics,
            T_world_camera,
            segmentation=segmentation,
            egl=self._egl >= 0,
        )

    def _visual(self, shape: Shape, rgba: tuple[float, float, float, float]) -> int:
        if shape.mesh_file is not None:
            index = p.createVisualShape(
                p.GEOM_MESH,
                fileName=str(decimated(Path(shape.mesh_file), TOY_FACES)),
                meshScale=[shape.scale] * 3,
                rgbaColor=rgba,
                visualFramePosition=shape.offset,
                visualFrameOrientation=shape.quaternion,
                physicsClientId=self.client,
            )
        else:
            index = p.createVisualShape(
                p.GEOM_MESH,
                vertices=shape.vertices.tolist(),
                indices=shape.faces.ravel().tolist(),
                normals=shape.normals.tolist(),
                rgbaColor=rgba,
                physicsClientId=self.client,
            )
        return int(index)

    def _collision(self, shape: Shape) -> int:
        if shape.collision_file is not None:
            index = p.createCollisionShape(
                p.GEOM_MESH,
                fileName=str(simple_hulls(Path(shape.collision_file))),
                meshScale=[shape.scale] * 3,
                collisionFramePosition=shape.offset,
                collisionFrameOrientation=shape.quaternion,
                physicsClientId=self.client,
            )
        elif len(shape.parts) > _MOST_PARTS:
            with TemporaryDirectory() as folder:
                file = Path(folder) / "hulls.obj"
                file.write_text(hulls_obj([part.corners() for part in shape.parts]))
                index = p.createCollisionShape(
                    p.GEOM_MESH, fileName=str(file), physicsClientId=self.client
                )
        else:
            parts = shape.parts
            index = p.createCollisionShapeArray(
                shapeTypes=[_KINDS[part.kind] for part in parts],
                halfExtents=[q.size if q.kind == "box" else (0, 0, 0) for q in parts],
                radii=[q.size[0] for q in parts],
                lengths=[q.size[1] if q.kind == "cylinder" else 0.0 for q in parts],
                collisionFramePositions=[q.position for q in parts],
                collisionFrameOrientations=[q.quaternion for q in parts],
                physicsClientId=self.client,
            )
        return int(index)
