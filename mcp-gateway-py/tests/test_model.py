"""Plain data of the core, seen from Python."""

from mcp_gateway import ImageReference

DIGEST = "sha256:" + "a" * 64


def test_reads_an_image_reference() -> None:
    text = f"ghcr.io/a/b:v1@{DIGEST}"
    image = ImageReference.parse(text)
    assert (image.registry, image.repository, image.tag, image.digest) == ("ghcr.io", "ghcr.io/a/b", "v1", DIGEST)
    assert (str(image), repr(image)) == (text, f"ImageReference.parse('{text}')")


def test_is_a_value() -> None:
    assert ImageReference.parse("mcp/time") == ImageReference.parse("mcp/time")
    assert ImageReference.parse("mcp/time") != ImageReference.parse("mcp/time:1")
    assert len({ImageReference.parse("mcp/time"), ImageReference.parse("mcp/time")}) == 1
