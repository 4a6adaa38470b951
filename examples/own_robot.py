"""Bring your own robot: what handeye needs to know of an arm, held to the contract.

The hardware behind this one is four numbers in memory; put your controller's calls in their place.
"""

import numpy as np
from handeye.perception.errors import DeadlineError, StoppedError
from handeye.sims.panda import panda_spec
from handeye.skills import RobotState, check_robot
from handeye.skills.cartesian import CartesianArm


class MyArm(CartesianArm):
    """`CartesianArm` adds move_to, from `spec.urdf` and move_joints."""

    spec = panda_spec()  # joint names and limits, gripper stroke, reach, URDF: yours

    def __init__(self):
        self.cameras = {}  # name -> Camera, such as handeye.perception.cameras.open_camera(0)
        self.q, self.width, self.clock, self.halted = self.spec.q_home, 0.08, 0.0, False

    def connect(self): ...

    def close(self): ...

    def read(self):
        T, still = self.kinematics.fk(self.q), np.zeros_like(self.q)
        return RobotState(self.q, still, T, self.width, self.clock, stopped=self.halted)

    def move_joints(self, path, *, speed=1.0, deadline_s=None, cancel=None):
        until = np.inf if deadline_s is None else self.clock + deadline_s
        for q in path:
            self._may_move(cancel)
            self.clock += float(np.max(np.abs(q - self.q) / self.spec.dq_max)) / speed
            if self.clock > until:
                raise DeadlineError(f"not there after {deadline_s} s")
            self.q = q
        return self.read()

    def set_gripper(self, width_m, *, force_n=20.0, deadline_s=None, cancel=None):
        self._may_move(cancel)
        self.width = width_m
        return self.read()

    def stop(self):
        self.halted = True

    def reset(self):
        self.halted = False

    def _may_move(self, cancel):
        """Asked before each step of every motion, the gripper's too."""
        if self.halted:
            raise StoppedError("the arm is stopped; reset() lets it move again")
        if cancel is not None:
            cancel.check()  # raises CancelledError


if __name__ == "__main__":
    check_robot(MyArm())
    print("MyArm keeps the contract: handeye.connect(MyArm()) drives it")
