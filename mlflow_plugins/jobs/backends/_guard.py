"""Runs a command as its family's guard; started by `local`, as a script of its own.

    python _guard.py [--alone] COMMAND...

The guard adopts every descendant that loses its parent, so the whole family stays findable. It ends
the family when the command ends, asks it to end on SIGTERM, and kills it when standard input is
closed: the starter holds the other end, so that happens too when the starter is killed. It exits
with the command's exit code, or 128 + n if signal n ended the command.

A starter on another machine holds nothing: with ``--alone`` a process between us and whoever
started us holds the other end, and is killed instead.

Imports nothing of ours, so that it starts fast.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

_SET_DEATH_SIGNAL, _SET_SUBREAPER = 1, 36  # linux/prctl.h


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def _signal_family(number: int) -> bool:
    """Send a signal to all descendants; tell whether there was one that lives."""
    import psutil  # takes longer to import than most commands to start

    is_any = False
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                process.send_signal(number)
                is_any = True
    return is_any


def _kill_family() -> None:
    while _signal_family(signal.SIGKILL):
        time.sleep(0.01)


def _kill_when_closed() -> None:
    while os.read(0, 1024):
        pass
    _kill_family()


def _run_command(command: list[str]) -> int:
    """Start the command; return its process id."""
    guard = os.getpid()
    child = os.fork()
    if child:
        return child
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    try:
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
        os._exit(127)


def _wait(child: int) -> int:
    """Wait for the command, reaping adopted descendants on the way; return its exit code."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _stand_between() -> None:
    """Go on in a child whose standard input this process holds; this one only waits for it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(writing)
        os.dup2(reading, 0)
        return
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    os.close(reading)
    os._exit(_wait(child))


def _may_have_family() -> bool:
    """Tell whether the command can have left descendants: on Linux they would be ours now."""
    if sys.platform != "linux":
        return True
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def main(command: list[str]) -> int:
    """Run the command and end with its exit code."""
    if command[0] == "--alone":
        command = command[1:]
        _stand_between()
    _prctl(_SET_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: _signal_family(signal.SIGTERM))
    child = _run_command(command)
    threading.Thread(target=_kill_when_closed, daemon=True).start()
    code = _wait(child)
    if _may_have_family():
        _kill_family()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
