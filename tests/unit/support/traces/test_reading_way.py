from tests.support.traces.reading_way import passed

IDLE = [(0.0, 10.0), (10.0, 20.0)]
READINGS = [(30.0, 40.0), (40.0, 50.0)]


def test_a_file_counts_if_each_reading_enters_it_and_rest_does_not() -> None:
    record = [
        (1.0, "every_second.py", "beat"),
        (2.0, "once.py", "settle"),
        (11.0, "every_second.py", "beat"),
        (31.0, "first.py", "take"),
        (32.0, "every_second.py", "beat"),
        (33.0, "now_and_then.py", "purge"),
        (34.0, "once.py", "settle"),
        (35.0, "every_second.py", "carry"),
        (36.0, "first.py", "again"),
        (41.0, "first.py", "take"),
        (42.0, "once.py", "settle"),
        (43.0, "every_second.py", "carry"),
        (60.0, "late.py", "end"),
    ]
    assert passed(record, IDLE, READINGS) == ["first.py", "once.py", "every_second.py"]
