"""PyBullet worlds: a Robot with Cameras, objects, tasks, Gymnasium environments."""
