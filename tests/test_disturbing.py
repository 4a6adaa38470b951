"""Disturbances: each kind really happens, alike for the same seed, and the agent lives with it."""

from collections.abc import Iterator

import numpy as np
import pytest
from handeye.perception.errors import CameraError, ModelError, RobotError
from handeye.perception.perception import Perception
from handeye.sims.disturbance import KINDS, Disturbance, Kind
from handeye.sims.disturbed_senses import disturbed_perception
from handeye.sims.disturbing import disturb
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tasks import get_task
from handeye.sims.world import TIMESTEP_S

from handeye.episode import run_episode
from handeye.evaluation import episode_seed

LATEST = int(6.2 / TIMESTEP_S)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with simulate(get_task("put_on"), 3) as built:
        yield built


def disturbed(simulation: Simulation, kind: Kind) -> Disturbance:
    """The simulation's own disturbance of a kind, with its moment come."""
    height = simulation.style.table_height_m
    rng = np.random.default_rng(1)
    found = disturb(
        simulation.world, simulation.robot, simulation.setup, rng, table_height_m=height, kind=kind
    )
    simulation.disturbance = found
    simulation.world.step(LATEST)
    return found


def places(simulation: Simulation) -> dict[str, np.ndarray]:
    world = simulation.world
    return {name: world.pose(name)[:2, 3].copy() for name in world.objects}


@pytest.mark.parametrize("kind", ["moved", "knocked"])
def test_something_that_the_task_is_about_is_elsewhere(simulation: Simulation, kind: Kind) -> None:
    before = places(simulation)
    found = disturbed(simulation, kind)
    [goal] = simulation.setup.goal
    name = found.done.removesuffix(f" was {kind}")
    assert name in (goal.object, goal.support)  # type: ignore[union-attr]
    assert np.linalg.norm(simulation.world.pose(name)[:2, 3] - before[name]) > 0.01


def test_a_target_is_swapped_with_another_thing(simulation: Simulation) -> None:
    before = places(simulation)
    found = disturbed(simulation, "swapped")
    first, second = found.done.removesuffix(" were swapped").split(" and ")
    after = places(simulation)
    assert np.allclose(after[first], before[second], atol=0.03)
    assert np.allclose(after[second], before[first], atol=0.03)


def test_things_appear_and_vanish(simulation: Simulation) -> None:
    before = set(simulation.world.objects)
    disturbed(simulation, "appeared")
    assert len(set(simulation.world.objects) - before) == 1
    disturbed(simulation, "vanished")
    assert len(simulation.world.objects) == len(before)


def test_nothing_slips_that_is_not_held(simulation: Simulation) -> None:
    assert disturbed(simulation, "slipped").done == ""


def test_the_light_and_the_cameras_go_dark(simulation: Simulation) -> None:
    bright = simulation.robot.cameras["overview"].read().rgb.mean()
    found = disturbed(simulation, "dark")
    assert found.done == ""  # as long as nobody looks, nothing is spoilt
    dark = simulation.robot.cameras["overview"].read().rgb.mean()
    assert found.done == "the cameras went dark"
    assert dark < 0.5 * bright
    light = simulation.world.light
    disturbed(simulation, "lights")
    assert simulation.world.light != light


def test_depth_gets_holes_and_pixels_get_noise(simulation: Simulation) -> None:
    clean = simulation.robot.cameras["overview"].read()
    disturbed(simulation, "holes")
    depth = simulation.robot.cameras["overview"].read().depth
    assert depth is not None
    assert 0.1 < (depth == 0).mean() < 0.5
    disturbed(simulation, "noise")
    noisy = simulation.robot.cameras["overview"].read().rgb
    assert 5 < np.abs(noisy.astype(int) - clean.rgb).mean() < 20


def test_a_camera_that_freezes_gives_nothing_stale_and_comes_back(simulation: Simulation) -> None:
    disturbed(simulation, "frozen")
    camera = simulation.robot.cameras["overview"]
    with pytest.raises(CameraError, match=r'"overview" froze: its newest frame is 1\.0 s old'):
        camera.read()
    simulation.world.step(int(4.0 / TIMESTEP_S))
    assert camera.read().stamp_s == simulation.world.time_s


def test_frames_are_dropped_twice_at_most(simulation: Simulation) -> None:
    disturbed(simulation, "dropouts")
    camera, failures = simulation.robot.cameras["overview"], 0
    for _ in range(12):
        try:
            camera.read()
        except CameraError:
            failures += 1
    assert failures == 2


class TestModels:
    def looking(self, simulation: Simulation, kind: Kind) -> Perception:
        eyes = Perception.of(PerfectEyes(simulation.world))
        return disturbed_perception(eyes, disturbed(simulation, kind))

    def test_the_world_goes_on_while_a_slow_one_thinks(self, simulation: Simulation) -> None:
        eyes = self.looking(simulation, "slow")
        before = simulation.world.time_s
        eyes.parse(simulation.robot.cameras["overview"].read())
        assert simulation.world.time_s - before == pytest.approx(1.5, abs=0.01)

    def test_one_that_falls_silent_speaks_again(self, simulation: Simulation) -> None:
        eyes = self.looking(simulation, "silent")
        frame = simulation.robot.cameras["overview"].read()
        for _ in range(2):
            with pytest.raises(ModelError, match="no answer within 5 s"):
                eyes.parse(frame)
        assert eyes.parse(frame)

    def test_a_lie_takes_two_things_for_each_other(self, simulation: Simulation) -> None:
        frame = simulation.robot.cameras["overview"].read()
        truth = [d.label for d in PerfectEyes(simulation.world).parse(frame)]
        eyes = self.looking(simulation, "lying")
        frame = simulation.robot.cameras["overview"].read()
        told = [[d.label for d in eyes.parse(frame)] for _ in range(4)]
        assert all(sorted(labels) == sorted(truth) for labels in told)
        assert [labels != truth for labels in told] == [True, True, True, False]


def test_the_arm_faults_once_and_holds_still(simulation: Simulation) -> None:
    disturbed(simulation, "fault")
    robot = simulation.robot
    with pytest.raises(RobotError, match="lost its controller"):
        robot.set_gripper(0.02)
    assert np.abs(robot.read().dq).max() < 0.02
    assert robot.set_gripper(0.02).gripper_width_m == pytest.approx(0.02, abs=0.004)


def test_the_same_seed_disturbs_alike() -> None:
    seed = episode_seed("stack", 5)
    pairs = []
    for _ in range(2):
        with simulate(get_task("stack"), seed, disturbed=True) as simulation:
            assert simulation.disturbance is not None
            assert simulation.disturbance.kind in KINDS
            pairs.append((simulation.disturbance.kind, simulation.disturbance.at_s))
    assert pairs[0] == pairs[1]


def test_nothing_is_disturbed_once_it_is_judged(simulation: Simulation) -> None:
    height, rng = simulation.style.table_height_m, np.random.default_rng(1)
    found = disturb(
        simulation.world, simulation.robot, simulation.setup, rng, table_height_m=height
    )
    simulation.disturbance = found
    simulation.judged()
    simulation.world.step(LATEST)
    assert not found.done


@pytest.mark.parametrize("kind", ["fault", "silent", "swapped"])
def test_the_agent_recovers(kind: Kind) -> None:
    result = run_episode(
        get_task("put_on"),
        episode_seed("put_on", 0, 77),
        eyes=lambda simulation: PerfectEyes(simulation.world),
        disturbed=kind,
    )
    assert result.disturbed_by == kind
    assert result.status == "succeeded", result
    assert result.judged is True
