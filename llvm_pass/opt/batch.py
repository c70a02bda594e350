"""Several inputs at once: a process for each, so that whatever ends one costs only that one.

Invariant: results come back in the inputs' order, whatever order they were done in.
The command has no threads, so its processes are made by fork: nothing is loaded twice.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Generic, TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Died(Exception):
    """A process ended without an answer."""


class Batch(Generic[Task, Answer]):
    """Runs `work` on every task, at most `jobs` at once. pre: tasks and answers can be pickled."""

    def __init__(self, work: Callable[[Task], Answer], jobs: int) -> None:
        self._work, self._jobs = work, jobs or len(os.sched_getaffinity(0))
        self._running: dict[Connection, tuple[int, BaseProcess]] = {}

    def run(self, tasks: list[Task]) -> Iterator[Answer | Died]:
        """The answers in order, each as soon as those before it are there."""
        waiting = list(enumerate(tasks))[::-1]
        done: dict[int, Answer | Died] = {}
        before = signal.signal(signal.SIGTERM, _terminated)
        try:
            for number in range(len(tasks)):
                while number not in done:
                    while waiting and len(self._running) < self._jobs:
                        self._start(*waiting.pop())
                    self._collect(done)
                yield done.pop(number)
        finally:
            signal.signal(signal.SIGTERM, before)
            for _, process in self._running.values():
                process.terminate()
            for _, process in self._running.values():
                process.join()

    def _start(self, number: int, task: Task) -> None:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=self._child, args=(task, theirs))
        # Not interrupted before the child knows how to end.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        theirs.close()
        self._running[ours] = (number, process)

    def _child(self, task: Task, answers: Connection) -> None:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, _terminated)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        try:
            answers.send(self._work(task))
        except BrokenPipeError:
            return

    def _collect(self, done: dict[int, Answer | Died]) -> None:
        for ready in wait(list(self._running)):
            assert isinstance(ready, Connection)
            number, process = self._running[ready]
            try:
                done[number] = ready.recv()
            except (EOFError, OSError):
                process.join()
                code = process.exitcode or 0
                done[number] = Died(f"ended by signal {-code}" if code < 0 else f"ended with status {code}")
            process.join()
            del self._running[ready]
            ready.close()


def _terminated(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # with every file that is half written cleared away
