"""How far a command walks through the house: files, functions and calls from its words to its end.

    python benchmarks/walk.py water image.tif --out RUN -q

Counted are the functions of the package that were called, the files that they stand in, the rooms
of those files, and calls in all; threads count, worker processes do not. What is loaded and never
called is not on the way.
"""

import collections
import inspect
import json
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

Seen = collections.Counter[CodeType]


def walked(words: list[str]) -> tuple[Path, Seen]:
    """Run a command; return the folder of the package and how often each function was called."""
    import obriy
    from obriy.cli.app import main

    home = Path(str(obriy.__file__)).parent
    seen: Seen = collections.Counter()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(home)):
            seen[frame.f_code] += 1

    sys.argv = ["obriy", *words]
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return home, seen


def main_of_walk() -> None:
    """Print what was walked, as JSON."""
    home, seen = walked(sys.argv[1:])
    # The body of a module or of a class is a call, too: of what is loaded only.
    called = {code: n for code, n in seen.items() if code.co_flags & inspect.CO_OPTIMIZED}
    files = {Path(code.co_filename).relative_to(home) for code in called}
    rooms = collections.Counter(str(file.parent) for file in files)
    counts = {"files": len(files), "functions": len(called), "calls": sum(called.values())}
    told = {**counts, "rooms": dict(rooms.most_common()), "paths": sorted(map(str, files))}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main_of_walk()
