"""Download a file, going on where an earlier try was cut."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm.auto import tqdm

from nma_seq2seq.steinmetz.network import explain, explain_status, is_of_network

_BACKOFF_S = 1.0
_CHUNK = 2**15  # bytes; what a cut loses at most
# What a file is called and begins with, by its ending, and from which byte on.
_STARTS = {
    ".npz": ("a zip file", b"PK\x03\x04", 0),
    ".nwb": ("the .nwb file", b"\x89HDF", 0),
    ".tar": ("the .tar file", b"ustar", 257),
}


class DownloadError(ConnectionError):
    """A download that could not be had."""


class _Refused(Exception):
    """The server sends something else than what is asked for."""

    def __init__(self, why: str, mend: str, may_change: bool = True):
        super().__init__(why)
        self.why, self.mend, self.may_change = why, mend, may_change


def download(
    url: str,
    path: Path,
    patience: int,
    *,
    what: str,
    by_hand: str,
    is_whole: Callable[[Path], bool],
) -> None:
    """Download a file to `path`, going on where an earlier try was cut.

    Parameters
    ----------
    url : str
    path : Path
        Of a kind in `_STARTS`.
    patience : int
        How many tries in a row may bring nothing new before this gives up.
    what : str
        What it is to the reader, for messages.
    by_hand : str
        What to do with the file where a browser can fetch it.
    is_whole : function of a path
        Whether the file is complete.

    Raises
    ------
    DownloadError
        One sentence: why, and what to do.
    OSError
        If the disk refuses.
    """
    fresh = path.with_suffix(".partial")

    def go_on() -> None:
        _append(url, fresh, patience)
        if not is_whole(fresh):
            raise _cut_or_page(url, fresh, path.suffix)

    if not (fresh.exists() and is_whole(fresh)):
        by_browser = f", or download {url} with a browser and {by_hand}"
        try:
            _persist(go_on, url, patience, what, by_browser, lambda: _size(fresh))
        except DownloadError:
            raise  # what has come so far is kept
        except OSError:
            fresh.unlink(missing_ok=True)  # a full disk is not helped by half a file
            raise
    os.replace(fresh, path)


def ask(url: str, what: str, patience: int) -> Any:
    """What a server answers in JSON.

    Raises
    ------
    DownloadError
        One sentence: why, and what to do.
    """
    import requests

    def answer() -> Any:
        response = requests.get(url, timeout=_timeout(patience))
        if response.status_code != 200:
            raise _Refused(*explain_status(response.status_code, response.url))
        try:
            return response.json()
        except requests.exceptions.JSONDecodeError:
            raise _page(url, "no list of files") from None

    return _persist(answer, url, patience, what)


def _persist(
    attempt: Callable[[], Any],
    url: str,
    patience: int,
    what: str,
    otherwise: str = "",
    n_bytes: Callable[[], int] = lambda: 0,
) -> Any:
    """What `attempt` returns; tries in a row are counted until one brings more bytes than ever."""
    most, failures = n_bytes(), 0
    while True:
        try:
            return attempt()
        except _Refused as refused:
            last = refused
        except OSError as problem:
            if not is_of_network(problem):
                raise
            last = _Refused(*explain(problem, url))
        failures = 0 if n_bytes() > most else failures + 1
        most = max(most, n_bytes())
        if failures >= patience or not last.may_change:
            raise DownloadError(
                f"{what} is not in the cache and {last.why}: {last.mend}{otherwise}"
            )
        time.sleep(_BACKOFF_S * 2**failures)


def _append(url: str, fresh: Path, patience: int) -> None:
    """What is still to come of a file; all of it, if the server does not go on from there."""
    import requests

    have = _size(fresh)
    # Compressed on the way, the bytes could not be counted.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=_timeout(patience)) as response:
        status, shown = response.status_code, response.headers.get("Content-Range", "")
        goes_on = status == 206 and shown.startswith(f"bytes {have}-")
        if status in (200, 206, 416) and not goes_on:
            fresh.unlink(missing_ok=True)
            have = 0
        if status != 200 and not goes_on:
            raise _Refused(*explain_status(status, response.url))
        total = have + int(response.headers.get("Content-Length", 0))
        with (
            open(fresh, "ab") as file,
            tqdm.wrapattr(file, "write", total=total, initial=have) as shown_in_a_bar,
        ):
            for chunk in response.iter_content(_CHUNK):
                shown_in_a_bar.write(chunk)
                file.flush()


def _cut_or_page(url: str, fresh: Path, suffix: str) -> _Refused:
    """Why a file is not whole; what is none of its kind is removed."""
    kind, start, offset = _STARTS[suffix]
    with fresh.open("rb") as file:
        file.seek(offset)
        if file.read(len(start)) == start:
            return _Refused("the download was cut", "try again")
    fresh.unlink()
    return _page(url, f"not {kind}")


def _page(url: str, is_not: str) -> _Refused:
    why = f"what {urlsplit(url).hostname} sent is {is_not} (a network's log-in page, perhaps)"
    return _Refused(why, "log in to the network and try again")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _timeout(patience: int) -> tuple[int, int]:
    return (10, 60) if patience > 1 else (4, 20)
