"""Download a file, going on where an earlier try was cut."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pooch

from nma_seq2seq.steinmetz.network import explain, explain_status, is_of_network

_BACKOFF_S = 1.0


class DownloadError(ConnectionError):
    """A download that could not be had."""


@dataclass(frozen=True)
class Wanted:
    """A file to be had from the internet.

    Attributes
    ----------
    url : str
    what : str
        What it is to the reader, for messages.
    by_hand : str
        What to do with the file where a browser can fetch it.
    start : bytes
        What such a file begins with, and `offset`, where.
    is_whole : function of a path
        Whether the file is complete.
    """

    url: str
    what: str
    by_hand: str
    kind: str
    start: bytes
    is_whole: Callable[[Path], bool]
    offset: int = 0


def download(wanted: Wanted, path: Path, patience: int) -> None:
    """Download a file to `path`, going on where an earlier try was cut.

    Parameters
    ----------
    wanted : Wanted
    path : Path
    patience : int
        How many tries in a row may bring nothing new before this gives up.

    Raises
    ------
    DownloadError
        One sentence: why, and what to do.
    OSError
        If the disk refuses.
    """
    host = urlsplit(wanted.url).hostname
    fresh = path.with_suffix(".partial")
    most, failures = fresh.stat().st_size if fresh.exists() else 0, 0
    while not (fresh.exists() and wanted.is_whole(fresh)):
        try:
            with open(fresh, "ab") as file:
                have = file.tell()
                get = pooch.HTTPDownloader(
                    progressbar=True,
                    chunk_size=2**15,  # what a cut loses at most
                    timeout=_timeout(patience),
                    # Compressed on the way, the bytes could not be counted.
                    headers={"Accept-Encoding": "identity"}
                    | ({"Range": f"bytes={have}-"} if have else {}),
                    hooks={"response": partial(_check_response, file=file, have=have)},
                )
                get(wanted.url, file, None)
            if wanted.is_whole(fresh):
                break
            with open(fresh, "rb") as file:
                file.seek(wanted.offset)
                cut = file.read(len(wanted.start)) == wanted.start
            if not cut:
                fresh.unlink()
            why = "the download was cut" if cut else (
                f"what {host} sent is not {wanted.kind} (a network's log-in page, perhaps)"
            )  # fmt: skip
            mend = "try again" if cut else "log in to the network and try again"
        except Refused as refused:
            why, mend = refused.why, refused.mend
            if not refused.may_change:
                failures = patience
        except OSError as problem:
            if not is_of_network(problem):
                fresh.unlink(missing_ok=True)  # a full disk is not helped by half a file
                raise
            why, mend = explain(problem, wanted.url)
        size = fresh.stat().st_size if fresh.exists() else 0
        failures = 0 if size > most else failures + 1
        most = max(most, size)
        if failures >= patience:
            raise DownloadError(
                f"{wanted.what} is not in the cache and {why}: {mend}, or download {wanted.url} "
                f"with a browser and {wanted.by_hand}"
            ) from None
        time.sleep(_BACKOFF_S * 2**failures)
    os.replace(fresh, path)


def ask(url: str, what: str, patience: int) -> Any:
    """What a server answers in JSON.

    Raises
    ------
    DownloadError
        One sentence: why, and what to do.
    """
    import requests

    for n_failed in range(1, patience + 1):
        try:
            response = requests.get(url, timeout=_timeout(patience))
            _check_response(response, file=None, have=0)
            return response.json()
        except requests.exceptions.JSONDecodeError:
            host = urlsplit(url).hostname
            why = f"what {host} sent is no list of files (a network's log-in page, perhaps)"
            mend = "log in to the network and try again"
        except Refused as refused:
            why, mend = refused.why, refused.mend
            if not refused.may_change:
                break
        except OSError as problem:
            why, mend = explain(problem, url)
        if n_failed < patience:
            time.sleep(_BACKOFF_S * 2**n_failed)
    raise DownloadError(f"{what} is not in the cache and {why}: {mend}")


def _timeout(patience: int) -> tuple[int, int]:
    return (10, 60) if patience > 1 else (4, 20)


class Refused(Exception):
    """The server sends something else than the file."""

    def __init__(self, why: str, mend: str, may_change: bool):
        super().__init__(why)
        self.why, self.mend, self.may_change = why, mend, may_change


def _check_response(response: Any, *_: Any, file: IO[bytes] | None, have: int, **__: Any) -> None:
    """Called by requests with each response, before its body is written to `file`."""
    status = response.status_code
    if response.is_redirect or (
        status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    ):
        return
    if status in (200, 206, 416) and file is not None:
        file.truncate(0)  # the server does not go on where we stopped: from the start
    if status != 200:
        raise Refused(*explain_status(status, response.url))
