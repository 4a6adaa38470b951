"""Poses of the arm for training data: anywhere above the table, with or without something held."""

import numpy as np
import pybullet as p
from handeye.perception.frame import Transform
from scipy.spatial.transform import Rotation

from .panda import TCP_LINK, SimPanda
from .tabletop import X_RANGE, Y_RANGE
from .world import World


def pose_arm(
    world: World,
    robot: SimPanda,
    rng: np.random.Generator,
    relations: dict[str, tuple[str, str]],
    *,
    wrist: bool,
) -> tuple[str, Transform] | None:
    """Put the arm somewhere, holding something or not; returns what is held and where it was."""
    if not wrist and rng.random() < 0.3:
        robot.teleport(
            robot.spec.q_home + rng.normal(0, 0.04, 7), float(rng.choice([0.0, 0.08, 0.05]))
        )
        return None
    carriers = {other for _, other in relations.values()}
    loose = [name for name in world.objects if name not in carriers]
    hold = bool(loose) and rng.random() < 0.5
    if not _reach(world, robot, rng, low=0.16 if hold else 0.14):
        return None
    if not hold:
        robot.teleport(robot.read().q, float(rng.choice([0.0, 0.08, rng.uniform(0, 0.08)])))
        return None
    name = str(rng.choice(loose))
    before = world.pose(name)
    _hold(world, robot, name, rng)
    return name, before


def _reach(world: World, robot: SimPanda, rng: np.random.Generator, *, low: float) -> bool:
    """Teleport the TCP to a random pose above the table, pointing down or tilted a little."""
    client = world.client
    for _ in range(6):
        position = rng.uniform((X_RANGE[0] - 0.05, Y_RANGE[0], low), (X_RANGE[1], Y_RANGE[1], 0.45))
        tilt = rng.normal(0.0, 0.15, 2)
        yaw = float(rng.uniform(-1.7, 1.7))
        quaternion = p.getQuaternionFromEuler((np.pi + tilt[0], tilt[1], yaw))
        robot.teleport(robot.spec.q_home, 0.08)
        for _ in range(3):
            q = p.calculateInverseKinematics(
                robot.uid,
                TCP_LINK,
                position.tolist(),
                quaternion,
                maxNumIterations=60,
                residualThreshold=1e-4,
                physicsClientId=client,
            )[:7]
            robot.teleport(np.array(q), 0.08)
        inside = np.all(robot.read().q > robot.spec.q_min) and np.all(
            robot.read().q < robot.spec.q_max
        )
        error = np.linalg.norm(robot.read().T_base_tcp[:3, 3] - position)
        if inside and error < 0.02:
            return True
    robot.teleport(robot.spec.q_home, 0.08)
    return False


def _hold(world: World, robot: SimPanda, name: str, rng: np.random.Generator) -> None:
    """Put an object between the fingers as a grasp would: by its body, or by its rim."""
    body = world[name]
    if body.spec is None or body.shape is None:
        return
    T_base_tcp = robot.read().T_base_tcp
    size_x, size_y, height = body.shape.size
    rim = body.spec.category in ("bowl", "plate") or (
        body.spec.category == "cup" and (size_y > 0.078 or rng.random() < 0.5)
    )
    turn = float(rng.choice([0.0, np.pi]))
    across = body.shape.size[1]
    if rim:
        offset, width = body.spec.width_m / 2 - 0.003, 0.006
        depth = height - rng.uniform(0.008, 0.02)
    else:
        offset, width = 0.0, min(across, 0.08)
        if size_x < size_y:
            turn, width = turn + np.pi / 2, min(size_x, 0.08)
        depth = height * rng.uniform(0.45, 0.85)
    # The object hangs upside-down in the TCP frame, whose z points down.
    yaw = float(rng.uniform(-np.pi, np.pi)) if rim else turn
    c, s = np.cos(yaw), np.sin(yaw)
    T_tcp_object = np.eye(4)
    T_tcp_object[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    T_tcp_object[:3, 3] = (0.0, offset * (1 if turn == 0.0 else -1), depth)
    set_pose(world, name, T_base_tcp @ T_tcp_object)
    robot.teleport(robot.read().q, width)


def set_pose(world: World, name: str, T_world_object: Transform) -> None:
    """Put an object anywhere, also into the air."""
    com = T_world_object @ np.array([0.0, 0.0, world[name].com_m, 1.0])
    quaternion = Rotation.from_matrix(T_world_object[:3, :3]).as_quat()
    p.resetBasePositionAndOrientation(
        world[name].uid, com[:3].tolist(), quaternion.tolist(), physicsClientId=world.client
    )
