"""A fleet's traffic without its boards, to measure what takes it: motes that seal, a broker, programs that listen."""
