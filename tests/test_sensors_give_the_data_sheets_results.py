"""Raw values against what data sheets print of them; each test says where."""

from harness import raises
from mote.sensors import SensorError, aht20, crc, divider, ldr, ntc, sht3x, sht4x, tmp117, tsl2591, veml7700


def near(value, wanted, by):
    assert abs(value - wanted) <= by, (value, wanted)


def test_crc_is_that_of_the_example():
    # SHT3x-DIS, 4.12, table 20; SHT4x, 4.4: CRC (0xBEEF) = 0x92
    assert crc.crc8(b"\xbe\xef", 0, 2) == 0x92
    assert crc.crc8(b"\x00\xbe\xef\x00", 1, 3) == 0x92


def test_wrong_crc_of_either_word_is_refused():
    good = b"\xbe\xef\x92\xbe\xef\x92"
    assert sht3x.words(good) == (0xBEEF, 0xBEEF)
    for i in range(6):
        for bit in range(8):
            data = bytearray(good)
            data[i] ^= 1 << bit
            raises(SensorError, sht3x.words, data)


def test_sht3x_converts_both_ends_as_its_formula_says():
    # 4.13: T = -45 + 175 S / (2^16 - 1), RH = 100 S / (2^16 - 1)
    assert (sht3x.temperature(0), sht3x.temperature(65535)) == (-45, 130)
    assert (sht3x.humidity(0), sht3x.humidity(65535)) == (0, 100)
    near(sht3x.temperature(0x6666), 25.0, 0.001)
    near(sht3x.humidity(0x8000), 50.0, 0.001)


def test_sht4x_cuts_humidity_at_its_ends():
    # 4.6: RH = -6 + 125 S / (2^16 - 1), cropped to 0 to 100
    assert (sht4x.humidity(0), sht4x.humidity(65535)) == (0, 100)
    near(sht4x.humidity(0x72B0), 50.0, 0.01)
    assert sht4x.humidity(3145) == 0
    assert sht4x.humidity(3147) > 0


# A capture of a real AHT20, printed with its values by another program that talks to one.
AHT20 = bytes((0x1C, 0x3B, 0x5E, 0x86, 0x88, 0xB2, 0xD2))


def test_aht20_captured_from_a_real_part_gives_its_values():
    raw_h, raw_t = aht20.unpack(AHT20)
    near(aht20.humidity(raw_h), 23.191071, 0.00001)
    near(aht20.temperature(raw_t), 31.674576, 0.00001)


def test_aht20_with_any_bit_flipped_is_refused():
    for i in range(7):
        for bit in range(8):
            data = bytearray(AHT20)
            data[i] ^= 1 << bit
            raises(SensorError, aht20.unpack, data)


def test_tmp117_converts_the_table_of_its_data_sheet():
    # SNOSD82, table 7-1: 16-bit temperature data format
    for celsius, raw in (
        (-256, 0x8000),
        (-25, 0xF380),
        (-0.125, 0xFFF0),
        (-0.0078125, 0xFFFF),
        (0, 0x0000),
        (0.0078125, 0x0001),
        (0.125, 0x0010),
        (1, 0x0080),
        (25, 0x0C80),
        (100, 0x3200),
        (255.9921875, 0x7FFF),
    ):
        assert tmp117.temperature(raw) == celsius


def test_ntc_by_its_b_value_is_right_where_the_b_value_was_measured():
    # Vishay NTCLE317E4103SBA: R25 10000, R85 1066.1, B25/85 3984
    near(ntc.by_beta(10000, 10000, 3984), 25, 0.001)
    near(ntc.by_beta(1066.1, 10000, 3984), 85, 0.02)


def test_ntc_by_steinhart_hart_gives_its_resistances_back():
    # A 3 kilohm thermistor of the coefficients 1.4e-3, 2.37e-4, 9.9e-8, computed in double precision.
    for celsius, ohms in ((-10, 17000.007), (0, 10030.218), (10, 6110.382), (20, 3833.328), (30, 2470.600)):
        near(ntc.by_steinhart(ohms, 1.4e-3, 2.37e-4, 9.9e-8), celsius, 0.001)


def test_divider_is_the_same_from_both_sides():
    near(divider.resistance(1650, 3300, 10000, True), 10000, 0.01)
    near(divider.resistance(1100, 3300, 10000, True), 5000, 0.01)
    near(divider.resistance(1100, 3300, 10000, False), 20000, 0.01)


def test_ldr_is_ten_times_brighter_for_each_gamma():
    # GL55: gamma = lg(R10 / R100) / lg(100 / 10)
    near(ldr.illuminance(15000, 15000, 0.7), 10, 0.001)
    near(ldr.illuminance(15000 / 10**0.7, 15000, 0.7), 100, 0.01)


def test_tsl2591_counts_less_at_less_gain():
    near(tsl2591.illuminance(1000, 300, 25), 79.968, 0.001)
    near(tsl2591.illuminance(1000, 300, 1), 1999.2, 0.01)
    assert tsl2591.illuminance(0, 0, 9876) == 0
    assert tsl2591.illuminance(50, 50, 9876) == 0


def test_veml7700_steps_are_those_of_its_resolution_table():
    # Application note 84323: 0.0042 lx a count at gain 2 and 800 ms, in proportion from there to 2.1504
    gains = (1, 2, 0.125, 0.25)
    times = {0x0C: 25, 0x00: 100, 0x03: 800}
    for setting, time_ms, lux in veml7700._STEPS:
        assert times[setting >> 6 & 15] == time_ms
        near(lux, 0.0042 * 2 / gains[setting >> 11 & 3] * 800 / time_ms, 1e-6)


def test_veml7700_correction_begins_straight_and_bends_upwards():
    near(veml7700.straightened(1.0), 1.00238, 0.0001)
    last = 0.0
    for lux in range(0, 24000, 100):
        value = veml7700.straightened(lux)
        assert value >= last
        last = value
    assert veml7700.straightened(23500) > 120000
