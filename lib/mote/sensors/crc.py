"""The checksum of Sensirion's and Aosong's two-wire parts."""


def crc8(data, first, last):
    """Return the CRC-8 of `data[first:last]`: polynomial 0x31, begun at 0xFF (SHT3x data sheet, 4.12)."""
    crc = 0xFF
    for i in range(first, last):
        crc ^= data[i]
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc
