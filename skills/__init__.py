"""Skill calls to motion: the skills, the Robot seam, limits, drivers."""

from .checks import check_robot, check_skill
from .guarded import Box, Guarded, Limits
from .handover import Handover
from .insert import Insert
from .look import Home, LookAround, LookAt
from .opening import Close, Open
from .pick import Pick
from .place import Place
from .pour import Pour
from .push import Push
from .registry import register, skill_from_call, skill_schema, skills
from .robot import CancelToken, JointArm, Robot, RobotSpec, RobotState
from .rotate import Rotate
from .skill import Code, Outcome, Sight, Skill, SkillContext
from .stack import Stack
from .sweep import Sweep
from .upright import Upright

__all__ = [
    "Box",
    "CancelToken",
    "Close",
    "Code",
    "Guarded",
    "Handover",
    "Home",
    "Insert",
    "JointArm",
    "Limits",
    "LookAround",
    "LookAt",
    "Open",
    "Outcome",
    "Pick",
    "Place",
    "Pour",
    "Push",
    "Robot",
    "RobotSpec",
    "RobotState",
    "Rotate",
    "Sight",
    "Skill",
    "SkillContext",
    "Stack",
    "Sweep",
    "Upright",
    "check_robot",
    "check_skill",
    "register",
    "skill_from_call",
    "skill_schema",
    "skills",
]
