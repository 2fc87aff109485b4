"""What an upload and its stored settings say of attachments."""

import pytest

from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import (
    ContentRestriction,
    ProcessorMode,
    SiteAddress,
    UploadRequest,
)
from headwater.domain.settings import SyncSettings
from headwater.ports import ExtractionPolicy
from headwater.services.sync.attachments import MOST_BYTES, AttachmentRules, attachment_rules


def make_request(*, use_ocr, settings):
    return UploadRequest(
        address=SiteAddress("https://wiki.example.com", "https://wiki.example.com"),
        space=SpaceKey("KB"),
        incremental=True,
        use_ocr=use_ocr,
        processor_mode=ProcessorMode.MANUAL,
        rezolve_domain="x",
        restriction=ContentRestriction(),
        settings=settings,
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (SyncSettings(), (MOST_BYTES, ())),
        (
            SyncSettings(max_attachment_bytes=5, ocr_languages=("de", "fr")),
            (5, ("de", "fr")),
        ),
        (SyncSettings(max_attachment_bytes=MOST_BYTES * 2), (MOST_BYTES, ())),
    ],
)
@pytest.mark.parametrize("use_ocr", [True, False])
def test_size_and_languages_come_from_the_stored_settings(use_ocr, settings, expected):
    size, languages = expected
    found = attachment_rules(make_request(use_ocr=use_ocr, settings=settings))
    assert found == AttachmentRules(size, ExtractionPolicy(use_ocr, languages))
