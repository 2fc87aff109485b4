"""The extractor's twin for tests: UTF-8 text and nothing else, in this process."""

from headwater.domain.errors import DocumentError, FailureType
from headwater.ports import AttachmentFile, Extraction, ExtractionPolicy

TEXT_TYPES = ("text/", "application/json", "application/xml")


class MemoryExtractor:
    """Decodes UTF-8; images are wanted scans, everything else is a format that is not read."""

    @property
    def recipe(self) -> str:
        """Names this twin."""
        return "extraction=memory"

    @property
    def languages(self) -> frozenset[str]:
        """A few, to be asked for in tests."""
        return frozenset({"de", "en", "fr"})

    async def close(self) -> None:
        """Nothing to end."""

    async def extract(self, file: AttachmentFile, _policy: ExtractionPolicy) -> Extraction:
        """Return the text; ``DocumentError`` PARSE_ERROR for no bytes, ENCODING_ERROR for no UTF-8."""
        if not file.data:
            raise DocumentError(FailureType.PARSE_ERROR, "The file is empty; upload it again.")
        if file.media_type.startswith("image/"):
            return Extraction("", ocr_wanted=1)
        if not file.media_type.startswith(TEXT_TYPES):
            return Extraction("", supported=False)
        try:
            return Extraction(file.data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise DocumentError(
                FailureType.ENCODING_ERROR, "The text is not UTF-8; save it as UTF-8 and upload it."
            ) from error
