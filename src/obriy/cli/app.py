"""The way in: next to nothing is imported before a request to end finds it ready.

Results go to standard output, messages and progress to standard error. Exit codes: 0 complete,
1 error, 2 usage, 3 partial (a part of an image, a date or a district could not be measured; what
clouds hide is no failure), 128 + N stopped by signal N (Ctrl-C: 130).
"""

import atexit
import gc
import signal
import sys

COMPLETE, ERROR, USAGE = 0, 1, 2
STOPPED = 128
"""Plus the number of the signal: as a shell says it."""
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Requests to end; what is half-written goes first."""
_FOLDER = "For several images name the folder that holds them; see --help."


def main() -> None:
    """Run the command line; every error is one line that says what, where and the way out."""
    asked: list[int] = []
    before: dict[int, object] = {}
    # At its end the interpreter looks through all objects for cycles: 0.6 s for what was imported.
    atexit.register(gc.freeze)
    try:
        _listen(asked, before)
        from obriy.cli.streams import forgiving_streams

        with forgiving_streams():
            sys.exit(_code_of(sys.argv[1:] or ["--help"], asked))
    except KeyboardInterrupt:  # before there was anything to stop, or asked for twice
        sys.exit(STOPPED + (asked or [signal.SIGINT])[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def _listen(asked: list[int], before: dict[int, object]) -> None:
    """Raise KeyboardInterrupt at a request to end, and note it; those that are ignored stay so."""

    def stop(number: int, frame: object) -> None:
        asked.append(number)
        raise KeyboardInterrupt

    for name in SIGNALS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, stop)


def _code_of(words: list[str], asked: list[int]) -> int:
    """Do what the words say; return the exit code."""
    verbose = "-v" in words or "--verbose" in words
    try:
        code = _do(words, verbose)
        # Typer makes a number of its own of an interrupt before a command has begun.
        if not (asked and code == STOPPED + signal.SIGINT):
            return code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ERROR
    except BaseException as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        if not asked and not isinstance(error, KeyboardInterrupt):
            return _failed(error, verbose)
        if verbose:
            _trace(error)
    # Whatever came of it: a library that was interrupted may wrap it, or say that it is broken.
    number = (asked or [signal.SIGINT])[0]
    by = "the user" if number == signal.SIGINT else signal.Signals(number).name
    _say(f"Stopped by {by}; nothing half-written was left.")
    return STOPPED + number


def _do(words: list[str], verbose: bool) -> int:
    import gc
    import warnings

    # What libraries make as they load stays: looked through as often as usual, it takes a tenth of
    # a short run.
    gc.set_threshold(100_000, 50, 100)
    from obriy.settings import silence_gdal

    if not verbose:
        silence_gdal()

    # Whether an image has a grid is looked at, and said, by Obriy itself.
    warnings.filterwarnings("ignore", message="Dataset has no geotransform")
    # So is what becomes of NaN and infinity on the way: a line of numpy's helps nobody.
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    from typer.exceptions import TyperException

    from obriy.cli.commands import app_for
    from obriy.cli.streams import loss
    from obriy.errors import OutputError, UsageError
    from obriy.workflows.config.words import check_words

    check_words(words)
    try:
        code: int = app_for(words)(words, prog_name="obriy", standalone_mode=False) or COMPLETE
    except TyperException as error:
        said = str(getattr(error, "format_message", error.__str__)())
        way_out = _FOLDER if "extra argument" in said else "See --help."
        raise UsageError(f"{said.rstrip('.')}.", way_out) from error
    reason = loss()
    if reason:
        raise OutputError(f"Standard output could not be written: {reason}.", "Lead it elsewhere.")
    return code


def _failed(error: BaseException, verbose: bool) -> int:
    from obriy.cli.explain import explained
    from obriy.errors import ObriyError, UsageError

    if verbose:
        _trace(error)
    shown = error if isinstance(error, ObriyError) else explained(error)
    unknown = f"Unexpected {type(error).__name__}: {error}. Run again with -v, and report it."
    _say(unknown if shown is None else str(shown))
    return USAGE if isinstance(shown, UsageError) else ERROR


def _trace(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error)


def _say(error: str) -> None:
    sys.stderr.write(f"error: {' '.join(error.split())}\n")
