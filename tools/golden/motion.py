#!/usr/bin/env python3
"""A small made-up set of poses from which something can be learnt: a skeleton that swings its limbs
and turns, seen by one camera, as the tools of VideoPose3D write sequences. Both sides are as a
model takes them. For tests/cli/test_poses_training.sh. Wants numpy. Run:
python3 tools/golden/motion.py tests/data/golden
"""

import pathlib
import sys

import noise as numbers
import numpy as np

ACTIONS = {"Walking": 32, "Walking 1": 28, "Turning": 24, "Waving": 20}
SUBJECTS = {"A": ACTIONS, "B": ACTIONS, "C": {"Walking": 24, "Turning": 20}}
LEFT, RIGHT = [4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]
PARENTS = [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15]
BONES = np.array(  # metres, from the parent, where the figure stands and looks ahead
    [[0, 0, 0], [-0.13, 0, 0], [0, 0.45, 0], [0, 0.45, 0], [0.13, 0, 0], [0, 0.45, 0], [0, 0.45, 0]]
    + [[0, -0.25, 0], [0, -0.25, 0], [0, -0.1, 0], [0, -0.12, 0]]
    + [[0.15, 0, 0], [0, 0.28, 0], [0, 0.25, 0], [-0.15, 0, 0], [0, 0.28, 0], [0, 0.25, 0]]
)
DISTANCE = 5.0


def about_x(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_y(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def motion(name, frames):
    """(frames, 17, 3)"""
    speed, phase, swing, turn = numbers.noise("motion " + name, (4,))
    out = np.zeros((frames, 17, 3))
    for t in range(frames):
        at = (0.35 + 0.1 * speed) * t + 3 * phase
        angles = {1: 1, 4: -1, 11: 1, 14: -1}  # a leg, the other; an arm, the other
        body = about_y(1.2 * np.sin(0.15 * t + 3 * turn))
        turns = [body] * 17
        for j in range(1, 17):
            if j in angles:
                turns[j] = body @ about_x(angles[j] * (0.6 + 0.3 * swing) * np.sin(at))
            elif PARENTS[j] in LEFT + RIGHT:
                turns[j] = turns[PARENTS[j]]
            lower = turns[j] if j not in angles else body
            out[t, j] = out[t, PARENTS[j]] + lower @ BONES[j]
    return out


def main():
    folder, flat, deep = pathlib.Path(sys.argv[1]), {}, {}
    for subject, actions in SUBJECTS.items():
        flat[subject], deep[subject] = {}, {}
        for action, frames in actions.items():
            poses = motion(f"{subject} {action}", frames).round(3)
            seen = 3 * poses[..., :2] / (poses[..., 2:] + DISTANCE)
            flat[subject][action] = [seen.round(3).astype("f4")]
            deep[subject][action] = poses.astype("f4")
    metadata = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [LEFT, RIGHT]}
    np.savez_compressed(folder / "motion_2d.npz", positions_2d=flat, metadata=metadata)
    np.savez_compressed(folder / "motion_3d.npz", positions_3d=deep)


main()
