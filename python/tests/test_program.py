"""The verbs: typed results, things in memory in place of files, errors, an end from outside."""

import dataclasses
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import warnings

import numpy as np
import vitcod
from support import ROOT, SMALL, run_alone, small_images
from vitcod import results
from vitcod.processes import PATH

VERBS = [line.split()[0] for line in vitcod.program("--help").splitlines() if line.startswith("  ")]


class Generated(unittest.TestCase):
    def test_every_verb(self):
        self.assertGreater(len(VERBS), 15)
        for verb in VERBS:
            with self.subTest(verb):
                name = {"import": "import_", "eval": "evaluate"}.get(verb, verb)
                function = getattr(vitcod.verbs, name)
                helped = vitcod.program(verb, "--help")
                options = {
                    w.strip(",")[2:]
                    for w in helped.split("\noptions:\n")[1].split()
                    if w.startswith("--") and helped.count(f"\n  {w}") + helped.count(f", {w} ")
                }
                known = {n.rstrip("_").replace("_", "-") for n in function.__kwdefaults__}
                known -= {"progress"}
                self.assertEqual(options - {"json", "csv", "help"}, known)
                self.assertIn("threads: N", function.__doc__)
                self.assertEqual(
                    function.__annotations__["return"], f"results.{results.OF_VERB[verb].__name__}"
                )

    def test_names_are_not_those_of_modules(self):
        """A module that is imported takes the place of what the package has under its name."""
        folder = os.path.dirname(vitcod.__file__)
        modules = {name[:-3] for name in os.listdir(folder) if name.endswith(".py")}
        self.assertIn("processes", modules)
        self.assertEqual(modules & set(vitcod.__all__), {"verbs", "results"})

    def test_every_field_has_a_type_and_a_meaning(self):
        for kind in results.OF_VERB.values():
            schema = json.loads(vitcod.program("--schema", kind.__name__[:-6].lower()))
            fields = {field.name: field for field in dataclasses.fields(kind)}
            self.assertEqual(len(fields) - kind._open, len(schema["properties"]))
            self.assertEqual(set(kind._parts), set(fields) - {"more"})
            for name, (key, _, _) in kind._parts.items():
                absent = fields[name].default is not dataclasses.MISSING
                self.assertEqual(key in schema["required"], not absent, (kind, name))

    def test_results_are_their_json(self):
        path = str(SMALL)
        out = json.loads(vitcod.program("info", path, "--json"))
        result = vitcod.info(path)
        self.assertIsInstance(result, results.InfoResult)
        again = result.to_dict()
        for key in ("command", "date"):  # of another run, a second later at times
            again[key] = out[key]
        self.assertEqual(again, out)
        self.assertIn("<table>", result._repr_html_())
        with self.assertRaisesRegex(ValueError, "unknown other"):
            results.PruneResult.from_dict({"other": 1})

    def test_frames(self):
        try:
            import pandas  # noqa: F401
        except ImportError:
            self.skipTest("no pandas")
        frame = vitcod.info(SMALL).to_frame("attention")
        self.assertEqual(frame["heads"][0], 3)


class InMemory(unittest.TestCase):
    def test_simulate(self):
        with vitcod.load(SMALL) as model:
            maps = model.attention(small_images(2))
            dense = vitcod.simulate(model)
            mask = vitcod.prune(maps, sparsity=0.9).mask
            plan = vitcod.polarize(mask)
            model.use(plan=plan)
            sparse = vitcod.simulate(model)
            model.use(mask=mask)
            masked = vitcod.simulate(model)
        self.assertEqual(sparse.plan_hash, plan.hash)
        self.assertEqual(dense.kind, "timeline")
        self.assertIsInstance(dense.attention.cycles, int)
        self.assertLess(sparse.attention.cycles, dense.attention.cycles)
        self.assertEqual(masked.attention.cycles, sparse.attention.cycles)
        alone = vitcod.simulate(plan, head_dim=16)
        self.assertEqual(alone.plan_hash, plan.hash)
        bound = vitcod.simulate(plan, head_dim=16, bound=True)
        self.assertLessEqual(bound.attention.cycles, alone.attention.cycles)

    def test_what_a_model_says_itself(self):
        with vitcod.load(SMALL, plan="none") as model:
            self.assertEqual(vitcod.info(model).model, str(SMALL))
            with self.assertRaisesRegex(vitcod.UsageError, "plan of the model"):
                vitcod.simulate(model, plan="other.safetensors")

    def test_bench(self):
        with vitcod.load(SMALL) as model:
            result = vitcod.bench(model, batch=2, threads=1)
        self.assertIsInstance(result, results.BenchResult)
        self.assertEqual((result.batch, result.threads), (2, 1))


class Failures(unittest.TestCase):
    def test_sentences(self):
        with self.assertRaises(vitcod.Error) as caught:
            vitcod.info("absent.safetensors")
        self.assertIn("absent.safetensors", str(caught.exception))
        self.assertNotIn("vitcod:", str(caught.exception))
        with self.assertRaisesRegex(vitcod.UsageError, "wanted"):
            vitcod.info()
        with self.assertRaisesRegex(vitcod.UsageError, "--batch"):
            vitcod.bench(SMALL, batch=-1)
        with self.assertRaises(TypeError):
            vitcod.bench(SMALL, bach=1)
        with self.assertRaisesRegex(TypeError, "masks: .*wanted an array"):
            vitcod.verbs.compare(masks=object)

    def test_what_is_said_beside_a_result_is_a_warning(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f"{folder}/class")
            with open(f"{folder}/class/bad.png", "wb") as file:
                file.write(b"no picture")
            good = ROOT / "tests/data/golden/grey.jpg"
            os.symlink(good, f"{folder}/class/good.jpg")
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                result = vitcod.verbs.attention(
                    SMALL, data=folder, output=f"{folder}/maps.npy", skip_broken=True
                )
        self.assertEqual(result.images, 1)
        self.assertIn("bad.png", str(told[0].message))
        self.assertIs(told[0].category, vitcod.VitcodWarning)


class Photos(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.photos = os.path.join(self.folder, "photos")
        os.mkdir(self.photos)
        pixels = np.random.default_rng(0).integers(0, 256, (8, 28 * 28), np.uint8)
        for number, of in enumerate(pixels):
            with open(f"{self.photos}/{number}.pgm", "wb") as file:
                file.write(b"P5 28 28 255\n" + of.tobytes())


class Told(Photos):
    """How far a verb is."""

    def setUp(self):
        super().setUp()
        self.how = {
            "data": self.photos,
            "sparsity": 0.5,
            "epochs": 1,
            "batch": 2,
            "hold_back": 0.25,
            "output": os.path.join(self.folder, "out.safetensors"),
        }

    def test_calibrate(self):
        told = []
        result = vitcod.calibrate(SMALL, **self.how, progress=told.append)
        self.assertEqual(result.verb, "calibrate")
        last = {one.label: one for one in told}
        self.assertLess({"attention", "heads"}, set(last))
        steps = last["calibrating"]
        self.assertEqual((steps.done, steps.total), (3, 3))
        self.assertRegex(steps.note, r"\d")

    def test_a_callback_that_raises(self):
        def on_progress(_):
            raise KeyError("enough")

        with self.assertRaisesRegex(KeyError, "enough"):
            vitcod.calibrate(SMALL, **self.how, progress=on_progress)
        self.assertFalse(os.path.exists(self.how["output"]))
        with open(f"/proc/self/task/{threading.get_native_id()}/children") as file:
            self.assertEqual(file.read(), "")
        self.assertEqual(vitcod.calibrate(SMALL, **self.how, force=True).verb, "calibrate")

    def test_where_nothing_listens(self):
        done = subprocess.run(
            [PATH, "info", SMALL],
            env={**os.environ, "VC_PROGRESS": "77"},
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("VC_PROGRESS is '77', wanted the number of an open descriptor", done.stderr)


class Summaries(Photos):
    def test_beside_the_verbs(self):
        images = small_images(4)
        with vitcod.load(SMALL) as model:
            mask = vitcod.prune(model.attention(images), sparsity=0.8).mask
            plan = vitcod.summaries(model, self.photos, mask=mask, grid="2x2")
            self.assertEqual(plan.method, "with summaries")
            self.assertEqual([len(layer.summaries) for layer in plan], [4] * len(plan))
            np.testing.assert_array_equal(plan.mask(0), mask[0])
            measured = vitcod.summaries(model, [self.photos], sparsity=0.8)
            self.assertEqual(measured.method, "with summaries")
            self.assertAlmostEqual(measured.kept_share, 0.2, 2)
            dense = model.infer(images)
            apart = [
                np.abs(model.use(plan=of).infer(images) - dense).mean()
                for of in (plan, vitcod.polarize(mask))
            ]
            self.assertLess(apart[0], apart[1])  # they stand in for what is pruned
            for how in (
                {},
                {"mask": mask, "sparsity": 0.5},
                {"mask": mask},
                {"sparsity": 0.8, "output": "averages"},
                {"sparsity": 0.8, "summary": "2x2"},
            ):
                with self.assertRaises(TypeError):
                    vitcod.summaries(model, self.photos, **how)
            with self.assertRaisesRegex(TypeError, "wanted paths of images"):
                vitcod.summaries(model, images, sparsity=0.8)
            with self.assertRaisesRegex(vitcod.UsageError, "on a plan no map is made"):
                vitcod.summaries(model, self.photos, sparsity=0.8)


class Stopped(unittest.TestCase):
    def test_keyboard_interrupt(self):
        """The process that computes is ended, and nothing of it is left."""
        code = (
            "import os, signal, threading, time, vitcod\n"
            "threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
            "begun = time.monotonic()\n"
            "try:\n"
            "    vitcod.program('profile', '--arch', 'deit_base_patch16_224', '--threads', '1')\n"
            "except KeyboardInterrupt:\n"
            "    print('stopped', time.monotonic() - begun)\n"
            "print('left', [c for c in open(f'/proc/{os.getpid()}/task/{os.getpid()}/children')])\n"
        )
        done = run_alone(code)
        self.assertRegex(done.stdout, r"stopped [0-9.]+\nleft \[(''|'?)\]", done.stderr)
        seconds = float(done.stdout.split()[1])
        self.assertLess(seconds, 1.0 + 10)  # a second, on a machine that is not busy

    def test_another_signal(self):
        main = threading.get_native_id()

        def end():
            time.sleep(1)
            with open(f"/proc/self/task/{main}/children") as file:
                for child in file.read().split():
                    os.kill(int(child), signal.SIGTERM)

        thread = threading.Thread(target=end)
        thread.start()
        with self.assertRaisesRegex(vitcod.InterruptedWork, "SIGTERM"):
            vitcod.program("profile", "--arch", "deit_base_patch16_224", "--threads", "1")
        thread.join()


class Sweep(unittest.TestCase):
    def test_points_come_as_they_are_done_and_stay(self):
        with tempfile.TemporaryDirectory() as folder:
            out, path = f"{folder}/points.jsonl", f"{folder}/model.safetensors"
            with vitcod.load(SMALL) as model:
                mask = vitcod.prune(model.attention(small_images(2)), sparsity=0.9).mask
                model.use(plan=vitcod.polarize(mask)).save(path)
            space = {"end_to_end": False, "axes": {"model": path, "lines": [16, 32, 64]}}
            points = vitcod.sweep(space, out, threads=1)
            first = next(points)
            points.close()  # and the program is ended
            self.assertIn("lines", json.dumps(first))
            everything = list(vitcod.sweep(space, out))
            self.assertEqual(len(everything), 3)
            self.assertEqual(everything[0], first)
            self.assertEqual(list(vitcod.sweep(space, out)), everything)
            with self.assertRaises(vitcod.Error):
                list(vitcod.sweep({"no": "space"}, f"{folder}/other.jsonl"))


if __name__ == "__main__":
    unittest.main()
