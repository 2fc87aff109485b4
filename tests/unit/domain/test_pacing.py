"""However many processes ask one Confluence, they never have more under way than it bears, and all get on."""

from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.pacing import SitePace, settle, share_out

WINDOW = 8


@dataclass
class Process:
    """One process's side: it starts requests within its share, and ends them when it likes."""

    wanted: int = 0
    is_prompt: bool = False
    share: int = 0
    under_way: int = 0
    hurries: bool = False
    """Whether it speaks again soon: to give back what is not its share, or to get what is."""

    def ask(self) -> None:
        if self.under_way < min(self.share, self.wanted):
            self.under_way += 1

    def end(self) -> None:
        self.under_way = max(self.under_way - 1, 0)


@dataclass
class Site:
    """A site with its processes, and the book of what they say."""

    window: int = WINDOW
    said: dict[str, SitePace] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    dice: Random = field(default_factory=lambda: Random(7))  # noqa: S311  (chance for tests)

    def join(self, seat, wanted=99):
        self.processes[seat] = Process(wanted)

    def leave(self, seat):
        """Close the site: what was under way is broken off."""
        self.processes.pop(seat, None)
        self.said.pop(seat, None)

    def speak(self, seat):
        process = self.processes[seat]
        held = max(process.share, process.under_way)
        mine = SitePace(
            0, self.window, wanted=process.wanted, is_prompt=process.is_prompt, held=held
        )
        settlement = settle(self.said, seat, mine)
        self.said[seat] = settlement.said
        process.share = settlement.share
        process.hurries = settlement.promised != settlement.said.held

    def go_round(self):
        """Let everybody speak, and do what there is to do in between; then those that hurry."""
        seats = [*self.processes]
        self.dice.shuffle(seats)  # each speaks at its own moment
        for seat in seats:
            self._work(seat)
        for seat in seats:
            if self.processes[seat].hurries:
                self._work(seat)

    def _work(self, seat):
        process = self.processes[seat]
        process.under_way = 0
        self.speak(seat)
        process.under_way = min(process.share, process.wanted)

    def vanish(self, seat):
        """Be gone; what it held stays in the book until somebody strikes it out."""
        del self.processes[seat]

    def want(self, seat, wanted):
        self.processes[seat].wanted = wanted

    def ask(self, seat):
        self.processes[seat].ask()

    def end(self, seat):
        self.processes[seat].end()

    def take_step(self, what, seat, wanted):
        if what == "join":
            if seat not in self.processes:
                self.join(seat, wanted)
        elif seat in self.processes:
            getattr(self, what)(seat, *([wanted] if what == "want" else []))

    @property
    def under_way(self):
        return sum(process.under_way for process in self.processes.values())

    @property
    def held(self):
        return sum(pace.held for pace in self.said.values())

    @property
    def shares(self):
        return {seat: process.share for seat, process in self.processes.items()}


def crowd(number, **how):
    site = Site(**how)
    for index in range(number):
        site.join(f"p{index:02}")
    return site


WANTED = st.integers(0, 12)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "vanish", "speak", "ask", "ask", "end", "want"]),
        st.integers(0, 11),
        WANTED,
    ),
    max_size=150,
)


@given(STEPS, st.integers(1, WINDOW))
def test_never_more_is_under_way_than_the_site_bears(steps, window):
    site = Site(window)
    for what, number, wanted in steps:
        site.take_step(what, f"p{number}", wanted)
        assert site.under_way <= site.held <= window
        for name, process in site.processes.items():
            assert process.under_way <= (site.said[name].held if name in site.said else 0)


@given(st.lists(WANTED, min_size=1, max_size=20), st.integers(1, WINDOW))
def test_shares_are_as_equal_as_can_be_and_nobodys_more_than_wanted(wants, window):
    paces = {str(index): SitePace(wanted=wanted) for index, wanted in enumerate(wants)}
    shares = share_out(paces, window)
    assert sum(shares.values()) == min(window, sum(wants))
    assert all(shares[seat] <= pace.wanted for seat, pace in paces.items())
    for seat, pace in paces.items():
        for other in paces:
            if shares[seat] < pace.wanted:
                assert shares[other] <= shares[seat] + 1


@given(st.lists(st.integers(1, 12), min_size=1, max_size=WINDOW), st.data())
def test_after_joining_and_leaving_everybody_has_its_share_two_rounds_later(wants, data):
    site = Site()
    for index, wanted in enumerate(wants):
        site.join(f"p{index}", wanted)
        if data.draw(st.booleans()):
            site.go_round()
    for seat in data.draw(st.sets(st.sampled_from([*site.processes]))):
        site.leave(seat)
    for _ in range(3):
        site.go_round()
    settled = site.shares
    assert sum(settled.values()) == min(WINDOW, sum(p.wanted for p in site.processes.values()))
    assert settled == share_out(site.said, WINDOW)
    site.go_round()
    assert site.shares == settled, "who has a share of a wide enough window keeps it"


def count_turns(site, rounds):
    """Return the rounds in which each process had a request, once all have come."""
    turns: dict[str, list[int]] = {seat: [] for seat in site.processes}
    site.go_round()  # the first to speak has it all, and gives it back
    for now in range(rounds):
        site.go_round()
        assert site.held <= site.window
        for seat, share in site.shares.items():
            assert share in {0, 1}
            turns[seat] += [now] * share
    return turns


def find_longest_wait(taken, rounds):
    return max(after - before for before, after in pairwise([0, *taken, rounds]))


@pytest.mark.parametrize(("number", "window"), [(9, 8), (12, 8), (30, 8), (3, 1), (2, 1), (17, 4)])
def test_with_more_processes_than_the_window_is_wide_everybodys_turn_comes(number, window):
    cycle = -(-number // window)
    turns = count_turns(crowd(number, window=window), rounds := 40 * cycle)
    longest = max(find_longest_wait(taken, rounds) for taken in turns.values())
    assert longest <= 2 * cycle + 1, "nobody waits for longer than the others' turns"
    counts = [len(taken) for taken in turns.values()]
    assert max(counts) <= 2 * min(counts), "and nobody has more than its due for long"
    assert sum(counts) >= rounds * window / 2, "the window is not left empty by passing it on"


def test_whose_caller_waits_goes_first_and_keeps_nobody_from_having_a_turn():
    site = crowd(20, window=4)
    prompt = [seat for index, seat in enumerate(site.processes) if index % 3 == 0]
    for seat in prompt:
        site.processes[seat].is_prompt = True
    turns = count_turns(site, rounds := 200)
    waits = {seat: find_longest_wait(taken, rounds) for seat, taken in turns.items()}
    assert max(waits[seat] for seat in prompt) <= 8
    assert max(waits.values()) <= 30


def test_a_call_is_next_although_many_were_in_line_before_it():
    site = crowd(30)
    for _ in range(10):
        site.go_round()
    site.join("call", wanted=1)
    site.processes["call"].is_prompt = True
    site.go_round()
    site.go_round()
    assert site.shares["call"] == 1


def test_a_process_that_is_alone_has_all_it_wants_at_once():
    site = crowd(1)
    site.go_round()
    assert site.shares == {"p00": WINDOW}


def test_who_wants_nothing_takes_nothing_from_the_others():
    site = crowd(3)
    site.processes["p02"].wanted = 0
    for _ in range(3):
        site.go_round()
    assert site.shares == {"p00": 4, "p01": 4, "p02": 0}


def test_a_newcomer_has_its_share_once_the_others_have_spoken():
    site = crowd(1)
    site.go_round()
    site.join("p01", wanted=1)
    site.speak("p01")
    assert site.shares == {"p00": 8, "p01": 0}
    site.go_round()
    site.go_round()
    assert site.shares == {"p00": 7, "p01": 1}


def test_a_request_that_lasts_is_counted_until_it_ends():
    site = crowd(1, window=1)
    site.go_round()
    site.join("p01")
    for _ in range(3):
        site.speak("p01")
        site.speak("p00")  # its request is still under way
        assert site.shares == {"p00": 0, "p01": 0}
    site.processes["p00"].end()
    site.speak("p00")
    site.speak("p01")
    assert site.shares == {"p00": 0, "p01": 1}


def test_the_latest_setback_that_anybody_met_makes_the_window_for_all():
    before = {"a": SitePace(setbacks=1, window=8, wanted=4, held=4)}
    hit = settle(before, "b", SitePace(setbacks=2, window=4, wanted=4)).said
    assert (hit.setbacks, hit.window, hit.held) == (2, 4, 0)
    heard = settle({**before, "b": hit}, "a", SitePace(setbacks=1, window=8, wanted=4, held=4))
    assert (heard.said.setbacks, heard.said.window, heard.share) == (2, 4, 2)


def test_who_finds_that_the_site_bears_more_says_so_for_all():
    others = {"a": SitePace(setbacks=2, window=5, wanted=9, held=3)}
    heard = settle(others, "b", SitePace(setbacks=2, window=4, wanted=9, held=2))
    assert heard.said.window == 5


def test_those_that_ask_are_counted_and_those_that_do_not_are_not():
    others = {"a": SitePace(wanted=1), "b": SitePace(), "c": SitePace(wanted=2)}
    assert settle(others, "d", SitePace()).askers == 3
