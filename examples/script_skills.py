"""The same in Python: an agent that is told, then skills that are scripted."""

import handeye

with handeye.connect("sim", seed=1, instruction="a red cup, a blue plate, a green block") as robot:
    agent = handeye.Agent(robot)
    result = agent.run("put the red cup on the blue plate")
    print(result.status, result.reason or result.question)
    for step in result.skills:
        print(step.call.words(), step.code, step.verified)
    looked = robot.do(handeye.skills.LookAt(target="the green block"))  # or script the skills
    print(looked.message)
