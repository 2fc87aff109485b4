"""Real wikis, served by the sandbox and brought in by the service, are found again.

Sentences are taken from the pages' own storage format, by a fixed draw; the paraphrases were
written for these pages, in the language of each.
"""

import html
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater.domain.access import make_reader
from headwater.sandbox.loading import load_folder, load_recorded
from headwater.sandbox.world import World
from tests.e2e.running import KnowledgeBase, index_world

pytestmark = pytest.mark.untraced
"""The same is done to every page, hundreds of times."""

DATA = Path(__file__).resolve().parents[3] / "shared/data"
HANDBOOK = DATA / "space-18f-handbook"
MANUAL = DATA / "space-querypie"
RECORDED = DATA / "storage/querypie"
BOUNDED = 60
ANYONE = make_reader()

HANDBOOK_QUESTIONS = {
    "I got married, how do I get my e-mail to show what I am called now?": "Changing your name",
    "my browser distrusts military web sites": "Accessing DoD Systems",
    "agenda for a private weekly talk between boss and employee": "One-on-Ones",
    "who must be involved when we buy something that costs 25 thousand dollars": "Procurements Over $10,000",
    "the engagement is going badly, should we end it early?": "Managing 18F Projects in Distress — When to Pivot / Pause / Stop",
    "a colleague harasses me at an event, what are the rules?": "Code of conduct",
    "may external staff use the same laptops as federal employees?": "Contractors",
    "can a city hire us, and with which kind of contract?": "How we work with state and local agencies",
    "do I have to keep Slack messages by law?": "Records management",
    "how are new team leads chosen fairly?": "18F Leadership Selection Guide",
}
RECORDED_QUESTIONS = {
    "회사 디렉터리 서버의 계정을 동기화하려면?": "LDAP 연동하기",
    "감사 기록을 csv 파일로 내려받는 방법": "Audit Log Export",
    "특정 IP 대역에서만 웹 콘솔에 접속하도록 제한하기": "Allowed Zones",
    "실행 중인 쿼리를 관리자가 강제로 중지하려면": "Running Queries",
    "DBeaver 같은 도구로 접속하려면 무엇을 설치해야 하나요": "User Agent",
    "몇 단계까지 승인 단계를 둘 수 있나요": "Approval Rules",
    "온프레미스 쿠버네티스 클러스터를 직접 추가하기": "수동으로 쿠버네티스 클러스터 등록하기",
    "외부 앱에서 인증 토큰을 발급받아 사용자 인증": "OAuth Client Application",
    "컨테이너 쉘에서 한 작업을 영상으로 다시 보기": "Pod Session Recordings",
    "서버 한 대에 자동으로 설치하는 스크립트": "설치 가이드 - setup.v2.sh",
}


@dataclass(frozen=True)
class Found:
    """How many of the questions brought their page among the first five."""

    hits: int
    missed: Sequence[str]


def read_sentences(pages: Mapping[str, str], count: int) -> dict[str, str]:
    """Return one sentence for each of ``count`` pages, none of which another page has too."""
    cut = {title: split_sentences(body) for title, body in pages.items()}
    spread = Counter(sentence for sentences in cut.values() for sentence in set(sentences))
    chance = random.Random(18)  # noqa: S311  (a fixed draw, no secret)
    own = {
        title: [sentence for sentence in sentences if spread[sentence] == 1]
        for title, sentences in sorted(cut.items())
    }
    titles = chance.sample([title for title, sentences in own.items() if sentences], count)
    return {chance.choice(own[title]): title for title in titles}


def split_sentences(body: str) -> list[str]:
    """Return the sentences of 6 to 30 words in a storage body's paragraphs without macros."""
    paragraphs = re.findall(r"<p(?: [^>]*)?>((?:(?!</?p\b|<ac:).)*)</p>", body, re.DOTALL)
    plain = (" ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split()) for text in paragraphs)
    sentences = (part for text in plain for part in re.split(r"(?<=[.!?]) ", text))
    return [sentence for sentence in sentences if 6 <= len(sentence.split()) <= 30]


async def ask_all(base: KnowledgeBase, questions: Mapping[str, str], name: str) -> Found:
    missed = [
        question
        for question, title in questions.items()
        if title not in plain_titles(await base.find_titles(question, ANYONE, first=5))
    ]
    print(f"{name}: {len(questions) - len(missed)} of {len(questions)}; missed {missed}")  # noqa: T201  (shown with -s)
    return Found(len(questions) - len(missed), missed)


def plain_titles(titles: Sequence[str]) -> list[str]:
    """Return the titles without the invisible marks that some real ones end in."""
    return [re.sub(r"[\u200b-\u200f\u3164]", "", title).strip() for title in titles]


def needs(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: the real wikis are not part of the project")


def read_bodies(world: World) -> dict[str, str]:
    """Return the pages' bodies by title; pages without text are not asked for."""
    return {
        plain_titles([item.title])[0]: item.body
        for item in world.tree.contents.values()
        if len(item.body) > 500
    }


def load_beginning(folder: Path, copy: Path, pages: int) -> World:
    """Read the first pages of a space that lies in a folder."""
    lines = (folder / "storage.pages.jsonl").read_text("utf-8").splitlines()[:pages]
    (copy / "storage.pages.jsonl").write_text("\n".join(lines), "utf-8")
    (copy / "storage").symlink_to(folder / "storage")
    return load_folder(copy, name="Handbook")


@pytest.mark.timeout(300)
async def test_recorded_korean_pages_are_found_by_their_sentences_and_by_paraphrase(tmp_path):
    needs(RECORDED)
    world = load_recorded(RECORDED)
    async with index_world(world, tmp_path, spaces=["REAL"]) as base:
        sentences = await ask_all(base, read_sentences(read_bodies(world), 20), "sentences")
        paraphrases = await ask_all(base, RECORDED_QUESTIONS, "paraphrases")
    assert sentences.hits >= 19, sentences.missed
    assert paraphrases.hits >= 8, paraphrases.missed


@pytest.mark.timeout(300)
async def test_handbook_pages_are_found_by_their_sentences_and_by_paraphrase(tmp_path):
    needs(HANDBOOK)
    copy = tmp_path / "copy"
    copy.mkdir()
    world = load_beginning(HANDBOOK, copy, BOUNDED)
    async with index_world(world, tmp_path / "data", spaces=["DOCS"]) as base:
        sentences = await ask_all(base, read_sentences(read_bodies(world), 20), "sentences")
        paraphrases = await ask_all(base, HANDBOOK_QUESTIONS, "paraphrases")
    assert sentences.hits >= 19, sentences.missed
    assert paraphrases.hits >= 8, paraphrases.missed


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("folder", "listing", "questions"),
    [
        (HANDBOOK, "storage.pages.jsonl", HANDBOOK_QUESTIONS),
        (MANUAL, "storage-en.pages.jsonl", {}),
    ],
    ids=["handbook", "manual"],
)
async def test_a_whole_wiki_is_found_again(tmp_path, folder, listing, questions):
    needs(folder)
    world = load_folder(folder, listing=listing)
    async with index_world(world, tmp_path, spaces=["DOCS"]) as base:
        sentences = await ask_all(base, read_sentences(read_bodies(world), 40), "sentences")
        paraphrases = await ask_all(base, questions, "paraphrases")
    assert sentences.hits >= 38, sentences.missed
    assert paraphrases.hits >= 0.7 * len(questions), paraphrases.missed
