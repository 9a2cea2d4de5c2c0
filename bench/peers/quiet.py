"""Whether the machine gives all it can while engines are compared: its peak of float32
multiply-adds, by `bench_peak`, beside every turn. On a virtual machine others may take a share of
the cores for seconds or minutes, which nothing on it tells."""

import engines

SHARE = 0.9  # of the most that was ever seen: less is a disturbed machine
TRIES = 2  # the better counts, as a disturbance of milliseconds does not matter
FIRST_LOOKS = 10


class Quiet:
    def __init__(self, program):
        self.program, self.most = program, {}

    def look(self, threads):
        """GF/s now. What other programs left running for a moment is waited for."""
        engines.rest()
        command = [self.program, str(threads)]
        peak = max(float(engines.run(command, threads)) for _ in range(TRIES))
        self.most[threads] = max(self.most.get(threads, 0.0), peak)
        return peak

    def prepare(self, threads):
        if threads not in self.most:
            for _ in range(FIRST_LOOKS):
                self.look(threads)

    def was_quiet(self, looks, threads):
        return min(looks) >= SHARE * self.most[threads]
