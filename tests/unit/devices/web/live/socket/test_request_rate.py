from devices.web.live.socket.request_rate import BURST, REQUESTS_PER_S, Bucket


def test_requests_have_a_burst_and_a_rate() -> None:
    bucket = Bucket(0)
    assert sum(bucket.take(0) for _ in range(1_000)) == BURST
    assert sum(bucket.take(1) for _ in range(1_000)) == REQUESTS_PER_S
    assert sum(bucket.take(1_000) for _ in range(1_000)) == BURST
