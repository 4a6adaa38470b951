"""Instruction and scene to skill calls: planners and the LangGraph loop."""
