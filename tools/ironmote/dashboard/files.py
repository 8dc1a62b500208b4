"""The page's own files, read once. What is asked for is a name in this table or is not there: no path is ever made."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE = "index.html"


@dataclass(frozen=True)
class _File:
    media_type: str
    plain: bytes
    packed: bytes
    tag: str


class Files:
    """Gives the files. They may be kept by a browser, which asks each time whether they are still the same."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        for each in resources.files(__package__).joinpath("static").iterdir():
            ending = each.name[each.name.rfind(".") :]
            if ending in _TYPES:
                data = each.read_bytes()
                tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
                self._files[each.name] = _File(_TYPES[ending], data, gzip.compress(data, 9, mtime=0), tag)

    async def page(self, request: Request) -> Response:
        """The page itself."""
        return self._give(request, _PAGE)

    async def file(self, request: Request) -> Response:
        """One of its files. 404 where there is no such."""
        return self._give(request, request.path_params["name"])

    def _give(self, request: Request, name: str) -> Response:
        file = self._files.get(name)
        if file is None:
            raise HTTPException(404, "there is no such file")
        headers = {"Cache-Control": "no-cache", "ETag": file.tag, "Vary": "Accept-Encoding"}
        if file.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.packed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(file.plain, media_type=file.media_type, headers=headers)
