"""Image v1: the images of v2, as compute hosts and old clients read them."""

from stratus.images import Images
from stratus.web import Json, Refused, Reply, Request, Route, route

_SHOWN = ("id", "name", "status", "disk_format", "container_format", "size", "checksum")


class ImagesV1:
    """Reads only: who makes images uses v2."""

    def __init__(self, images: Images) -> None:
        """Show what `images` keeps."""
        self._images = images

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", "/image/v1/images", self._list),
            route("GET", "/image/v1/images/{id}", self._get),
        ]

    def _list(self, _: Request) -> Reply:
        return Reply(json={"images": [_shown(row) for row in self._images.rows()]})

    def _get(self, request: Request) -> Reply:
        """Return the data, with the rest in headers; HEAD is this without the data."""
        row = self._images.row(request.parts["id"])
        if row["status"] != "active":
            raise Refused(409, f"image {row['id']} has no data yet")
        told = {f"X-Image-Meta-{name}": str(value) for name, value in _shown(row).items()}
        headers = {"Content-Type": "application/octet-stream", **told}
        return Reply(body=self._images.data(row["id"]), headers=headers)


def _shown(row: Json) -> Json:
    return {name: row[name] for name in _SHOWN}
