"""Whether others take a share of the machine while engines are compared, as they may on a virtual
one for seconds or minutes without a sign: the rate of float32 multiply-adds that `bench_peak`
finds, before the first turn of a round and after each.

It sees what lasts from one turn to the next, not what comes and goes within a turn. Other programs
on the same machine it may miss, as a burst of some milliseconds often has a core to itself.
"""

import statistics
import sys

import engines

SHARE = 0.9  # of the most that was seen until then: less is a disturbed machine
TRIES = 3  # their median counts
FIRST_LOOKS = 10


class Quiet:
    def __init__(self, program):
        self.program, self.most = program, {}
        try:
            self.look(1)
        except ValueError as error:
            print(f"no round can be judged as disturbed: {error}", file=sys.stderr)
            self.program = None

    def look(self, threads):
        """GF/s now, once the threads of the last engine have ended their spinning."""
        engines.rest()
        if not self.program:
            return None
        command = [self.program, str(threads)]
        peak = statistics.median(float(engines.run(command, threads)) for _ in range(TRIES))
        self.most[threads] = max(self.most.get(threads, 0.0), peak)
        return peak

    def rounds(self, wanted, threads, measure):
        """`wanted` results of measure(n, look), which calls `look` after each turn of round n. One
        with a disturbed turn is measured again, up to `wanted` times; from then on they count.
        Gives those that count, those that do not, each as (looks, result), and their numbers; of
        those that count so many were disturbed."""
        kept, dropped, disturbed = [], [], 0
        for _ in range(FIRST_LOOKS):
            self.look(threads)
        while len(kept) < wanted:
            looks = [self.look(threads)]
            result = measure(len(kept), lambda: looks.append(self.look(threads)))
            bad = self.program and min(looks) < SHARE * self.most[threads]
            if bad and len(dropped) < wanted:
                dropped.append((looks, result))
                continue
            disturbed += bool(bad)
            kept.append((looks, result))
        return kept, dropped, {"kept": wanted, "again": len(dropped), "disturbed": disturbed}


def told(result):
    """What became of disturbed rounds, over the cases of a run."""
    counts = {case["name"]: case["count"] for case in result["cases"] if "count" in case}
    kept, again = (sum(count[name] for count in counts.values()) for name in ("kept", "again"))
    still = [
        f"{name} ({count['disturbed']} of {count['kept']})"
        for name, count in counts.items()
        if count["disturbed"]
    ]
    return (
        f"Of {kept + again} rounds {again} were seen to be disturbed and measured again: beside one"
        f" of their turns the machine gave less than {100 * result['quiet']:.0f} % of the"
        " multiply-adds that it can. "
        + (f"Such rounds count in {', '.join(still)}." if still else "None that counts was such.")
    )
