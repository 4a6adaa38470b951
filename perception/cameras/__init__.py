"""Cameras that give Frames."""
