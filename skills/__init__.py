"""Skill calls to motion: the skills, the Robot seam, limits, drivers."""

from .checks import check_robot, check_skill
from .guarded import Box, Guarded, Limits
from .handover import Handover
from .look import Home, LookAt
from .opening import Close, Open
from .pick import Pick
from .place import Place
from .push import Push
from .registry import skill_from_call, skill_schema, skills
from .robot import CancelToken, JointArm, Robot, RobotSpec, RobotState
from .skill import Code, Outcome, Sight, Skill, SkillContext
from .stack import Stack

__all__ = [
    "Box",
    "CancelToken",
    "Close",
    "Code",
    "Guarded",
    "Handover",
    "Home",
    "JointArm",
    "Limits",
    "LookAt",
    "Open",
    "Outcome",
    "Pick",
    "Place",
    "Push",
    "Robot",
    "RobotSpec",
    "RobotState",
    "Sight",
    "Skill",
    "SkillContext",
    "Stack",
    "check_robot",
    "check_skill",
    "skill_from_call",
    "skill_schema",
    "skills",
]
