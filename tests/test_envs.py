"""The Gymnasium environments: what is observed, what an action does, and when it is rewarded."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from handeye.perception.conditions import At, Holding, On
from handeye.perception.errors import NotFoundError, UserError
from handeye.sims.envs import HELD_STEPS, TabletopEnv, decode_instruction
from handeye.sims.simulation import Simulation
from handeye.sims.tasks import Setup, Table
from handeye.sims.tasks.told import Told
from scipy.spatial.transform import Rotation

STILL = np.zeros(7, np.float32)


def action(**parts: float) -> np.ndarray:
    """An action by the names of its parts."""
    names = ("x", "y", "z", "turn_x", "turn_y", "turn_z", "gripper")
    return np.array([parts.get(name, 0.0) for name in names], np.float32)


def begun(task: Told | str, seed: int = 0, **options: bool) -> tuple[TabletopEnv, Simulation]:
    """An environment of some task, looking through no camera, and its simulation."""
    environment = TabletopEnv(task, cameras=(), **options)
    environment.reset(seed=seed)
    simulation = environment._simulation
    assert simulation is not None
    return environment, simulation


def lay_on(simulation: Simulation, conditions: tuple[On, ...]) -> None:
    """Set things beside each other on a plate."""
    for place, condition in enumerate(conditions):
        x, y, z = simulation.world.pose(condition.support)[:3, 3]
        turn = 2 * np.pi * place / len(conditions)
        spot = (x + 0.04 * np.cos(turn), y + 0.04 * np.sin(turn), z + 0.014)
        simulation.world.place(condition.object, spot)
    simulation.world.settle()


def rewards(environment: TabletopEnv, steps: int = HELD_STEPS + 1) -> list[float]:
    return [environment.step(STILL)[1] for _ in range(steps)]


def test_the_example_of_the_reference_runs(capsys: pytest.CaptureFixture[str]) -> None:
    reference = Path(__file__).parent.parent / "docs" / "reference.md"
    section = reference.read_text(encoding="utf-8").split("## Gymnasium\n")[1]
    code = section.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code.replace("range(100)", "range(3)"), names)
    assert " the " in capsys.readouterr().out
    names["env"].close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["Grab", "Push", "Tabletop"])
def test_environments_pass_gymnasiums_checker(name: str) -> None:
    environment = gymnasium.make(f"handeye/{name}-v0", render_mode="rgb_array").unwrapped
    check_env(environment, skip_render_check=True)
    assert environment.render().shape == (240, 320, 3)
    environment.close()


def test_environments_can_be_made_in_vectors() -> None:
    environments = gymnasium.make_vec("handeye/Stack-v0", num_envs=2, vectorization_mode="sync")
    observation, _ = environments.reset(seed=5)
    assert observation["overview"].shape == (2, 240, 320, 3)
    _, reward, *_ = environments.step(environments.action_space.sample())
    assert reward.tolist() == [0.0, 0.0]
    environments.close()


def test_processes_tell_the_instruction_too() -> None:
    environments = gymnasium.make_vec(
        "handeye/PutOn-v0", num_envs=2, vectorization_mode="async", cameras=()
    )
    observation, info = environments.reset(seed=7)
    told = [decode_instruction(encoded) for encoded in observation["instruction"]]
    assert told == info["instruction"].tolist()
    assert all(" the " in words for words in told)
    assert told[0] != told[1]
    environments.close()


@pytest.mark.parametrize("told", ["把红色杯子放在盘子上", "put the café cup – the red cup"])
def test_an_instruction_may_be_in_any_script(told: str) -> None:
    environment = TabletopEnv(told, cameras=())
    observation, info = environment.reset(seed=0)
    assert observation in environment.observation_space
    assert decode_instruction(observation["instruction"]) == info["instruction"] == told
    environment.close()


def test_a_word_that_is_no_task_is_refused() -> None:
    with pytest.raises(NotFoundError, match="put_onn"):
        TabletopEnv("put_onn")
    with pytest.raises(UserError, match="512 bytes"):
        TabletopEnv("grab the red cup " * 40)


def test_only_what_is_asked_for_is_observed() -> None:
    environment = TabletopEnv("grab", cameras=("overview",), depth=False, clutter=True)
    observation, _ = environment.reset(seed=1)
    assert set(observation) == {"overview", "joints", "tcp", "gripper", "instruction"}
    assert observation in environment.observation_space
    assert len(environment._simulation.world.objects) > 9
    with pytest.raises(NotFoundError, match="cameras: overview, wrist"):
        TabletopEnv("grab", cameras=("overhead",))
    environment.close()


def test_the_chart_of_a_task_is_observed() -> None:
    environment = TabletopEnv("put_as_shown")
    observation, _ = environment.reset(seed=1)
    assert observation in environment.observation_space
    assert observation["board"].shape == (840, 1120, 3)
    environment.close()


def test_cameras_that_fail_and_an_arm_that_faults_do_not_end_an_episode() -> None:
    for kind in ("dropouts", "frozen", "fault"):
        environment = TabletopEnv("grab", cameras=("wrist",), depth=False, disturbed=kind)
        environment.reset(seed=2)
        disturbance = environment._simulation.disturbance
        disturbance.at_s = 0.0
        for _ in range(4):
            observation, *_ = environment.step(action(x=0.2))
            assert observation in environment.observation_space
        assert disturbance.done
        environment.close()


@pytest.mark.parametrize("size", [1.0, 0.3, -0.5])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_actions_add_up_to_what_was_asked_for(axis: int, size: float) -> None:
    environment, simulation = begun("grab")
    before = simulation.robot.read().T_base_tcp[:3, 3]
    step = STILL.copy()
    step[axis] = size
    for _ in range(3):
        environment.step(step)
    rewards(environment, 4)  # The arm catches up.
    asked = np.zeros(3)
    asked[axis] = 3 * 0.03 * size
    moved = simulation.robot.read().T_base_tcp[:3, 3] - before
    assert moved == pytest.approx(asked, abs=0.001)
    environment.close()


def test_turns_add_up_and_nothing_drifts() -> None:
    environment, simulation = begun("grab")
    before = simulation.robot.read().T_base_tcp
    for _ in range(6):
        environment.step(action(turn_z=0.5, gripper=-1))
    rewards(environment, 40)
    after = simulation.robot.read()
    turned = Rotation.from_matrix(after.T_base_tcp[:3, :3] @ before[:3, :3].T).as_rotvec()
    assert turned == pytest.approx([0, 0, 6 * 0.5 * 0.15], abs=0.01)
    assert after.T_base_tcp[:3, 3] == pytest.approx(before[:3, 3], abs=0.001)
    assert after.gripper_width_m < 0.02
    environment.close()


def test_an_arm_that_was_blocked_turns_back_at_once() -> None:
    environment, simulation = begun("grab")
    for _ in range(40):
        environment.step(action(z=-1))
    low = simulation.robot.read().T_base_tcp[2, 3]
    for _ in range(4):
        environment.step(action(z=1))
    assert simulation.robot.read().T_base_tcp[2, 3] > low + 0.05
    environment.close()


@pytest.mark.parametrize(
    "bad", [np.full(7, np.nan), np.full(7, np.inf), np.zeros(6), np.zeros((1, 7)), None, "left"]
)
def test_what_is_no_action_is_refused(bad: object) -> None:
    environment, simulation = begun("grab")
    before = simulation.robot.read().q
    with pytest.raises(UserError, match="seven finite numbers"):
        environment.step(bad)
    assert np.array_equal(simulation.robot.read().q, before)
    environment.close()


def test_what_must_have_held_once_is_needed_for_the_reward() -> None:
    environment, simulation = begun("put_back", 2)
    [there], [at, _] = simulation.setup.once, simulation.setup.goal
    assert isinstance(there, On)
    assert isinstance(at, At)
    assert not any(rewards(environment))
    lay_on(simulation, (there,))
    assert not any(rewards(environment))
    simulation.world.place(there.object, (*at.point, simulation.style.table_height_m + 0.001))
    assert rewards(environment)[-1] == 1.0
    environment.close()


def test_what_must_never_be_is_not_rewarded() -> None:
    environment, simulation = begun("put_all_but_one")
    goal, never = simulation.setup.goal, simulation.setup.never
    lay_on(simulation, (*goal, *never))
    assert not any(rewards(environment))
    simulation.world.place(never[0].object, (0.30, 0.45, simulation.style.table_height_m + 0.001))
    assert rewards(environment)[-1] == 1.0
    assert simulation.judged() is True
    environment.close()


def test_so_many_as_are_wanted_are_rewarded() -> None:
    environment, simulation = begun("put_exactly_two")
    on = tuple(group[0] for group in simulation.setup.count.groups)
    lay_on(simulation, on[:1])
    assert not any(rewards(environment))
    lay_on(simulation, on[:2])
    assert rewards(environment)[-1] == 1.0
    lay_on(simulation, on)
    assert not any(rewards(environment))
    environment.close()


def test_a_goal_must_hold_for_a_while() -> None:
    environment, simulation = begun("put_on", 3)
    lay_on(simulation, simulation.setup.goal)
    *before, last = (environment.step(STILL) for _ in range(HELD_STEPS))
    assert not any(step[1] or step[2] for step in before)
    assert last[1:3] == (1.0, True)
    assert last[4]["success"]
    environment.close()


@pytest.mark.parametrize("name", ["ask_where", "grab_ambiguous", "do_the_impossible", "ask_chart"])
def test_what_no_action_can_fulfil_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="otherwise than by a motion"):
        TabletopEnv(name)


def test_what_a_function_makes_is_an_environment_too() -> None:
    def hold_nothing(table: Table) -> Setup:
        """Leave everything alone."""
        table.set_out(distractors=(1, 2))
        return Setup("leave it", (Holding(object=None),))

    environment, _ = begun(Told(hold_nothing))
    assert rewards(environment)[-1] == 1.0
    environment.close()
