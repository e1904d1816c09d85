"""AliExpress's limits: not published, shared by all who use the app's key, told only by errors that ban.

So each method has a small window of its own, for all processes; a ban closes it until it ends.
"""

from collections.abc import Callable
from datetime import datetime

from connectors.aliexpress.verdict import judge, problem_of
from connectors.errors import RateLimited, Transient
from connectors.http import Answer, Call
from connectors.supplier import Windows
from connectors.turns import take_turn


class Gate:
    """What `Http` asks before a call, and tells every answer. `follow`: that of the `Signer`'s clock."""

    def __init__(
        self,
        windows: Windows,
        sleep: Callable[[float], None],
        per_second: int,
        follow: Callable[[datetime], bool],
    ) -> None:
        self._windows = windows
        self._sleep = sleep
        self._limit = (per_second, 1)
        self._follow = follow

    def spend(self, call: Call) -> None:
        """Wait for the method's turn. Raises WindowClosed if it is banned for longer than that."""
        take_turn(self._windows, call.operation, self._limit, self._sleep)

    def judge(self, call: Call, answer: Answer) -> None:
        """Raise what an error inside a 200 means, and let everybody know of a ban."""
        problem = problem_of(answer.body)
        if problem is not None and problem.code == "IllegalTimestamp" and self._follow(answer.at):
            raise Transient(f"{problem}; this machine's clock is wrong, AliExpress's is used from now on")
        try:
            judge(call, answer)
        except RateLimited as limited:
            if limited.retry_after:
                self._windows.learn(call.operation, self._limit[0], 0, limited.retry_after)
            raise
