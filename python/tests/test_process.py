"""Threads, forks, Ctrl-C, what an import and a call cost, and what is released."""

import gc
import multiprocessing
import os
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import vitcod
from support import DEIT, SMALL, needs_deit, run_alone, small_images


def _in_a_child(queue, images):
    try:
        with vitcod.load(SMALL) as model:
            queue.put(model.infer(images))
    except vitcod.Error as error:
        queue.put(str(error))


class Threads(unittest.TestCase):
    def test_two_models_side_by_side(self):
        images = [small_images(6, seed) for seed in (1, 2)]
        masks = [None, vitcod.prune(vitcod.load(SMALL).attention(images[0]), sparsity=0.8).mask]

        def run(index):
            with vitcod.load(SMALL, mask=masks[index]) as model:
                return [model.infer(images[index], batch=2) for _ in range(3)]

        one_after_the_other = [run(0), run(1)]
        with ThreadPoolExecutor(2) as pool:
            side_by_side = list(pool.map(run, (0, 1)))
        for alone, together in zip(one_after_the_other, side_by_side):
            for a, b in zip(alone, together):
                np.testing.assert_array_equal(a, b)

    def test_one_model_in_several_threads(self):
        with vitcod.load(SMALL) as model:
            images = [small_images(3, seed) for seed in range(6)]
            wanted = [model.infer(x) for x in images]
            with ThreadPoolExecutor(3) as pool:
                for a, b in zip(wanted, pool.map(model.infer, images)):
                    np.testing.assert_array_equal(a, b)

    def test_the_gil_is_released(self):
        images = small_images(64)
        with vitcod.load(SMALL) as model:
            model.infer(images[:1], batch=64)
            counted, done = 0, threading.Event()

            def infer():
                for _ in range(5):
                    model.infer(images, batch=64)
                done.set()

            thread = threading.Thread(target=infer)
            sys.setswitchinterval(10)  # whoever has the GIL keeps it
            try:
                thread.start()
                while not done.is_set():
                    counted += 1
                    time.sleep(0)
            finally:
                sys.setswitchinterval(0.005)
                thread.join()
        self.assertGreater(counted, 100)

    def test_closed_while_it_runs(self):
        images = small_images(64)
        model = vitcod.load(SMALL)
        wanted = model.infer(images)
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(model.infer, images)
            model.close()  # waits, or comes first
            try:
                np.testing.assert_array_equal(result.result(), wanted)
            except ValueError as error:
                self.assertIn("closed", str(error))

    def test_how_many(self):
        before = vitcod.threads()
        images = small_images(4)
        with vitcod.load(SMALL) as model:
            wanted = model.infer(images)
            try:
                for count in (1, 3):
                    vitcod.set_threads(count)
                    self.assertEqual(vitcod.threads(), count)
                    np.testing.assert_array_equal(model.infer(images), wanted)
                with self.assertRaisesRegex(vitcod.InvalidError, "1025"):
                    vitcod.set_threads(1025)
            finally:
                vitcod.set_threads(before)


class Forks(unittest.TestCase):
    def child(self, method, images):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=_in_a_child, args=(queue, images))
        process.start()
        try:
            return queue.get(timeout=60)
        finally:
            process.join(10)
            process.kill()

    def test_after_threads_have_been_started(self):
        images = small_images(2)
        with vitcod.load(SMALL) as model:
            wanted = model.infer(images)
        np.testing.assert_array_equal(self.child("spawn", images), wanted)
        forked = self.child("fork", images)
        if vitcod.threads() == 1:
            np.testing.assert_array_equal(forked, wanted)
        else:
            self.assertIn("wanted multiprocessing.get_context('spawn')", forked)

    def test_before_anything_is_computed(self):
        code = (
            "import os, sys, numpy as np, vitcod\n"
            f"model = vitcod.load({str(SMALL)!r})\n"
            "x = np.zeros((1, 1, 28, 28), np.float32)\n"
            "child = os.fork()\n"
            "line = f'{model.infer(x).argmax()}\\n'\n"
            "os.write(1, line.encode())\n"  # at once: PYTHONUNBUFFERED parts a line from its end
            "if child: sys.exit(os.waitpid(child, 0)[1])\n"
        )
        done = run_alone(code)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        first, second = done.stdout.split()
        self.assertEqual(first, second)


class Interrupted(unittest.TestCase):
    def test_between_batches(self):
        """Ctrl-C in a long call: within a batch, and the model goes on afterwards."""
        code = (
            "import os, signal, threading, time, numpy as np, vitcod\n"
            f"model = vitcod.load({str(SMALL)!r})\n"
            "x = np.zeros((4000, 1, 28, 28), np.float32)\n"
            "wanted = model.infer(x[:8])\n"
            "for call in (model.infer, model.attention):\n"
            "    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
            "    begun = time.monotonic()\n"
            "    try:\n"
            "        call(x)\n"
            "        print('not interrupted')\n"
            "    except KeyboardInterrupt:\n"
            "        print(time.monotonic() - begun)\n"
            "    assert (model.infer(x[:8]) == wanted).all()\n"
        )
        done = run_alone(code, seconds=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for seconds in done.stdout.split():
            self.assertLess(float(seconds), 10)  # a second, on a machine that is not busy

    def test_again_and_again(self):
        """A signal that falls upon a product of oneDNN leaves its values alone."""
        code = (
            "import signal, numpy as np, vitcod\n"
            f"model = vitcod.load({str(SMALL)!r})\n"
            "x = np.zeros((4000, 1, 28, 28), np.float32)\n"
            "def stop(*how): raise KeyboardInterrupt\n"
            "signal.signal(signal.SIGALRM, stop)\n"
            "for i in range(16):\n"
            "    signal.setitimer(signal.ITIMER_REAL, 0.1 + 0.013 * i)\n"
            "    try: model.attention(x)\n"
            "    except KeyboardInterrupt: pass\n"
        )
        done = run_alone(code, seconds=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_while_pruning(self):
        """Within a round of the search; where there is no callback too, which would lose it."""
        code = (
            "import os, signal, threading, time, numpy as np, vitcod\n"
            "maps = np.random.default_rng(0).random((12, 6, 197, 197), np.float32)\n"
            "for progress in (None, lambda done, rounds: None):\n"
            "    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
            "    begun = time.monotonic()\n"
            "    try:\n"
            "        vitcod.prune(maps, sparsity=0.9, progress=progress)\n"
            "        print('not interrupted')\n"
            "    except KeyboardInterrupt:\n"
            "        print(time.monotonic() - begun)\n"
            "    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        )
        done = run_alone(code, seconds=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for seconds in done.stdout.split():
            self.assertLess(float(seconds), 10)  # a second, on a machine that is not busy

    def test_a_handler_that_raises_nothing(self):
        """It is called, and pruning goes on."""
        code = (
            "import os, signal, threading, numpy as np, vitcod\n"
            "maps = np.random.default_rng(0).random((2, 3, 50, 50), np.float32) ** 9\n"
            "maps /= maps.sum(-1, keepdims=True)\n"
            "wanted = vitcod.prune(maps, sparsity=0.5).mask\n"
            "signal.signal(signal.SIGINT, lambda number, frame: print(number))\n"
            "def progress(done, rounds):\n"
            "    if done == 1: os.kill(os.getpid(), signal.SIGINT)\n"
            "assert (vitcod.prune(maps, sparsity=0.5, progress=progress).mask == wanted).all()\n"
        )
        done = run_alone(code, seconds=120)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "2\n", ""))

    def test_anywhere(self):
        """Whatever it falls upon, nothing is closed twice or used after it has been closed."""
        code = (
            "import sys, numpy as np, vitcod\n"
            f"model = vitcod.load({str(SMALL)!r})\n"
            "x = np.zeros((1, 1, 28, 28), np.float32)\n"
            "mask = vitcod.prune(model.attention(x), sparsity=0.8).mask\n"
            "plan = vitcod.polarize(mask)\n"
            "def calls():\n"
            f"    with vitcod.load({str(SMALL)!r}, mask=mask) as other:\n"
            "        other.infer(x)\n"
            "    model.use(plan=plan).infer(x)\n"
            "    model.use(mask=mask).attention(x)\n"
            "def interrupt(at):\n"  # at the so manieth line of the package
            "    left = [at]\n"
            "    def trace(frame, event, argument):\n"
            "        if 'vitcod' in frame.f_code.co_filename:\n"
            "            left[0] -= event == 'line'\n"
            "            if left[0] == 0:\n"
            "                left[0] = -1\n"
            "                raise KeyboardInterrupt\n"
            "        return trace\n"
            "    sys.settrace(trace)\n"
            "    try:\n"
            "        calls()\n"
            "    except KeyboardInterrupt:\n"
            "        pass\n"
            "    finally:\n"
            "        sys.settrace(None)\n"
            "    return left[0] < 0\n"
            "at = 1\n"
            "while interrupt(at):\n"
            "    model.infer(x)\n"
            "    at += 1\n"
            "print(at)\n"
        )
        # In __del__ Python drops it, and says so; freed memory is overwritten.
        done = run_alone(code, seconds=120, MALLOC_PERTURB_="165")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("AttributeError", done.stderr)
        self.assertGreater(int(done.stdout), 100)


class Costs(unittest.TestCase):
    def least(self, call, times):
        """Seconds of this thread: those of the wall say what else the machine does."""
        best = float("inf")
        for _ in range(times):
            begun = time.thread_time()
            call()
            best = min(best, time.thread_time() - begun)
        return best

    def test_import(self):
        """Under 100 ms: measured inside, without starting Python; the best of several."""
        code = (
            "import time; t = time.process_time(); import vitcod; "
            "print(time.process_time() - t); import sys; print('numpy' in sys.modules)"
        )
        best = 1.0
        for _ in range(5):
            seconds, numpy = run_alone(code).stdout.split()
            best = min(best, float(seconds))
            self.assertEqual(numpy, "False")
        self.assertLess(best, 0.1)

    def test_what_a_call_costs(self):
        """Under 20 us beside what the library takes, which a call of ctypes alone measures."""
        from vitcod import arrays, library

        with vitcod.load(SMALL) as model:
            x = small_images(1)
            model.infer(x)
            (engine,) = model._engines.values()
            logits = np.empty((1, 10), np.float32)

            def run():
                return library.lib.vc_engine_run(
                    engine, arrays.address(logits), arrays.address(x), 1
                )

            bare = whole = 1.0
            for _ in range(10):  # in turn: other work slows both
                bare = min(bare, self.least(run, 100))
                whole = min(whole, self.least(lambda: model.infer(x), 100))
        print(
            f"# a call costs {1e6 * (whole - bare):.1f} us beside {1e6 * bare:.1f} us",
            file=sys.stderr,
        )
        self.assertLess(whole - bare, 100e-6)  # 20 us where nothing else runs

    def test_memory_is_released(self):
        def resident():
            gc.collect()
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20

        images = small_images(8)

        def once():
            with vitcod.load(SMALL) as model:
                mask = vitcod.prune(model.attention(images), sparsity=0.8).mask
                plan = vitcod.polarize(mask)
                model.use(plan=plan).infer(images)
                vitcod.load(model.to_state_dict(), heads=3)

        for _ in range(3):
            once()
        before, files = resident(), len(os.listdir("/proc/self/fd"))
        for _ in range(12):
            once()
        self.assertLess(resident() - before, 30)
        self.assertEqual(len(os.listdir("/proc/self/fd")), files)


@needs_deit
class RealCosts(unittest.TestCase):
    def test_engines_are_kept_and_few(self):
        with vitcod.load(DEIT) as model:
            x = np.zeros((1, 3, 224, 224), np.float32)
            for batch in range(1, 8):
                model.infer(x, batch=batch)
            self.assertEqual(len(model._engines), 4)


if __name__ == "__main__":
    unittest.main()
