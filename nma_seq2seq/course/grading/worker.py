"""Runs one notebook, in a process of its own: `python -m nma_seq2seq.course.grading.worker JOB`.

JOB is a JSON file: `cells` (index, source, exercises), `journal` and `limits`. What happens goes to
the journal, a line of JSON each, so that nothing is lost when a process is ended from outside.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from nma_seq2seq.course.grading.inside import write

_BEGIN = "__import__('nma_seq2seq.course.grading.inside', fromlist=['inside'])"
_LATER = "__import__('builtins')._nma_seq2seq_grading"
_PR_SET_CHILD_SUBREAPER = 36


class _Client(NotebookClient):
    """Keeps no outputs: what a notebook prints must not fill this process's memory."""

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "update_display_data"):
            return None
        return super().process_message(msg, cell, cell_index)


def _short(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())[:300]


def main(job: str) -> None:
    """Run the job's cells one after the other, whatever each of them does."""
    task = json.loads(Path(job).read_text(encoding="utf-8"))
    journal = task["journal"]
    cells = [_hidden(f"{_BEGIN}.begin({journal!r}, **{task['limits']!r})")]
    for cell in task["cells"]:
        code = nbformat.v4.new_code_cell(cell["source"], metadata={"index": cell["index"]})
        before, after = (
            _hidden(f"{_LATER}.{step}({cell['exercises']!r})") for step in ("before", "after")
        )
        cells += [before, code, after] if cell["exercises"] else [code]
    cells.append(_hidden(f"{_LATER}.end()"))

    manager = AsyncKernelManager(kernel_name="python3")
    client = _Client(
        nbformat.v4.new_notebook(cells=cells),
        km=manager,
        timeout=None,
        allow_errors=True,
        record_timing=False,
        store_widget_state=False,
    )

    def begun(cell: Any, cell_index: int) -> None:
        if "index" in cell.metadata:
            write(journal, {"begun": cell.metadata["index"]})

    def executed(cell: Any, cell_index: int, execute_reply: dict[str, Any]) -> None:
        content = execute_reply["content"]
        if content["status"] != "ok":
            kind = content.get("ename", content["status"])  # an aborted cell has no error
            error = _short(f"{kind}: {content.get('evalue', 'not run')}")
            # None stands for a cell of the grading's own.
            write(journal, {"failed": cell.metadata.get("index"), "kind": kind, "error": error})

    client.on_cell_execute, client.on_cell_executed = begun, executed
    try:
        client.execute()
        write(journal, {"end": "ok"})
    except DeadKernelError:
        provisioner = manager.provisioner
        process = getattr(provisioner, "process", None)
        code = process.poll() if process is not None else None
        write(journal, {"end": "dead", "code": code})


def _hidden(call: str) -> Any:
    return nbformat.v4.new_code_cell(call)


def adopt_orphans() -> None:
    """On Linux, become the parent of processes whose own parent ends, so that they are found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(pid: int, seconds: float = 10.0) -> None:
    """End all that a process has started, and what these have, while more of them turn up."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(psutil.Error):
        while living := [
            process
            for process in psutil.Process(pid).children(recursive=True)
            if process.status() != psutil.STATUS_ZOMBIE
        ]:
            for process in living:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(living, timeout=1)
            if time.monotonic() > deadline:
                return


if __name__ == "__main__":
    adopt_orphans()
    try:
        main(sys.argv[1])
    finally:
        end_descendants(os.getpid())
