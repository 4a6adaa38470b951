"""What was reached, looked at again at the end of a plan."""

from handeye.agents.events import Call
from handeye.agents.verifying import still_sought, undone
from handeye.perception.conditions import Holding, On
from raycast import Thing, observing

PLATE = Thing("blue plate", (0.55, -0.15), (0.16, 0.16, 0.015))
BESIDE = Thing("red cup", (0.55, 0.1), (0.06, 0.06, 0.08))
GOAL = On(object="cup_1", support="plate_1")
PLACED = Call(skill="place", arguments={"target": "cup_1", "on": "plate_1"})


def test_what_looks_undone_though_nothing_moved_is_not_done_again() -> None:
    # The two are judged to be apart, but they are where they were when the goal was seen to hold.
    observer, _ = observing(BESIDE, PLATE)
    kept = still_sought([], PLACED, GOAL, observer.scene)
    assert [set(one["places"]) for one in kept] == [{"cup_1", "plate_1"}]
    assert undone(kept, observer, ("overview", "wrist")) == ([], "")


def test_what_has_moved_since_is_done_again() -> None:
    observer, vlm = observing(Thing("red cup", PLATE.at, BESIDE.size, bottom=0.015), PLATE)
    kept = still_sought([], PLACED, GOAL, observer.scene)
    vlm.room.things[0] = BESIDE
    observer.look()
    calls, seen = undone(kept, observer, ("overview", "wrist"))
    assert calls == [PLACED.model_dump(mode="json")]
    assert seen.startswith("red cup at (0.55, 0.10")


def test_a_later_move_of_the_same_thing_and_a_grip_are_not_sought_at_the_end() -> None:
    observer, _ = observing(BESIDE, PLATE)
    kept = still_sought([], PLACED, GOAL, observer.scene)
    picked = Call(skill="pick", arguments={"target": "cup_1"})
    assert still_sought(kept, picked, Holding(object="cup_1"), observer.scene) == []
