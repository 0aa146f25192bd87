"""The images file as it is now: read anew when it has changed, without a restart.

What a revision was made of stays runnable by its digest after the file says something else, as an
image that has lost its tag does in a registry.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from gate.local.image_store import ImageStore
from gate.local.images import Image, Images, ImagesError, load_images, parted

_State = tuple[int, int, int] | None


class Catalog:
    """An images file that may change (an ImageSource).

    A file that cannot be read leaves what was read last, which is said once for each such file.

    Args:
        path: the images file.
        complain: told every mistake of a changed file, one a line.
        store: keeps what images were.

    Raises:
        ImagesError: the file cannot be used at the start.
    """

    def __init__(self, path: Path, complain: Callable[[str], None], store: ImageStore) -> None:
        self._path = path
        self._store = store
        self._complain = complain
        self._state = _state(path)
        self._images = load_images(path)
        self._known: dict[tuple[str, str], Image | None] = {}
        self._learn()

    @property
    def secrets(self) -> Mapping[str, str]:
        """As `ImageSource.secrets`."""
        return self._now().secrets

    def find(self, name: str) -> Image | None:
        """As `ImageSource.find`; by digest also what the file said before."""
        return self._now().find(name) or self._before(name)

    def by_digest(self, name: str) -> str:
        """As `ImageSource.by_digest`; a digest is also that of what the file said before."""
        found = self._now().by_digest(name)
        return found or ("@".join(parted(name)) if self._before(name) else "")

    def _now(self) -> Images:
        state = _state(self._path)
        if state != self._state:
            self._state = state
            try:
                self._images = load_images(self._path)
            except ImagesError as error:
                self._complain(f"{error}\nhint: what the file said before is still used")
            else:
                self._learn()
        return self._images

    def _learn(self) -> None:
        for name, image in self._images.by_name.items():
            repository = parted(name)[0]
            self._known[repository, image.digest()] = image
            self._store.keep(repository, image)

    def _before(self, name: str) -> Image | None:
        """Gives what the file said once, of a reference by digest."""
        repository, digest = parted(name)
        if not digest:
            return None
        key = repository, digest
        if key not in self._known:
            self._known[key] = self._store.find(repository, digest)
        return self._known[key]


def _state(path: Path) -> _State:
    """Tells one content of a file from the next: its time, size and number; None without it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
