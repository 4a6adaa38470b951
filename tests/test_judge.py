"""The judge: what the simulator's own state says of an instruction's words."""

from collections.abc import Iterator

import numpy as np
import pybullet as p
import pytest
from handeye.perception.conditions import (
    Arranged,
    At,
    Beside,
    Between,
    Condition,
    Holding,
    In,
    Moved,
    On,
)
from handeye.sims.judge import bearers, holds
from handeye.sims.objects import Category, ObjectSpec, sample_object
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tabletop import Style, build_tabletop
from handeye.sims.tasks import get_task
from handeye.sims.world import World

TABLE_M = Style().table_height_m


@pytest.fixture
def world() -> Iterator[World]:
    """A tabletop with nothing on it."""
    with World(renderer="tiny") as world:
        build_tabletop(world, Style()).connect()
        yield world


def add(world: World, name: str, x: float, y: float, *, size: str = "any", z: float = 0.001) -> str:
    """Set a thing down that is called "red cup"; returns its name."""
    color, category = name.split()
    spec = sample_object(category, color, np.random.default_rng(0), size=size)  # type: ignore[arg-type]
    return world.add(spec, (x, y, TABLE_M + z)).name


def set_on(world: World, name: str, below: str, y: float = 0.0, z: float | None = None) -> None:
    """Set a thing on another, or at `z` (m) above its underside, and let it come to rest."""
    low, high = world.bounds(below)
    middle = (low + high) / 2
    height = high[2] + 0.001 if z is None else low[2] + z
    world.place(name, (middle[0], middle[1] + y, height))
    world.settle(max_s=3.0)


def sides(name: str, reference: str) -> list[Condition]:
    relations = ("left_of", "right_of", "in_front_of", "behind", "next_to")
    return [Beside(object=name, relation=r, reference=reference) for r in relations]


def test_the_judge_reads_the_world(grab: Simulation) -> None:
    world = grab.world
    block = world.add(sample_object("block", "white", world.rng, size="small"), (0.4, 0.0, 0.3))
    bowl = world.add(sample_object("bowl", "black", world.rng, size="big"), (0.5, 0.45, 0.01))
    x, y, z = world.pose(bowl.name)[:3, 3]
    world.place(block.name, (x, y, z + 0.02))
    world.settle()
    assert holds(In(object=block.name, container=bowl.name), world)
    assert not holds(Holding(object=block.name), world)
    world.place(block.name, (x, y - 0.15, 0.05))
    world.settle()
    assert holds(Beside(object=block.name, relation="right_of", reference=bowl.name), world)
    assert not holds(In(object=block.name, container=bowl.name), world)
    assert holds(At(object=block.name, point=(x, y - 0.15)), world)
    assert holds(Moved(object=block.name, start=(x, y), direction=(0, -1)), world)


def test_what_is_in_or_on_a_thing_is_not_beside_it(world: World) -> None:
    block, bowl = add(world, "red block", 0.5, 0.2), add(world, "blue bowl", 0.5, -0.1)
    plate, box = add(world, "green plate", 0.4, 0.1), add(world, "white box", 0.6, 0.1)
    cup = add(world, "blue cup", 0.4, -0.2, size="big")
    world.settle()
    set_on(world, block, bowl, z=0.012)
    assert not any(holds(beside, world) for beside in sides(block, bowl))
    set_on(world, block, plate, y=0.03, z=0.014)
    assert not any(holds(beside, world) for beside in sides(block, plate))
    # Off its middle, to the left.
    set_on(world, block, box, y=0.02)
    assert holds(On(object=block, support=box), world)
    assert not any(holds(beside, world) for beside in (*sides(block, box), *sides(box, block)))
    set_on(world, block, cup, z=0.02)
    assert not any(holds(beside, world) for beside in sides(block, cup))
    world.place(block, (0.4, -0.12, TABLE_M + 0.001))
    world.settle()
    assert holds(Beside(object=block, relation="left_of", reference=cup), world)


def test_what_lies_on_one_of_two_things_is_not_between_them(world: World) -> None:
    block, brick = add(world, "red block", 0.5, 0.3, size="small"), add(world, "green lego", 0.5, 0)
    left = add(world, "blue can", 0.5, 0.08, size="big")
    right = add(world, "white can", 0.5, -0.08)
    between = Between(object=block, first=left, second=right)
    set_on(world, block, brick)
    assert holds(between, world)
    set_on(world, block, left, y=-0.022)
    assert holds(On(object=block, support=left), world)
    assert not holds(between, world)


def test_what_fell_off_the_table_has_not_been_moved_anywhere(world: World) -> None:
    block, other = add(world, "red block", 0.5, 0.2), add(world, "blue block", 0.5, 0.58)
    conditions = (
        Moved(object=block, start=(0.5, 0.2), direction=(0, 1)),
        At(object=block, point=(0.5, 0.66)),
        *sides(block, other),
    )
    world.place(block, (0.5, 0.68, -0.69))
    world.settle()
    assert not any(holds(condition, world) for condition in conditions)


def test_a_place_is_a_place_on_the_table_or_where_a_thing_stood(world: World) -> None:
    block, plate = add(world, "red block", 0.5, 0.2), add(world, "green plate", 0.5, 0.0)
    set_on(world, block, plate, z=0.014)
    there = At(object=block, point=(0.5, 0.0))
    moved = Moved(object=block, start=(0.5, 0.2))
    assert not holds(there, world)
    assert not holds(moved, world)
    world.stood_on[block] = frozenset({plate})
    assert holds(there, world)
    assert holds(moved, world)


def test_a_simulation_knows_what_things_stood_on() -> None:
    with simulate(get_task("ask_where"), 2, renderer="tiny") as simulation:
        world = simulation.world
        [lying] = [name for name, below in world.stood_on.items() if "table" not in below]
        x, y, _ = world.pose(lying)[:3, 3]
        assert holds(At(object=lying, point=(x, y)), world)


@pytest.mark.parametrize("shape", ["line", "circle"])
def test_what_is_arranged_has_space_between(world: World, shape: str) -> None:
    names = tuple(add(world, f"{c} block", 0.4, 0.0) for c in ("red", "blue", "green", "white"))
    arranged = Arranged(objects=names, shape=shape)  # type: ignore[arg-type]
    turns = np.arange(4) * np.pi / 2
    spread = {
        "line": [(0.5, 0.1 * k) for k in range(-2, 2)],
        "circle": [(0.5 + 0.08 * np.cos(t), 0.08 * np.sin(t)) for t in turns],
    }[shape]

    def placed(share: float) -> bool:
        for name, (x, y) in zip(names, spread, strict=True):
            world.place(name, (0.5 + share * (x - 0.5), share * y, TABLE_M + 0.001))
        world.settle()
        return holds(arranged, world)

    assert placed(1.0)
    wide = float(np.subtract(*world.bounds(names[0])[::-1])[0])
    gap = {"line": 0.1, "circle": 0.08 * np.sqrt(2)}[shape]
    assert not placed((wide + 0.002) / gap)


def test_a_tower_is_no_line(world: World) -> None:
    names = tuple(add(world, f"{c} block", 0.5, y) for c, y in
                  (("red", 0.0), ("blue", 0.1), ("green", 0.2)))  # fmt: skip
    world.settle()
    arranged = Arranged(objects=names, shape="line")
    assert holds(arranged, world)
    for above, below in zip(names[1:], names[:-1], strict=True):
        set_on(world, above, below)
    assert not holds(arranged, world)


@pytest.mark.parametrize("category", ["teddy", "duck"])
def test_what_is_too_wide_for_a_cup_is_not_in_it(world: World, category: Category) -> None:
    cup = add(world, "blue cup", 0.5, 0.0, size="small")
    thing = add(world, f"red {category}", 0.6, 0.2, size="big")
    set_on(world, thing, cup)
    low = world.bounds(thing)[0][2]
    assert bearers(world, thing) == {cup}
    assert low < world.bounds(cup)[1][2] - 0.003  # It dips into it.
    assert not holds(In(object=thing, container=cup), world)


@pytest.mark.parametrize("category", ["ball", "can", "block", "box", "duck", "lego", "teddy"])
def test_what_lies_in_a_shallow_bowl_is_in_it(world: World, category: Category) -> None:
    bowl = add(world, "blue bowl", 0.5, 0.0, size="big")
    thing = add(world, f"red {category}", 0.6, 0.25)
    set_on(world, thing, bowl, z=0.02)
    assert holds(In(object=thing, container=bowl), world)


def test_what_lies_on_what_is_in_a_bowl_is_in_it_too(world: World) -> None:
    bowl = add(world, "blue bowl", 0.5, 0.0, size="big")
    lower, upper = (
        world.add(ObjectSpec("block", c, 0.04, 0.04, (0.8, 0.1, 0.1)), (0.6, y, 0.001)).name
        for c, y in (("red", 0.2), ("green", -0.2))
    )
    set_on(world, lower, bowl, z=0.006)
    set_on(world, upper, lower)
    assert world.bounds(upper)[0][2] < world.bounds(bowl)[1][2] - 0.003
    assert holds(In(object=upper, container=bowl), world)


def test_fingers_around_what_stands_on_a_box_hold_nothing_yet() -> None:
    with simulate(get_task("grab_red_cup"), 11, renderer="tiny") as simulation:
        world, robot = simulation.world, simulation.robot
        table = simulation.style.table_height_m
        for name in world.objects:
            world.remove(name)
        box = world.add(ObjectSpec("box", "white", 0.06, 0.10, (0.9,) * 3), (0.5, 0.0, table))
        block = world.add(
            ObjectSpec("block", "red", 0.04, 0.04, (0.8, 0.1, 0.1)), (0.5, 0.3, table)
        )
        set_on(world, block.name, box.name)
        held = Holding(object=block.name)
        T = robot.read().T_base_tcp.copy()
        for height in (0.12, 0.02):
            T[:3, 3] = (*world.pose(block.name)[:2, 3], world.pose(block.name)[2, 3] + height)
            robot.move_joints(robot.kinematics.ik(T, robot.read().q)[None], speed=0.3)
        robot.set_gripper(0.0)
        assert not holds(held, world)
        T[2, 3] += 0.05
        robot.move_joints(robot.kinematics.ik(T, robot.read().q)[None], speed=0.3)
        assert holds(held, world)


def test_two_stacks_of_two_are_no_stack_of_three() -> None:
    for seed in range(20):
        with simulate(get_task("stack_as_shown"), seed, renderer="tiny") as simulation:
            world, groups = simulation.world, simulation.setup.count.groups
            if len(groups[0]) != 2:
                continue
            a, b, c, d = dict.fromkeys(on.object for group in groups for on in group)
            set_on(world, b, a)
            set_on(world, d, c)
            assert simulation.judged() is False
            world.place(d, (0.4, 0.45, simulation.style.table_height_m + 0.001))
            set_on(world, c, b)
            assert simulation.judged() is True
            set_on(world, d, c)
            assert simulation.judged() is False
            return
    pytest.fail("no seed asks for three")


def test_the_judge_looks_into_drawers() -> None:
    with simulate(get_task("stow_in_drawer"), 2) as simulation:
        world, [inside, _] = simulation.world, simulation.setup.goal
        drawer = world[inside.container]
        p.resetJointState(drawer.uid, 0, drawer.joint.travel, physicsClientId=world.client)
        front = p.getLinkState(drawer.uid, 0, True, True, physicsClientId=world.client)[4]
        back = world.pose(inside.container)[:3, 3] - front
        x, y, _ = np.array(front) + 0.06 * back / np.linalg.norm(back)
        assert not holds(inside, world)
        world.place(inside.object, (x, y, world.pose(inside.container)[2, 3] + 0.03))
        world.settle()
        assert holds(inside, world)
        assert simulation.judged() is False  # It is to be closed as well.
        p.resetJointState(drawer.uid, 0, 0.0, physicsClientId=world.client)
        # What was in the drawer's place by then is in front of it now.
        world.place(inside.object, (x, y, world.pose(inside.container)[2, 3] + 0.2))
        assert not holds(inside, world)


def test_what_must_hold_once_is_remembered() -> None:
    with simulate(get_task("put_back"), 2) as simulation:
        world, [there] = simulation.world, simulation.setup.once
        [at, _] = simulation.setup.goal
        x, y, z = world.pose(there.support)[:3, 3]
        assert simulation.judged() is False
        world.place(there.object, (x, y, z + 0.012))
        world.settle()
        assert simulation.judged() is False
        world.place(there.object, (*at.point, z))
        assert simulation.judged() is True
