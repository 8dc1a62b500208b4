"""What actuators keep over a start: the last state, the one before or the safe one, and never a mixture."""

import os

from harness import raises
from mote.actuators import kept
from mote.actuators.kept import Kept

FOLDER = "kept.tmp"
SLOTS = (FOLDER + "/kept0", FOLDER + "/kept1")


class Flash:
    """A folder of this test, and the time."""

    def __init__(self):
        self.now = self.said = 0
        self.clear()
        os.mkdir(FOLDER)

    def clear(self):
        try:
            for name in os.listdir(FOLDER):
                os.remove(FOLDER + "/" + name)
            os.rmdir(FOLDER)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def start(self, generation=1):
        return Kept(generation, lambda: self.now, self.warn, FOLDER)

    def warn(self, who, *words):
        self.said += 1

    def content(self):
        found = []
        for path in SLOTS:
            try:
                with open(path, "rb") as file:
                    found.append(file.read())
            except OSError:
                found.append(None)
        return found


def full(path, data):
    raise OSError(28)


def test_states_come_back_after_a_start():
    with Flash() as flash:
        states = flash.start()
        states.put("pump", 1)
        flash.now += 10_000
        states.put("lamp", 33.5)
        again = flash.start()
        assert (again.get("pump"), again.get("lamp"), again.get("fan")) == (1, 33.5, None)


def test_switch_to_the_safe_state_is_in_flash_at_once_and_others_within_ten_seconds():
    with Flash() as flash:
        states = flash.start()
        states.put("pump", 1)
        states.put("lamp", 50)
        assert flash.start().get("lamp") is None
        states.put("pump", None)
        assert flash.start().get("pump") is None
        states.put("pump", 1)
        flash.now += 9_999
        states.tick(flash.now)
        assert flash.start().get("pump") is None
        flash.now += 1
        states.tick(flash.now)
        assert flash.start().get("pump") == 1


def test_flash_is_written_only_where_something_changed_and_not_by_whoever_switches_fast():
    with Flash() as flash:
        writes = []
        real = kept.store.write
        kept.store.write = lambda path, data: (writes.append(path), real(path, data))
        try:
            states = flash.start()
            for _ in range(100):
                for value in (1, 1, None, None):
                    states.put("pump", value)
                    states.tick(flash.now)
                    flash.now += 100
        finally:
            kept.store.write = real
        assert 2 <= len(writes) <= 2 + 2 * 40_000 // 10_000


def test_slot_that_is_damaged_at_any_byte_leaves_everything_safe():
    with Flash() as flash:
        states = flash.start()
        states.put("pump", 1)
        flash.now += 10_000
        states.put("lamp", 20)
        whole = flash.content()
        for at, data in enumerate(whole):
            for place in range(len(data)):
                damaged = bytearray(data)
                damaged[place] ^= 0x10
                for i, slot in enumerate(SLOTS):
                    with open(slot, "wb") as file:
                        file.write(whole[i] if i != at else damaged[: place + 1] if place % 2 else damaged)
                again = flash.start()
                assert again.get("pump") is None and again.get("lamp") is None
                assert flash.content() == [None, None], "it is not found damaged twice"
        assert flash.said == len(whole[0]) + len(whole[1])


def test_slot_that_was_not_written_to_its_end_leaves_the_state_before():
    with Flash() as flash:
        states = flash.start()
        states.put("pump", 1)
        with open(SLOTS[0] + ".part", "wb") as file:
            file.write(b"\x84")
        assert flash.start().get("pump") == 1


def test_flash_that_takes_nothing_leaves_nothing_that_was_undone():
    with Flash() as flash:
        states = flash.start()
        states.put("pump", 1)
        real, kept.store.write = kept.store.write, full
        try:
            states.put("pump", None)
        finally:
            kept.store.write = real
        assert flash.start().get("pump") is None


def test_older_states_do_not_stay_behind_where_the_power_goes_while_both_are_erased():
    real = kept.store.remove

    def cut(path):
        real(path)
        raise KeyboardInterrupt  # nothing after it is done

    for newer in (0, 1):
        for damage in ("newer", "older", "flash is full"):
            with Flash() as flash:
                states = flash.start()
                for name in ("lamp", "pump")[1 - newer :]:
                    flash.now += 10_000
                    states.put(name, 1)
                states.put("pump", None)
                states = flash.start()
                assert states._at == newer and states.get("pump") is None
                kept.store.remove = cut
                real_write, kept.store.write = kept.store.write, full
                try:
                    if damage == "flash is full":
                        flash.now += 20_000
                        raises(KeyboardInterrupt, states.put, "lamp", 20)
                    else:
                        with open(SLOTS[newer if damage == "newer" else 1 - newer], "r+b") as file:
                            file.write(b"\0")
                        raises(KeyboardInterrupt, flash.start)
                finally:
                    kept.store.remove = real
                    kept.store.write = real_write
                assert flash.start().get("pump") is None, (newer, damage)


def test_slot_that_cannot_be_read_leaves_everything_safe():
    with Flash() as flash:
        flash.start().put("pump", 1)
        real = kept.store.read

        def fails(path, limit):
            if path == SLOTS[0]:
                raise OSError(5)
            return real(path, limit)

        kept.store.read = fails
        try:
            assert flash.start().get("pump") is None
        finally:
            kept.store.read = real
        assert flash.start().get("pump") is None


def test_what_is_undone_is_gone_from_flash_where_there_is_no_memory_to_save_or_to_say_it():
    def starved(*words):
        raise MemoryError

    with Flash() as flash:
        states = flash.start()
        states.put("pump", 1)
        states._ms = states._warn = starved
        states.put("pump", None)
        assert flash.start().get("pump") is None


def test_states_of_an_earlier_life_do_not_count():
    with Flash() as flash:
        flash.start(1).put("pump", 1)
        again = flash.start(2)
        assert again.get("pump") is None
        again.put("pump", 1)
        assert flash.start(2).get("pump") == 1
        assert flash.start(1).get("pump") is None


def test_what_is_no_slot_is_refused():
    whole = kept.pack(1, 1, {"pump": 1})
    assert kept.parse(whole) == (1, 1, {"pump": 1})
    for data in (b"", b"\0" * 4, whole[:-1], whole + b"\0", whole[1:]):
        raises(ValueError, kept.parse, data)
