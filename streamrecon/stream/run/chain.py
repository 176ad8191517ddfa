"""Runs a chain: items in, results and notices out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from streamrecon.errors import StreamReconError
from streamrecon.machine.threads import quiet_blas
from streamrecon.model.notice import Notice
from streamrecon.stream.gadget import Context
from streamrecon.stream.run.serial import Node, Serial, Step, signing


def _nothing() -> None:
    """Nobody waits for the end of the results."""


NOTHING = Serial(())
"""Lets everything pass."""


class Chain:
    """The gadgets of one run.

    Parameters
    ----------
    node
        What is run.
    context
        What the session gives to every gadget.
    notices
        What the reader of the chain file has to say; emitted before the first item.
    ahead, behind
        Run before the gadgets of the chain file, and after them.
    """

    def __init__(
        self,
        node: Node,
        *,
        context: Context | None = None,
        notices: tuple[Notice, ...] = (),
        ahead: Node = NOTHING,
        behind: Node = NOTHING,
    ) -> None:
        self._node = node
        self._whole = Serial((ahead, node, behind))
        self._context = Context() if context is None else context
        self._ran = False
        self.notices = notices

    @property
    def hash(self) -> str:
        """Hash of the chain file and of its parameters; empty where no file was read."""
        return self._context.chain

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every gadget with its name, in the order of the chain file."""
        return tuple(self._node.steps())

    def run(
        self,
        items: Iterable[object],
        emit: Callable[[object], None],
        *,
        leaving: Callable[[], None] = _nothing,
    ) -> None:
        """Feed all items, then let every gadget finish, in order; then wait for detached branches.

        ``emit`` is called by one thread at a time, not always the same; it must return or raise,
        for the chain waits for it. When this returns or raises, no thread of the chain is left.

        Parameters
        ----------
        items
            What comes in. An error it raises ends the run without `Gadget.finish`.
        emit
            Takes each result as it is made.
        leaving
            Called if, after the last result, detached branches are still at work; after it only
            notices are emitted.

        Raises
        ------
        StreamReconError
            From a gadget, its name in front of the message.
        """
        self._enter()
        for notice in self.notices:
            emit(notice)
        stage = self._whole.start(emit)
        try:
            for item in items:
                stage.feed(item)
            stage.finish()
            if stage.lingers():
                leaving()
            stage.linger()
        finally:
            stage.stop()

    def _enter(self) -> None:
        if self._ran:
            raise StreamReconError("chain: found a second run, needed a new chain for it")
        self._ran = True
        quiet_blas()
        for step in self._whole.steps():
            with signing(step.name):
                step.gadget.enter(self._context)
