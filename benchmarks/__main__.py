"""Runs every benchmark, one after the other, and repeats their closing lines at the end."""

import subprocess
import sys
from pathlib import Path

NOT_BENCHMARKS = (
    *("__init__", "__main__", "bare", "filling", "hands", "receivers", "references"),
    *("sampler", "scratch", "settings", "shop", "sold", "workers"),
)


def main() -> int:
    names = sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_BENCHMARKS
    )
    closing, worst = [], 0
    for name in names:
        print(f"== {name}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], check=False, stdout=subprocess.PIPE, text=True
        )
        print(done.stdout, flush=True)
        closing += [line for line in done.stdout.splitlines() if line.endswith((" ok", " SHORT"))]
        if done.returncode not in (0, 1) or (done.returncode == 1 and not closing):
            closing.append(f"{name} failed with {done.returncode} - SHORT")
        worst = max(worst, done.returncode)
    print("\n".join(closing))
    return worst


if __name__ == "__main__":
    sys.exit(main())
