import subprocess
import sys
from pathlib import Path

from headwater.jobs.executors import has_company, hold_abandoned_seats, take_seat

HOLD = """
import sys
from pathlib import Path
from headwater.jobs.executors import take_seat
seat = take_seat(Path(sys.argv[1]))
print(seat.name, flush=True)
sys.stdin.read()
"""


def start_holder(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_get_seats_of_their_own_and_a_restarted_one_gets_its_seat_back(tmp_path) -> None:
    first = take_seat(tmp_path)
    second = take_seat(tmp_path)
    assert (first.name, second.name) == ("seat-0", "seat-1")
    first.release()
    assert take_seat(tmp_path).name == "seat-0"


def test_the_seat_of_a_killed_process_is_abandoned_and_that_of_a_living_one_is_not(
    tmp_path,
) -> None:
    own = take_seat(tmp_path)
    with start_holder(tmp_path) as holder:
        assert holder.stdout
        assert holder.stdout.readline().strip() == "seat-1"
        with hold_abandoned_seats(tmp_path, own) as seats:
            assert seats == []
        holder.kill()
        holder.wait()
    with hold_abandoned_seats(tmp_path, own) as seats:
        assert seats == ["seat-1"]
        assert take_seat(tmp_path).name == "seat-2", "held while it is taken over"


def test_a_process_sees_whether_another_is_there_whatever_its_seat_is_for(tmp_path) -> None:
    own = take_seat(tmp_path)
    assert not has_company(own)
    guest = take_seat(tmp_path, "guest")
    assert guest.name == "guest-0"
    assert has_company(own)
    assert has_company(guest)
    guest.release()
    assert not has_company(own)


def test_seats_that_a_process_keeps_free_are_nobodys_company(tmp_path) -> None:
    own, other = take_seat(tmp_path), take_seat(tmp_path)
    other.release()
    with hold_abandoned_seats(tmp_path, own) as seats:
        assert has_company(own), "that is what its own lock looks like"
        assert not has_company(own, seats)
