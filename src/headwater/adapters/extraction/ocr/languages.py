"""Which languages the engine's one model reads: those whose letters are in its alphabet."""

import re
from collections.abc import Sequence

_CODES = "af az bs ca cs cy da de en eo es et eu fi fr ga gl hr hu id is it ja lb lt lv ms mt nb nl nn no pl pt ro sk sl sq sv sw tr zh"
READABLE = frozenset(_CODES.split(" "))
"""ISO 639-1 codes; of all others letters are missing, and half of a word would be guessed."""

_LONG_CODES = "afr=af aze=az bos=bs cat=ca ces=cs cze=cs chi=zh cym=cy dan=da deu=de dut=nl eng=en epo=eo est=et eus=eu fin=fi fra=fr fre=fr ger=de gle=ga glg=gl hrv=hr hun=hu ice=is ind=id isl=is ita=it jpn=ja lav=lv lit=lt ltz=lb mlt=mt msa=ms nld=nl nno=nn nob=nb nor=no pol=pl por=pt ron=ro rum=ro slk=sk slo=sk slv=sl spa=es sqi=sq swa=sw swe=sv tur=tr wel=cy zho=zh"
LONG_CODES = dict(pair.split("=") for pair in _LONG_CODES.split(" "))
"""ISO 639-2 codes, which other OCR engines use, with their short forms."""

_TAG = re.compile(r"([a-z]{2,3})([-_][a-z0-9_-]*)?")


def find_unreadable(languages: Sequence[str]) -> list[str]:
    """Return the expected languages that are not known, or would come out as gibberish.

    Codes may carry a region or script: ``de-AT``, ``zh_Hans``.
    """
    return [language for language in languages if _shorten(language) not in READABLE]


def can_read(languages: Sequence[str]) -> bool:
    """Tell whether anything expected can be read; no expectation is one that can be met."""
    return not languages or len(find_unreadable(languages)) < len(languages)


def _shorten(language: str) -> str:
    tag = _TAG.fullmatch(language.strip().lower())
    code = tag.group(1) if tag else ""
    return LONG_CODES.get(code, code)
