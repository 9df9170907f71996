"""How a command ends: interrupts wherever they strike, its version, completion, exit codes."""

import os
import signal

import pytest

import obriy as package
from terminal import obriy, run_python

STRIKE = """
import os, signal, sys
from importlib.abc import MetaPathFinder

class Strike(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), signal.{sent})
            except KeyboardInterrupt as error:
                {then}

sys.meta_path.insert(0, Strike())
sys.argv = ["obriy", *{words!r}]
from obriy.cli.app import main
main()
"""
"""The command, struck by a signal while it imports a module."""


def struck(module, *words, sent="SIGINT", then="raise", **kwargs):
    code = STRIKE.format(module=module, words=words, sent=sent, then=then)
    return run_python("-c", code, **kwargs)


def default_interrupt():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def default_hangup():  # who ran the tests by nohup has told them to ignore it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def ignored_interrupt():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize(
    "module",
    ["obriy.cli.streams", "typer", "pydantic", "obriy.cli.commands", "rich", "numpy", "rasterio"],
)
def test_an_interrupt_while_importing(module, tmp_path):
    words = ("water", "sample:", "--out", str(tmp_path / "run"))
    done = struck(module, *words, preexec_fn=default_interrupt)
    assert done.returncode == 130, done.stderr
    assert done.stderr in ("", "error: Stopped by the user; nothing half-written was left.\n")
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())


def test_a_library_that_says_it_is_broken_when_it_was_interrupted():
    then = "raise ImportError('half a library') from error"
    done = struck("obriy.cli.commands", "methods", then=then, preexec_fn=default_interrupt)
    assert done.returncode == 130
    assert done.stderr == "error: Stopped by the user; nothing half-written was left.\n"


@pytest.mark.parametrize("sent", ["SIGTERM", "SIGHUP"])
def test_a_request_to_end(sent):
    done = struck("obriy.cli.commands", "methods", sent=sent, preexec_fn=default_hangup)
    assert done.returncode == 128 + getattr(signal, sent)
    assert done.stderr == f"error: Stopped by {sent}; nothing half-written was left.\n"


def test_what_was_told_to_ignore_interrupts_does():
    done = struck("obriy.cli.commands", "--version", preexec_fn=ignored_interrupt)
    assert done.returncode == 0, done.stderr


def test_handlers_are_as_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert obriy("--version").returncode == 0
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_version():
    done = obriy("--version")
    assert done.stdout == f"obriy {package.__version__}\n"
    assert done.returncode == 0


@pytest.mark.parametrize(("typed", "offered"), [("obriy wa", "water"), ("obriy compare i", "ice")])
def test_the_shell_completes(typed, offered):
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = obriy(env=os.environ | asked | {"_OBRIY_COMPLETE": "complete_bash"})
    assert done.stdout.split() == [offered]
    assert done.returncode == 0


def test_completion_is_offered():
    assert "--install-completion" in obriy("--help").stdout
