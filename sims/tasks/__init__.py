"""Tasks: a scene to build, an instruction, and a success test on the simulator's own state."""
