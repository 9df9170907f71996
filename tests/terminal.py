"""The command line as a user meets it: in this process, or in one of its own.

A process of its own takes seconds of imports before it does anything, so most tests call
:func:`obriy`: the same entry point with the same words, and everything that would reach the
terminal, caught at the file descriptors. What only a process has (signals, encodings, memory, a
second one beside it) is tested with :func:`start_and_halt` or :func:`spawn`.
"""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import warnings

HANG_S = 1500
"""Nobody asks how fast a test is: what takes this long hangs."""

PYTHON_WARNS = (  # the filters that Python starts with, the first one to be asked first
    ("default", DeprecationWarning, "__main__"),
    ("ignore", DeprecationWarning, ""),
    ("ignore", PendingDeprecationWarning, ""),
    ("ignore", ImportWarning, ""),
    ("ignore", ResourceWarning, ""),
)


def obriy(*words, cwd=None, env=None):
    """Run a command in this process.

    Args:
        words: What stands after ``obriy``.
        cwd: The folder to be in.
        env: The whole environment; None: that of the tests.

    Returns:
        As :func:`subprocess.run` does: exit code and text of standard output and error.
    """
    words = [str(word) for word in words]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        with contextlib.ExitStack() as state:
            _enter(state, words, cwd, env)
            for number, name, file in zip((1, 2), ("stdout", "stderr"), files, strict=True):
                state.enter_context(_caught(number, name, file))
            code = _main()
        said = []
        for file in files:
            file.seek(0)
            said.append(file.read().decode("utf-8"))
    return subprocess.CompletedProcess(["obriy", *words], code, *said)


def spawn(*words, **kwargs):
    """Run a command in a process of its own to its end."""
    return run_python("-m", "obriy", *words, **kwargs)


def run_python(*words, **kwargs):
    """Run Python in a process of its own to its end, both its outputs kept as text."""
    usual = {"capture_output": True, "text": True, "timeout": HANG_S}
    return subprocess.run([sys.executable, *map(str, words)], check=False, **(usual | kwargs))


PEAK = """
import atexit, re, sys
from pathlib import Path
status = lambda: Path("/proc/self/status").read_text()
atexit.register(lambda: sys.stdout.write("\\n" + re.search(r"VmHWM:\\s+(\\d+)", status())[1]))
from obriy.cli.app import main
main()
"""
"""The command, which says at its end what it took at most: the peak that the system gives for a
child counts the memory of the process that started it, and pytest's own may be larger."""


def spawn_and_weigh(*words, **kwargs):
    """Run a command in a process of its own; return what it came to, and its peak RSS in bytes."""
    done = run_python("-c", PEAK, *words, **kwargs)
    done.stdout, _, peak = done.stdout.rpartition("\n")
    return done, int(peak) * 1024


HALT = """
import os, signal, sys

drafts, halted = [], []

def halt(event, arguments):
    if halted:
        return
    if event == "tempfile.mkdtemp" and os.path.basename(arguments[0]).startswith({draft!r}):
        drafts.append(arguments[0])
    elif drafts and os.path.isdir(drafts[0]):
        halted.append(True)
        os.kill(os.getpid(), signal.SIGSTOP)

sys.addaudithook(halt)
from obriy.cli.app import main
main()
"""
"""The command, which stops itself once it has the draft of a file: whoever looked at it from
outside would miss the draft of a quick process on a slow machine."""


def start_and_halt(draft, *words, **kwargs):
    """Start a command in a process of its own; it stands still when it has begun to write a file.

    Args:
        draft: How the name of its draft begins, as ``.mask.tif.``.
        words: What stands after ``obriy``.
        kwargs: Of :class:`subprocess.Popen`.

    Returns:
        The process, which goes on at SIGCONT.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    code = HALT.format(draft=draft)
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, words)], **(pipes | kwargs))
    what = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert what.si_code == os.CLD_STOPPED, process.communicate()
    return process


def error_line(done, code):
    """The one line of an error, and nothing on standard output."""
    assert done.returncode == code, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def _main():
    """Call what the console script calls; return its exit code."""
    from obriy.cli.app import main

    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


def _enter(state, words, cwd, env):
    """Make this process look like a fresh one, until ``state`` is left."""
    from obriy.settings import settings

    state.callback(setattr, sys, "argv", sys.argv)
    sys.argv = ["obriy", *words]
    if cwd is not None:
        state.enter_context(contextlib.chdir(cwd))
    if env is not None:
        state.callback(_set_environment, dict(os.environ))
        state.callback(settings.cache_clear)
        _set_environment(env)
        settings.cache_clear()
    # Warnings and logs reach standard error, as they do where no test collects them.
    state.enter_context(warnings.catch_warnings())
    warnings.resetwarnings()
    for action, category, module in PYTHON_WARNS:
        warnings.filterwarnings(action, category=category, module=module, append=True)
    warnings.showwarning = _show_warning
    root = logging.getLogger()
    state.callback(setattr, root, "handlers", root.handlers)
    root.handlers = []


def _set_environment(values):
    os.environ.clear()
    os.environ.update(values)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


@contextlib.contextmanager
def _caught(number, name, file):
    """Lead a file descriptor, and the stream of Python on it, to a file."""
    before, kept = getattr(sys, name), os.dup(number)
    before.flush()
    os.dup2(file.fileno(), number)
    errors = "backslashreplace" if name == "stderr" else "strict"  # as Python has it
    stream = os.fdopen(os.dup(number), "w", encoding="utf-8", errors=errors)
    setattr(sys, name, stream)
    try:
        yield
    finally:
        setattr(sys, name, before)
        stream.close()
        os.dup2(kept, number)
        os.close(kept)
