#!/usr/bin/env python3
"""Small made-up sets of poses as the tools of VideoPose3D write them, and what a Strided
Transformer of tools/golden/strided.py is measured at on them, by numpy and PyTorch in float64:
the oracle of tests/evaluate/test_pose_error.c. Windows, cameras, mirror images, MPJPE, P-MPJPE
(by singular values, where the C side has quaternions) and the interval are written here from
their definitions.

Wants numpy and torch. Run:
python3 tools/golden/poses.py tests/data/golden > tools/golden/poses.json
"""

import json
import pathlib
import struct
import sys

import noise as numbers
import numpy as np
import torch
from strided import Strided, state_of

KIND = (9, 17, 16, 24, 1, (3, 3))
SUBJECTS, ACTIONS, CAMERAS = ("S1", "S9"), {"Walking": 7, "Walking 1": 5, "Sitting": 4}, 2
KEPT = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
LEFT, RIGHT = [4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]
Z = 1.959964


def cameras():
    out = {}
    for subject in SUBJECTS:
        out[subject] = []
        for i in range(CAMERAS):
            q = numbers.noise(f"orientation {subject} {i}", (4,))
            t = 3.0 * numbers.noise(f"translation {subject} {i}", (3,))
            out[subject].append(
                {
                    "res_w": 1000,
                    "res_h": 1002 - 2 * i,
                    "orientation": (q / np.linalg.norm(q)).tolist(),
                    "translation": t.tolist(),
                }
            )
    return out


def turned(points, camera):
    """World to camera: by the transposed matrix of the quaternion."""
    w, x, y, z = camera["orientation"]
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    return (points - np.array(camera["translation"])) @ turn


def make_sets():
    flat, deep = {}, {}
    for subject in SUBJECTS:
        flat[subject], deep[subject] = {}, {}
        for action, frames in ACTIONS.items():
            name = f"{subject} {action}"
            world = numbers.noise("world " + name, (frames, 32, 3))
            deep[subject][action] = world.astype("float32")
            # one frame more than the truth has
            flat[subject][action] = [
                (500 + 400 * numbers.noise(f"seen {name} {i}", (frames + 1, 17, 2))).astype("f4")
                for i in range(CAMERAS)
            ]
    return flat, deep


def mirror_joints(x):
    out = x.copy()
    out[..., LEFT + RIGHT, :] = x[..., RIGHT + LEFT, :]
    out[..., 0] *= -1
    return out


def windows(seen, frames):
    pad = KIND[0] // 2
    padded = np.pad(seen, ((pad, pad + 1), (0, 0), (0, 0)), "edge")
    return np.stack([padded[i : i + KIND[0]] for i in range(frames)])


def aligned(pose, truth):
    x, y = truth - truth.mean(0), pose - pose.mean(0)
    u, s, v = np.linalg.svd(y.T @ x)
    sign = np.sign(np.linalg.det(u @ v))
    s[-1] *= sign
    u[:, -1] *= sign
    return s.sum() / (y * y).sum() * y @ (u @ v) + truth.mean(0)


def distance(a, b):
    return np.linalg.norm(a - b, axis=-1).mean(-1)


def run(model, x):
    x = torch.tensor(x.reshape(len(x), KIND[0], -1), dtype=torch.float64)
    return model(x)[0].numpy().reshape(len(x), KIND[1], 3)


def measure(flat, deep, cams, subjects, mirror, every):
    model = Strided(KIND, state_of(KIND))
    sequences = []
    for subject in subjects:
        for action in ACTIONS:
            for i, camera in enumerate(cams[subject]):
                truth = turned(deep[subject][action].astype(float)[:, KEPT], camera)
                truth = truth - truth[:, :1]
                scale = np.array([1.0, camera["res_h"] / camera["res_w"]])
                seen = flat[subject][action][i].astype(float) / camera["res_w"] * 2 - scale
                seen = seen[: len(truth)]
                x = windows(seen, len(truth))
                made = run(model, x)
                if mirror:
                    made = (made + mirror_joints(run(model, mirror_joints(x)))) / 2
                made[:, 0] = 0
                made, truth = made[::every], truth[::every]
                first = distance(made, truth)
                second = [distance(aligned(m, t), t) for m, t in zip(made, truth)]
                sequences.append((action.split(" ")[0], 1000 * first, 1000 * np.array(second)))
    first = np.concatenate([s[1] for s in sequences])
    n = len(sequences)
    residuals = sum((s[1].sum() - first.mean() * len(s[1])) ** 2 for s in sequences)
    half = Z * np.sqrt(residuals * n / (n - 1)) / len(first)
    actions = {
        name: [float(np.concatenate([s[k] for s in sequences if s[0] == name]).mean())
               for k in (1, 2)]
        for name in dict.fromkeys(s[0] for s in sequences)
    }
    return {
        "frames": len(first),
        "sequences": n,
        "mpjpe": float(first.mean()),
        "mpjpe_low": float(first.mean() - half),
        "mpjpe_high": float(first.mean() + half),
        "p_mpjpe": float(np.concatenate([s[2] for s in sequences]).mean()),
        "actions_mpjpe": float(np.mean([a[0] for a in actions.values()])),
        "actions_p_mpjpe": float(np.mean([a[1] for a in actions.values()])),
        "actions": actions,
    }


def write_model(path):
    """The model as safetensors, for the program's tests."""
    header, data = {"__metadata__": {"strides": "3 3", "num_heads": "4"}}, b""
    for name, value in state_of(KIND).items():
        raw = value.float().numpy().tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    folder, cams = pathlib.Path(sys.argv[1]), cameras()
    write_model(folder / "poses.safetensors")
    flat, deep = make_sets()
    metadata = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [LEFT, RIGHT]}
    np.savez_compressed(folder / "poses_2d.npz", positions_2d=flat, metadata=metadata)
    np.savez_compressed(folder / "poses_3d.npz", positions_3d=deep)
    # a joint with two partners, as no skeleton has one
    metadata["keypoints_symmetry"] = [[1, 1], [4, 5]]
    few = {"S1": {"Walking": flat["S1"][next(iter(ACTIONS))][:1]}}
    np.savez_compressed(folder / "poses_two_partners.npz", positions_2d=few, metadata=metadata)
    (folder / "poses_cameras.json").write_text(json.dumps(cams, indent=1) + "\n")
    print(json.dumps({
        "all": measure(flat, deep, cams, SUBJECTS, False, 1),
        "mirrored": measure(flat, deep, cams, SUBJECTS, True, 1),
        "some": measure(flat, deep, cams, ("S9",), True, 2),
    }, indent=1))


main()
