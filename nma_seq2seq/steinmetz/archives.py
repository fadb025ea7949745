"""The paper's own files, one a session with all trials and spike times: from DANDI or figshare."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pooch

from nma_seq2seq.recordings import BadFileError
from nma_seq2seq.steinmetz.download import DownloadError, ask, download

#: The NWB files, and the version of them whose names and numbers are known to stay.
DANDI = "https://api.dandiarchive.org/api"
_DANDISET, _VERSION = "000017", "0.240329.1926"
#: The ALF files; which of the two articles holds a session's, their lists of files tell.
FIGSHARE = "https://api.figshare.com/v2"
_ARTICLES = (9974357, 9598406)
SOURCES = ("dandi", "figshare")


def fetched(source: str, name: str, index: int, folder: Path, patience: int) -> Path:
    """The one file of a session, downloaded if it is not in the folder.

    Parameters
    ----------
    source : "dandi" or "figshare"
    name : str
        Of the session, such as "Richards_2017-10-31".
    index : int
    folder : Path
    patience : int
        As in `download`.

    Raises
    ------
    DownloadError
        One sentence: why it cannot be had, and what to do.
    BadFileError
        If what came is not what the archive says that it is.
    """
    find, ending, way = {
        "dandi": (_on_dandi, ".nwb", "nma.load_nwb"),
        "figshare": (_on_figshare, ".tar", "nma.load_alf"),
    }[source]
    path = folder / f"{name}{ending}"
    if path.exists():
        return path
    what = f"session {index} ({name}) of {source}"
    url, size, algorithm, digest = find(name, what, patience)
    print(
        f"Downloading {path.name} ({size / 1e6:.0f} MB) from {source}, once: it stays in {folder}."
    )
    download(
        url, path, patience, what=what, by_hand=f"open it with {way}(path of the file)",
        is_whole=lambda file: file.stat().st_size == size,
    )  # fmt: skip
    found = pooch.file_hash(str(path), algorithm)
    if digest and found != digest:
        path.unlink()
        raise BadFileError(
            f"{path.name} is not the file that {source} lists: its {algorithm} is {found} and "
            f"should be {digest}; try again"
        )
    return path


def _on_dandi(name: str, what: str, patience: int) -> tuple[str, int, str, str]:
    """Address, size, and checksum by DANDI's API: `assets/?path=` lists those below a prefix."""
    mouse, date = name.split("_")
    start = f"sub-{mouse}/sub-{mouse}_ses-{date.replace('-', '')}"
    query = urlencode({"path": start, "page_size": 10})
    listed = ask(
        f"{DANDI}/dandisets/{_DANDISET}/versions/{_VERSION}/assets/?{query}", what, patience
    )
    for asset in _items(listed.get("results") if isinstance(listed, dict) else None):
        if str(asset.get("path", "")).startswith(start):
            # Its metadata have the checksum; an asset without them is taken by its size.
            metadata = ask(f"{DANDI}/assets/{asset['asset_id']}/", what, patience)
            digest = metadata.get("digest", {}).get("dandi:sha2-256", "")
            url = f"{DANDI}/assets/{asset['asset_id']}/download/"
            return url, int(asset["size"]), "sha256", digest
    raise DownloadError(
        f"{what} is not in the cache and DANDI {_DANDISET} lists no {start}*.nwb: take the summer "
        "school's file (leave source= out), or source='figshare'"
    )


def _on_figshare(name: str, what: str, patience: int) -> tuple[str, int, str, str]:
    """Address, size, and checksum by figshare's API: the files of an article."""
    for article in _ARTICLES:
        files = ask(f"{FIGSHARE}/articles/{article}/files?page_size=100", what, patience)
        for file in _items(files):
            if file.get("name") == f"{name}.tar":
                digest = file.get("computed_md5") or file.get("supplied_md5") or ""
                return file["download_url"], int(file["size"]), "md5", digest
    raise DownloadError(
        f"{what} is not in the cache and figshare lists no {name}.tar in {_ARTICLES}: take the "
        "summer school's file (leave source= out), or source='dandi'"
    )


def _items(listed: Any) -> list[dict[str, Any]]:
    return [item for item in listed or [] if isinstance(item, dict)]
