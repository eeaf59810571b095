from typing import Final, final

__all__ = ["ERROR_KINDS", "ImageReference", "__version__"]

__version__: Final[str]
ERROR_KINDS: Final[tuple[str, ...]]

@final
class ImageReference:
    """A reference to an image: repository, and a tag or a digest or both."""

    @staticmethod
    def parse(text: str) -> ImageReference:
        """Reads `repository[:tag][@digest]`; raises `InvalidInputError` when a part is missing or not valid."""
    @property
    def registry(self) -> str:
        """The host of the registry that holds the image; `docker.io` where none is written."""
    @property
    def repository(self) -> str:
        """The repository, with its registry if one was written."""
    @property
    def tag(self) -> str | None:
        """The tag, if one was written."""
    @property
    def digest(self) -> str | None:
        """The digest, if one was written."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
