"""PyBullet worlds: a Robot with Cameras, objects, tasks, Gymnasium environments.

Importing this package makes the environments known to Gymnasium under "handeye/…".
"""

from .registering import register

register()
