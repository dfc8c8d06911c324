"""What a reader of a notebook has of an output before anybody has trusted it."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

SVG = "{http://www.w3.org/2000/svg}"


class Seen(HTMLParser):
    """The text of an output, and the picture in its only image, read by an XML parser.

    What a frame holds stands in an attribute, and is neither.
    """

    def __init__(self, output: str) -> None:
        super().__init__()
        self.text, self.images, self.tags = "", list[dict[str, str | None]](), list[str]()
        self.feed(output)
        self.drawn = ElementTree.fromstring(self.svg) if self.images else None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def svg(self) -> bytes:
        [image] = self.images
        kind, _, data = str(image["src"]).partition(",")
        assert kind == "data:image/svg+xml;base64"
        return base64.b64decode(data, validate=True)

    @property
    def grads(self) -> dict[str, str]:
        """The gradients of the Values that are drawn, by name."""
        assert self.drawn is not None
        found = {}
        for group in self.drawn.iter(f"{SVG}g"):
            texts = [(text.text or "").strip("\xa0 ") for text in group.findall(f".//{SVG}text")]
            if group.get("class", "").split()[:1] == ["node"] and "grad" in texts:
                # Its last field is the count, which the root has not.
                numbers = [text for text in texts[texts.index("grad") + 1 :] if text]
                found[texts[0]] = numbers[0]
        return found
