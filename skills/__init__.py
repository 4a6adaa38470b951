"""Skill calls to motion: the skills, the Robot seam, limits, drivers."""
